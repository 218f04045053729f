"""`ectrain predict`: what a trained run says of files, with the lines that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import (
    say,
    show_document,
    show_json,
    stdout_for_results,
    warning,
)

if TYPE_CHECKING:
    from ectrain.label_task import LabelTask
    from ectrain.model import Model
    from ectrain_cli.labelled_file import Infos, LabelledFile
    from ectrain_cli.sources import Source

LEVELS = ("note", "warning", "error")
FOUND = 10  # exit code


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--run",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of a trained run.",
)
@options.tasks
@click.option("--sarif", is_flag=True, help="Write one SARIF 2.1.0 document to stdout.")
@click.option("--all", "everything", is_flag=True, help="With --json, tell of all labels.")
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    help="Exit with code 10 where a label of this level, or a graver one, is found.",
)
@options.as_json
@options.debug
def predict(
    files: tuple[str, ...],
    run: Path,
    tasks: tuple[str, ...] | None,
    sarif: bool,
    everything: bool,
    fail_on: str | None,
    as_json: bool,
) -> None:
    """Say which labels FILES have: files, folders, or - for stdin.

    Each label comes with its probability, the threshold that was chosen on validation data, and the
    lines that speak most for it. What can't be read is named and passed over.
    """
    from ectrain.model import load_model
    from ectrain_cli.sources import read_sources

    if sarif and as_json:
        raise click.UsageError("expected either --json or --sarif")
    with stdout_for_results() if sarif else nullcontext():
        model = load_model(run, warning)
        chosen = label_tasks(model, tasks)
        suffixes = {suffix for task in chosen.values() for suffix in task.suffixes}
        left_out = {folder for task in chosen.values() for folder in task.skipped_folders}
        sources, skipped = read_sources(files, suffixes, left_out)
        for one in skipped:
            warning(f"{one.name} is skipped: {one.why}")
        found = labelled(model, chosen, sources)
        infos = {name: {i.name: i for i in task.label_infos()} for name, task in chosen.items()}
        if sarif:
            from ectrain_cli.sarif import sarif as make_sarif

            show_document(make_sarif(found, infos, skipped))
        elif as_json:
            from ectrain_cli.labelled_file import document

            rows = [{"path": one.name, "why": one.why} for one in skipped]
            whole = {"run": str(run), "tasks": [*chosen], "skipped": rows}
            show_json("predict", {**whole, "files": document(found, infos, everything)})
        else:
            from ectrain_cli.listing import show_listing

            show_listing(found, infos)
    having = sum(any(file.given()) for file in found)
    say(f"{_count(len(found))} read, {having} with labels, {len(skipped)} skipped")
    if fail_on and any(_grave(found, infos, fail_on)):
        click.get_current_context().exit(FOUND)


def label_tasks(model: Model, names: Sequence[str] | None) -> dict[str, LabelTask[Any, Any]]:
    """Return the named tasks of a run, or all that give labels.

    Raises:
        UnknownTaskError: The run was not trained on one of them.
        ConfigError: One gives no labels, or none does.
    """
    from ectrain.errors import ConfigError
    from ectrain.label_task import LabelTask
    from ectrain_cli.selection import known_tasks

    offered = {name: t for name, t in model.tasks.items() if isinstance(t, LabelTask)}
    those = f"those of this run that do: {', '.join(offered)}" if offered else "none of this run's"
    for name in known_tasks(names, model.tasks) if names else ():
        if name not in offered:
            raise ConfigError(f"task {name} gives no labels to files; {those}")
    if not offered:
        raise ConfigError(f"no task gives labels to files; {those}")
    return {name: offered[name] for name in names or offered}


def labelled(
    model: Model, tasks: Mapping[str, LabelTask[Any, Any]], sources: Sequence[Source]
) -> list[LabelledFile]:
    """Return what tasks say of each text."""
    from ectrain_cli.labelled_file import LabelledFile

    texts = [source.text for source in sources]
    said = {}
    for name, task in tasks.items():
        if name not in model.choices:
            say(f"choosing {name}'s thresholds on validation data: the run kept none")
        said[name] = list(task.predict(model, texts))
    return [
        LabelledFile(source.name, source.text, {name: said[name][place] for name in tasks})
        for place, source in enumerate(sources)
    ]


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _grave(files: Sequence[LabelledFile], infos: Infos, least: str) -> Iterator[bool]:
    for file in files:
        for task, said in file.given():
            yield LEVELS.index(infos[task][said.label].level) >= LEVELS.index(least)
