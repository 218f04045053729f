"""`ectrain plugins check`: hold a task to every law of the contract."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import say, show, show_json

if TYPE_CHECKING:
    from ectrain.config import RunConfig
    from ectrain.offers import Offer
    from ectrain.testing import Finding

_MARKS = {"kept": "kept", "broken": "BROKEN", "does not apply": "-"}


@click.command("check")
@click.argument("name")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one setting of the task, such as size=64; repeat.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder or file of the task's data.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Time that encoding an example, or measuring a batch, may take.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was found as Markdown.",
)
@options.as_json
@options.debug
@click.pass_context
def check(
    ctx: click.Context,
    /,
    name: str,
    settings: tuple[str, ...],
    data: Path | None,
    seconds: float,
    certificate: Path | None,
    as_json: bool,
) -> None:
    """Hold task NAME to every law of the contract; exit with 4 if it breaks one.

    \b
    Examples:
      ectrain plugins check codegen --set size=64
      ectrain plugins check codegen --certificate codegen.md
    """
    from ectrain.data import make_tasks
    from ectrain.offers import installed
    from ectrain.testing import findings
    from ectrain_cli.selection import configuration

    changed = tuple(f"tasks.{name}.{setting}" for setting in settings)
    config = configuration(tasks=(name,), settings=changed, data=data)
    task = make_tasks(config)[name]
    found: list[Finding] = []
    for one in findings(task, seconds=seconds):
        found.append(one)
        if not as_json:
            show(_line(one))
    text = _certificate(installed()[name], config, found)
    if certificate is not None:
        _write(certificate, text)
    if as_json:
        show_json("plugins check", _document(name, found))
    else:
        say(_summary(found))
    ctx.exit(4 if any(one.outcome == "broken" for one in found) else 0)


def _line(one: Finding) -> str:
    note = f": {one.message}" if one.message else ""
    return f"{_MARKS[one.outcome]:<6} {one.seconds:5.2f} s  {one.law}{note}"


def _summary(found: Sequence[Finding]) -> str:
    counts = Counter(one.outcome for one in found)
    return (
        f"{len(found)} laws: {counts['kept']} kept, {counts['broken']} broken, "
        f"{counts['does not apply']} do not apply"
    )


def _document(name: str, found: Sequence[Finding]) -> dict[str, Any]:
    import attrs

    broken = [one.law for one in found if one.outcome == "broken"]
    return {"task": name, "broken": broken, "laws": [attrs.asdict(one) for one in found]}


def _write(path: Path, text: str) -> None:
    from ectrain.storage import disk_errors

    with disk_errors(path, "can't write"):
        path.write_text(text, encoding="utf-8")
    say(f"written to {path}")


def _certificate(offer: Offer, config: RunConfig, found: Sequence[Finding]) -> str:
    """Return what was found as Markdown: with what, each law, what came of it."""
    from ectrain.markdown import escaped, table_lines

    def cells() -> Iterator[Sequence[str]]:
        for one in found:
            yield escaped(one.law), escaped(one.promise), one.outcome, escaped(one.message)

    settings = ", ".join(f"{k} = {v!r}" for k, v in config.tasks[offer.name].items())
    lines = [
        f"# Contract of the task {escaped(offer.name)}",
        "",
        f"{_summary(found)}.",
        "",
        *table_lines(("with", "version"), [(escaped(a), escaped(b)) for a, b in _versions(offer)]),
        "",
        f"Settings: {escaped(settings) if settings else 'the defaults'}.",
        "",
        *table_lines(("law", "what it says", "outcome", "note"), cells()),
    ]
    return "\n".join(lines) + "\n"


def _versions(offer: Offer) -> list[tuple[str, str]]:
    import torch

    from ectrain import __version__
    from ectrain.task import API

    return [
        (offer.distribution, offer.version),
        ("ectrain", __version__),
        ("contract", f"{API[0]}.{API[1]}"),
        ("torch", torch.__version__),
        ("Python", platform.python_version()),
        ("date", datetime.now(UTC).date().isoformat()),
    ]
