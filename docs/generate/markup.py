"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table and an empty one; bars in cells are escaped."""
    yield from (row(head), row(["---"] * len(head)))
    yield from map(row, rows)
    yield ""


def row(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def code(text: object) -> str:
    """Return text as code; nothing for none."""
    return f"`{text}`" if str(text) else ""


def sentences(docstring: str | None) -> str:
    """Return a docstring as one paragraph, its double backquotes as Markdown has them."""
    return " ".join((docstring or "").replace("``", "`").split())


def upper(phrase: str) -> str:
    """Return a phrase with a capital letter in front, and all else as it is."""
    return phrase[:1].upper() + phrase[1:]
