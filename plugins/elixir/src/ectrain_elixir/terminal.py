"""What the commands of this package write: one JSON document, or lines that a terminal can bear."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click


def told(command: str, data: Mapping[str, Any], lines: Iterable[str], as_json: bool) -> None:
    """Write a result to stdout: the document where JSON is wanted, else the lines."""
    if as_json:
        click.echo(json.dumps({"schema_version": 1, "command": command, **data}, indent=2))
        return
    for line in lines:
        click.echo(visible(line))


def note(line: str) -> None:
    """Write a message to stderr."""
    click.echo(visible(line), err=True)


def visible(text: str) -> str:
    """Return text whose control characters can't move the cursor or change the title."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def columns(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Align cells with spaces; the first column to the left, the others to the right."""
    table = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *rest in table:
        cells = [f"{first:<{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def bars(counts: Mapping[str, int], width: int = 40) -> Iterator[str]:
    """Yield a line with a bar for each count."""
    most = max(counts.values(), default=0) or 1
    names = max(map(len, counts), default=0)
    mark = "\u2588" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"
    for name, count in counts.items():
        bar = mark * max(int(count > 0), round(width * count / most))
        yield f"{name:<{names}}  {bar} {count:,}"
