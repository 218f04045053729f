"""Labels beside the lines that they rest on: in colour on a terminal, plain anywhere else."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ectrain_cli.terminal import show, visible

if TYPE_CHECKING:
    from ectrain_cli.labelled_file import Infos, LabelledFile

AROUND = 1  # lines shown before and after a marked one
MARKS = string.ascii_uppercase + string.ascii_lowercase
COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}

Line = list[tuple[str, str]]  # pieces of text, each with its style


def show_listing(files: Sequence[LabelledFile], infos: Infos) -> None:
    """Write every file that has labels, with its marked lines."""
    draw = _coloured() if _is_terminal() else _plain
    for file in files:
        for line in listing(file, infos):
            draw(line)


def listing(file: LabelledFile, infos: Infos) -> Iterator[Line]:
    """Yield a file's labels, then its marked lines with their numbers; nothing without labels."""
    given = list(file.given())
    if not given:
        return
    yield [(file.name, "bold")]
    names = [" ".join((task, said.label, *map(str, infos[task][said.label].taxa)))
             for task, said in given]  # fmt: skip
    marks: dict[int, str] = {}
    colours: dict[int, str] = {}
    for number, (task, said) in enumerate(given):
        info, mark = infos[task][said.label], MARKS[number % len(MARKS)]
        for evidence in said.lines:
            marks[evidence.line] = marks.get(evidence.line, "") + mark
            colours.setdefault(evidence.line, COLOURS[info.level])
        yield [
            (f"  {mark} ", COLOURS[info.level]),
            (f"{names[number]:<{max(map(len, names))}}", ""),
            (f"  {said.probability:.2f} above {said.threshold:.2f}  ", "dim"),
            (info.title, ""),
        ]
    yield from _lines(file.text.split("\n"), marks, colours)
    yield []


def _lines(text: Sequence[str], marks: dict[int, str], colours: dict[int, str]) -> Iterator[Line]:
    shown = sorted(
        {n for m in marks for n in range(m - AROUND, m + AROUND + 1) if 1 <= n <= len(text)}
    )
    margin = max((len(mark) for mark in marks.values()), default=0)
    width = len(str(shown[-1])) if shown else 0
    last = 0
    for number in shown:
        if number > last + 1:
            yield [(" " * (margin + width + 3) + ("..." if last else ""), "dim")]
        last, colour = number, colours.get(number, "")
        yield [
            (f"  {marks.get(number, ''):>{margin}} ", colour),
            (f"{number:>{width}} | ", "dim"),
            (text[number - 1].removesuffix("\r"), colour),
        ]


def _plain(line: Line) -> None:
    show("".join(text for text, _ in line).rstrip())


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _coloured() -> Callable[[Line], None]:
    """Return what draws a line with rich, as `Text`: its markup would swallow brackets."""
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, emoji=False)

    def draw(line: Line) -> None:
        pieces = [(visible(text), style) for text, style in line]
        console.print(Text.assemble(*pieces), soft_wrap=True)

    return draw
