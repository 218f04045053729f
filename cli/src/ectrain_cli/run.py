"""`ectrain run`: train, show how far it is, and say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.display import Display
from ectrain_cli.display import display as display_options
from ectrain_cli.main import EXIT_CODES
from ectrain_cli.terminal import labelled, say, show, show_json, warning

if TYPE_CHECKING:
    from ectrain.config import RunConfig
    from ectrain.loop import Observer
    from ectrain.observers import PluginObserver
    from ectrain.run import Run


@click.command(epilog=EXIT_CODES)
@options.selection
@click.option("--out", type=click.Path(path_type=Path), help="Run directory; else in data/runs.")
@click.option(
    "--init",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="RUN",
    help="Begin with the best weights of another run: its trunk, and heads of the same name.",
)
@click.option(
    "--resume/--no-resume", default=True, help="Go on from the last good checkpoint (default)."
)
@display_options
@click.option(
    "--allow-change",
    "allowed",
    metavar="KEY",
    multiple=True,
    help="Go on with a run although this setting changed; repeat.",
)
@click.option(
    "--with",
    "observers",
    metavar="NAME",
    multiple=True,
    help="Let an installed observer watch the run; repeat.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, print the plan, write nothing.")
@options.as_json
@options.debug
@click.pass_context
def run(
    ctx: click.Context,
    /,
    out: Path | None,
    resume: bool,
    display: Display,
    allowed: tuple[str, ...],
    observers: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Train one trunk on the chosen tasks.

    The same command again goes on where the run was stopped.

    \b
    Examples:
      ectrain run --tasks codegen --size tiny --scale 0.1
      ectrain run --tasks codegen,security --config run.toml --out data/runs/first
      ectrain run --tasks tests,reward --init data/runs/first
      ectrain run --tasks codegen --set optimizer.rate=0.001 --dry-run
    """
    from ectrain_cli.selection import configuration, default_run_directory

    config = configuration(**chosen)
    out = out or default_run_directory(config)
    watching = _load_observers(observers)
    if dry_run:
        from ectrain_cli.plan import plan

        ctx.exit(plan(config, out, as_json))
    _train(config, out, resume, allowed, display, watching)
    _close(out, as_json)


def _load_observers(names: Sequence[str]) -> list[PluginObserver]:
    if not names:
        return []
    from ectrain.observers import load_observers

    return load_observers(names)


def _train(
    config: RunConfig,
    out: Path,
    resume: bool,
    allowed: Sequence[str],
    display: Display,
    observers: Sequence[PluginObserver],
) -> None:
    from ectrain.build import prepare
    from ectrain.loop import train

    if display.shows_progress:
        say(labelled("run dir", str(out)))
    prepared = prepare(config, out, resume, allowed)
    try:
        with display.watcher(config.checkpoints.every_epochs) as watching:
            going_on = train(prepared, _also(watching, observers, prepared))
            if not going_on and display.shows_progress:
                say("already complete; another --out trains again")
    finally:
        _write_report(out)


def _also(watching: Observer, observers: Sequence[PluginObserver], run: Run) -> Observer:
    """Return what shows the run, and hands its events on where observers were asked for."""
    if not observers:
        return watching
    from ectrain.observers import Observed

    return Observed(watching, observers, run.warn, run.directory)


def _write_report(out: Path) -> None:
    """Write the report, whatever the run came to; a full disk must not hide the run's own end."""
    from ectrain.errors import EctrainError
    from ectrain.report import make_report
    from ectrain.storage import Storage
    from ectrain_cli.report import read

    if not (out / "events.jsonl").is_file():
        return
    try:
        text, path = make_report(read(out)).encode(), out / "report.md"
        if not path.is_file() or path.read_bytes() != text:
            Storage().replace(path, text)
    except (OSError, EctrainError) as error:
        warning(f"the report was not written: {error}")


def _close(out: Path, as_json: bool) -> None:
    from ectrain.digest import digest
    from ectrain_cli.closing import closing
    from ectrain_cli.report import read, summary

    found, model = digest(read(out)), _publish(out)
    if as_json:
        paths = {"run": str(out), "report": str(out / "report.md"), "model": model and str(model)}
        show_json("run", {**paths, **summary(found)})
        return
    for line in closing(found, out, model):
        show(line)


def _publish(out: Path) -> Path | None:
    """Put the model and the report of a finished run in `data`; a full disk ends nothing else."""
    from ectrain.errors import EctrainError
    from ectrain.final import data_folder, publish

    data = data_folder(out)
    if data is None or not (out / "events.jsonl").is_file():
        return None
    try:
        published = publish(out, data)
    except EctrainError as error:
        warning(f"the final model was not written: {error}")
        return None
    return published.model if published else None
