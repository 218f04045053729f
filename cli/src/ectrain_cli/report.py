"""`ectrain report`: a run's events as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import say, show, show_json

if TYPE_CHECKING:
    from ectrain.digest import Digest


@click.command()
@options.RUN
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
@options.as_json
@options.debug
def report(run: Path, out: Path | None, as_json: bool) -> None:
    """Write the report of RUN, a run directory, in Markdown."""
    from ectrain.digest import digest
    from ectrain.report import make_report
    from ectrain.storage import disk_errors

    events = read(run)
    text = make_report(events)
    if out is not None:
        with disk_errors(out, "can't write"):
            out.write_text(text, encoding="utf-8")
        say(f"written to {out}")
    if as_json:
        show_json("report", {"run": str(run), **summary(digest(events)), "markdown": text})
    elif out is None:
        show(text.rstrip("\n"))


def read(run: Path) -> list[dict[str, Any]]:
    """Return all events of a run.

    Raises:
        DataError: The folder holds no event log.
    """
    from ectrain.errors import DataError
    from ectrain.events import read_events

    path = run / "events.jsonl"
    if not path.is_file():
        raise DataError(f"{path} is missing: {run} is not a run directory; name one of data/runs")
    return list(read_events(path))


def summary(found: Digest) -> dict[str, Any]:
    """Return what a run came to, as JSON has it."""
    end = found.end or {}
    return {
        "status": found.status,
        "tasks": found.tasks,
        "steps": end.get("steps"),
        "epochs": end.get("epochs"),
        "seconds": end.get("seconds"),
        "tokens": end.get("tokens"),
        "validation": found.latest("val"),
        "test": found.estimates.get("test", {}),
        "test_metrics": found.latest("test"),
        "baselines": found.baselines,
        "claims": found.claims,
        "checkpoints": list(found.checkpoints),
        "warnings": found.warnings,
    }
