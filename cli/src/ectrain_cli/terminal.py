"""What goes to the terminal, and what a terminal must never be sent."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import click

SCHEMA_VERSION = 1
STDOUT = (
    "ectrain.stdout"  # in a context's meta: the real one, while what plugins print goes elsewhere
)


def visible(text: str) -> str:
    """Return text whose control characters can't move the cursor or change the title."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def say(line: str) -> None:
    """Write a message for people, to stderr."""
    click.echo(visible(line), err=True)


def warning(message: str) -> None:
    """Write what went wrong without stopping anything, to stderr."""
    say(f"warning: {message}")


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """Send to stderr what anything but these functions prints."""
    meta, real = click.get_current_context().meta, sys.stdout
    with redirect_stdout(sys.stderr):
        meta[STDOUT] = real
        try:
            yield
        finally:
            del meta[STDOUT]


def _stdout() -> TextIO | None:
    context = click.get_current_context(silent=True)
    return context.meta.get(STDOUT) if context is not None else None


def show(line: str) -> None:
    """Write a line of the result, to stdout."""
    click.echo(visible(line), file=_stdout())


def show_code(code: str) -> None:
    """Write generated code to stdout: byte for byte into a file or pipe, harmless on a terminal."""
    text = visible(code) if sys.stdout.isatty() else code
    click.echo(text, nl=not text.endswith("\n"), color=True)


def show_json(command: str, document: Mapping[str, Any]) -> None:
    """Write the one JSON document of a command to stdout; NaN and infinity become null."""
    show_document({"schema_version": SCHEMA_VERSION, "command": command, **document})


def show_document(document: Mapping[str, Any]) -> None:
    """Write a JSON document of somebody else's format to stdout; NaN and infinity become null."""
    text = json.dumps(_finite(document), ensure_ascii=True, allow_nan=False, indent=2)
    click.echo(text, _stdout())


def columns(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Align cells with spaces; no lines are drawn, so that a screen reader reads it well."""
    table = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()


def labelled(label: str, text: str) -> str:
    """Return a line such as `report   data/runs/a/report.md`; never broken: it is copied."""
    return f"{label:<8} {text}"


def wrapped(label: str, text: str) -> str:
    """Return a labelled line that is broken between words at 80 columns."""
    return textwrap.fill(
        text,
        80,
        initial_indent=labelled(label, ""),
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
