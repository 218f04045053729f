"""`ectrain data`: build datasets of real Elixir code, look at them, and change them.

Imported when the command is used; see the entry point in `pyproject.toml`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ectrain_elixir.datasets.looking import LOOKING, shares_of
from ectrain_elixir.terminal import columns, note, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from ectrain_elixir.datasets.build import Built
    from ectrain_elixir.datasets.work import Done

_SECONDS = 10.0  # between two lines of progress where nothing can be drawn


@click.group()
def data() -> None:
    """Make training data of real Elixir code, and look at it.

    \b
    Examples:
      ectrain data build ~/code/shop ~/code/blog --out data/ours
      ectrain data stats data/ours --html data/ours.html
      ectrain data leaks data/ours --against problems.jsonl
      ectrain run --tasks codegen --data data/ours
    """


@data.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--licence", "licences", multiple=True, help="Allowed SPDX id; repeat. Else all.")
@click.option("--largest", type=click.IntRange(1), default=200_000, help="Bytes of a file.")
@click.option("--generated", is_flag=True, help="Keep files that say they are generated.")
@click.option(
    "--near",
    type=click.FloatRange(0.5, 1.0),
    default=0.85,
    help="Likeness from which a file repeats another.",
)
@click.option("--keep-near", is_flag=True, help="Look for equal files alone.")
@click.option(
    "--keep-duplicates", is_flag=True, help="Keep what repeats, in the same split as the first."
)
@click.option(
    "--split-by",
    "by",
    type=click.Choice(["auto", "package", "folder", "file"]),
    default="auto",
    help="What is never split.",
)
@click.option("--shares", metavar="T,V,T", callback=shares_of, help="train,val,test: 80,10,10.")
@click.option("--seed", type=int, default=0, help="Of the splits.")
@click.option(
    "--tools",
    type=click.Choice(["saved", "run", "none"]),
    default="saved",
    help="Credo's and Sobelow's labels: from output saved beside, or run them (this executes "
    "the projects: only those you trust).",
)
@click.option(
    "--ontology",
    "ontologies",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Turtle file of elixir-ontologies; repeat. Else facts come from the syntax.",
)
@click.option("--columns", "column_text", default="", help="Of tables: code=content,path=file.")
@click.option(
    "--skip-bad", type=click.IntRange(0), default=0, help="Most bad table rows to pass over."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes that read; else one a core.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
def build(**given: Any) -> None:
    """Build a dataset from Mix projects, folders, archives and tables.

    PATHS are Mix projects (umbrellas, too), folders of .ex and .exs, archives of Hex packages or
    source (.tar, .tar.gz, ...), .jsonl or .parquet. The dataset appears as a whole or not at all;
    after an interruption the same command goes on.
    """
    from ectrain_elixir.datasets.assembly import Choices
    from ectrain_elixir.datasets.build import BuildOptions
    from ectrain_elixir.datasets.build import build as built
    from ectrain_elixir.datasets.reading import Filters
    from ectrain_elixir.datasets.tables import parse_columns

    options = BuildOptions(
        paths=given["paths"],
        out=given["out"],
        filters=Filters(given["largest"], frozenset(given["licences"]), given["generated"]),
        choices=Choices(
            given["by"],
            2.0 if given["keep_near"] else given["near"],
            given["keep_duplicates"],
            given["shares"],
            given["seed"],
        ),
        columns=parse_columns(given["column_text"]),
        tools=given["tools"],
        ontologies=given["ontologies"],
        jobs=given["jobs"] or len(os.sched_getaffinity(0)),
        skip_bad=given["skip_bad"],
    )
    started = time.monotonic()
    with _progress() as (begun, progress):
        found = built(options, begun, progress)
    _tell(found, options.out, time.monotonic() - started, given["as_json"])


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int], None], Callable[[Done], None]]]:
    """Show bytes read, the rate and the time left: a bar on a terminal, else a line at times."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    parts = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*parts, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task("reading", total=None)
        yield (
            lambda size: bar.update(task, total=size),
            lambda done: bar.update(task, advance=done.bytes),
        )


def _lines() -> tuple[Callable[[int], None], Callable[[Done], None]]:
    total, read, started, last = 0, 0, time.monotonic(), time.monotonic()

    def begun(size: int) -> None:
        nonlocal total
        total = size

    def progress(done: Done) -> None:
        nonlocal read, last
        read += done.bytes
        now = time.monotonic()
        if now - last < _SECONDS:
            return
        last, rate = now, read / (now - started)
        left = (total - read) / rate if rate else 0.0
        note(
            f"read {read / 1e6:,.1f} of {total / 1e6:,.1f} MB, {rate / 1e6:.2f} MB/s, "
            f"{left:,.0f} s left"
        )

    return begun, progress


def _tell(found: Built, out: Path, seconds: float, as_json: bool) -> None:
    counts = found.manifest.counts
    files = counts.get("files", 0)
    document = {
        "out": str(out),
        "fingerprint": found.manifest.fingerprint,
        "counts": dict(counts),
        "notes": list(found.notes),
        "seconds": round(seconds, 3),
        "files_per_second": round(files / seconds, 1) if seconds else None,
        "units": {"read": found.read, "reused": found.reused},
    }
    for line in found.notes:
        note(f"note: {line}")
    lines = [
        *columns((name, f"{count:,}") for name, count in counts.items()),
        f"{files:,} files in {seconds:.1f} s, {files / max(seconds, 1e-9):,.0f} files/s",
        f"dataset  {out}",
        f"next     ectrain data stats {out}",
    ]
    told("data build", document, lines, as_json)


for _command in LOOKING:
    data.add_command(_command)
