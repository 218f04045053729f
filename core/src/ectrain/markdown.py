"""Pieces of Markdown that hold any text or number without breaking."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ectrain.digest import number

NOT_MEASURED = "not measured"
_BARS = "".join(chr(0x2581 + i) for i in range(8))
_GAP = chr(0xB7)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&!])")
_SPARK_WIDTH = 40


def figure(value: Any, why: str = "") -> str:
    """Write a number, or that it was not measured and why."""
    known = number(value)
    if known is not None:
        is_count = known == int(known) and 10 <= abs(known) < 1e15
        return f"{known:,.0f}" if is_count else f"{known:.4g}"
    return f"{NOT_MEASURED}: {why}" if why else NOT_MEASURED


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values as a row of bars, at most 40 wide; a gap is a middle dot."""
    if len(values) > _SPARK_WIDTH:
        last = len(values) - 1
        values = [values[round(i * last / (_SPARK_WIDTH - 1))] for i in range(_SPARK_WIDTH)]
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not known:
        return ""
    low = min(known) / 2  # halves: the span of two finite numbers may be infinite
    span = max(known) / 2 - low
    top = len(_BARS) - 1

    def bar(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return _GAP
        return _BARS[round(top * ((value / 2 - low) / span))] if span > 0 else _BARS[0]

    return "".join(bar(value) for value in values)


def escaped(text: Any) -> str:
    """Return text that Markdown shows as it is, in one line; control characters become spaces."""
    flat = "".join(c if c.isprintable() else " " for c in str(text))
    return _SPECIAL.sub(r"\\\1", " ".join(flat.split()))


def table_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; the cells must be escaped already."""
    for line in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(line)} |"
