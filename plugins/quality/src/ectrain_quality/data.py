"""Where checked code comes from: embedded twins, or records in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import DataError
from ectrain.records import read_records
from ectrain.task import Split
from ectrain_elixir.checks import SNIPPET_CHECKS, check
from ectrain_elixir.violations import snippets

LABELS = tuple(check.id for check in SNIPPET_CHECKS)
CATEGORIES = tuple(sorted({check.category for check in SNIPPET_CHECKS}))
CATEGORY_COLUMNS = tuple(
    tuple(n for n, check in enumerate(SNIPPET_CHECKS) if check.category == category)
    for category in CATEGORIES
)

_PLACES = {label: number for number, label in enumerate(LABELS)}


def _labels(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: Sequence[str]) -> None:
    """Refuse what is no label of a file, or is named twice."""
    for name in value:
        try:
            found = check(name)
        except DataError as error:
            raise DataError(f"{attribute.name}: {error}") from None
        if not found.snippet:
            raise DataError(f"{attribute.name}: {name} is no label: it {found.why_not}")
        if value.count(name) > 1:
            raise DataError(f"{attribute.name}: {name} is named twice")


def _not_blank(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise DataError(f"{attribute.name}: blank")


@attrs.frozen
class CheckedCode:
    """A file of Elixir and the checks that it violates.

    Attributes:
        id: Unique in the dataset.
        group: What is never split: a pair of twins, a package.
        code: The text.
        checks: Credo's checks without "Credo.Check."; all others are known not to apply.
        unknown: Checks that did not run: neither positive nor negative.

    Raises:
        DataError: The code is blank, or a check is none that a file can show.
    """

    id: str = attrs.field(validator=_not_blank)
    group: str = attrs.field(validator=_not_blank)
    code: str = attrs.field(validator=_not_blank)
    checks: tuple[str, ...] = attrs.field(default=(), validator=_labels)
    unknown: tuple[str, ...] = attrs.field(default=(), validator=_labels)

    def __attrs_post_init__(self) -> None:
        """Refuse a label that is both known and unknown."""
        for name in self.unknown:
            if name in self.checks:
                raise DataError(f"unknown: {name} is among the checks, too")

    @property
    def values(self) -> NDArray[np.float32]:
        """The checks as one number a label: 1, 0, or NaN where unknown, `[w]`."""
        found = np.zeros(len(LABELS), dtype=np.float32)
        found[[_PLACES[name] for name in self.checks]] = 1.0
        found[[_PLACES[name] for name in self.unknown]] = np.nan
        return found


@cache
def embedded(split: Split, size: int, seed: int) -> tuple[CheckedCode, ...]:
    """Return violating and clean twins."""
    return tuple(
        CheckedCode(snippet.id, snippet.group, snippet.code, snippet.checks)
        for snippet in snippets(split, size, seed)
    )


def stored(folder: Path, split: Split) -> Sequence[CheckedCode]:
    """Return the records of `<folder>/<split>.jsonl`, one `CheckedCode` a line.

    Raises:
        DataError: The file is missing or malformed; path, line and field are named.
    """
    return read_records(folder / f"{split}.jsonl", CheckedCode)
