"""`ectrain plugins new`: a whole distribution of a new task, which trains at once."""

from __future__ import annotations

from pathlib import Path

import click

from ectrain_cli import options
from ectrain_cli.scaffold import KINDS, Names, write_scaffold
from ectrain_cli.terminal import labelled, say, show, show_json


@click.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="label",
    show_default=True,
    help="What it learns: " + "; ".join(f"{k}, {kind.does}" for k, kind in KINDS.items()) + ".",
)
@click.option("--out", type=click.Path(path_type=Path), help="New directory; else ectrain-NAME.")
@options.as_json
@options.debug
def new(name: str, kind: str, out: Path | None, as_json: bool) -> None:
    """Write a new distribution with task (or observer) NAME: code, 20 rows of data, tests.

    It keeps its contract and works as it is; nothing that exists is overwritten.

    \b
    Examples:
      ectrain plugins new purity
      ectrain plugins new docstring --kind sequence --out plugins/docstring
      ectrain plugins new board --kind observer
    """
    names = Names.of(name, kind)
    folder = out or Path(names.distribution)
    written = write_scaffold(folder, names)
    if as_json:
        files = [str(path) for path in written]
        show_json(
            "plugins new", {"name": name, "kind": kind, "folder": str(folder), "files": files}
        )
        return
    for path in written:
        show(str(folder / path))
    say(labelled("next", f"pip install -e {folder}"))
    say(labelled("", names.filled(KINDS[kind].again)))
    say(labelled("", f"python -m pytest {folder}"))
