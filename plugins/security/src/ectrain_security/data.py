"""Where labelled snippets come from: embedded twins, or records in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import DataError
from ectrain.records import read_records
from ectrain.shards import is_dataset
from ectrain.task import Split
from ectrain_elixir.datasets import Row, labelled
from ectrain_elixir.findings import SNIPPET_FINDINGS, finding
from ectrain_elixir.twins import snippets

LABELS = tuple(finding.id for finding in SNIPPET_FINDINGS)
CWES = tuple(sorted({finding.cwe for finding in SNIPPET_FINDINGS}))
CWE_COLUMNS = tuple(
    tuple(n for n, finding in enumerate(SNIPPET_FINDINGS) if finding.cwe == cwe) for cwe in CWES
)

_PLACES = {label: number for number, label in enumerate(LABELS)}


def _labels(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: Sequence[str]) -> None:
    """Refuse what is no label of a snippet, or is named twice."""
    for name in value:
        try:
            found = finding(name)
        except DataError as error:
            raise DataError(f"{attribute.name}: {error}") from None
        if not found.snippet:
            raise DataError(f"{attribute.name}: {name} is seen in a project, never in one file")
        if value.count(name) > 1:
            raise DataError(f"{attribute.name}: {name} is named twice")


def _not_blank(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise DataError(f"{attribute.name}: blank")


@attrs.frozen
class LabelledCode:
    """A piece of Elixir and the findings that it has.

    Attributes:
        id: Unique in the dataset.
        group: What is never split: a pair of twins, a package.
        code: The text.
        findings: Sobelow's ids; all others are known not to apply.
        unknown: Ids that were not looked for: neither positive nor negative.

    Raises:
        DataError: The code is blank, or an id is none that a snippet can show.
    """

    id: str = attrs.field(validator=_not_blank)
    group: str = attrs.field(validator=_not_blank)
    code: str = attrs.field(validator=_not_blank)
    findings: tuple[str, ...] = attrs.field(default=(), validator=_labels)
    unknown: tuple[str, ...] = attrs.field(default=(), validator=_labels)

    def __attrs_post_init__(self) -> None:
        """Refuse a label that is both known and unknown."""
        for name in self.unknown:
            if name in self.findings:
                raise DataError(f"unknown: {name} is among the findings, too")

    @property
    def values(self) -> NDArray[np.float32]:
        """The findings as one number a label: 1, 0, or NaN where unknown, `[w]`."""
        found = np.zeros(len(LABELS), dtype=np.float32)
        found[[_PLACES[finding] for finding in self.findings]] = 1.0
        found[[_PLACES[finding] for finding in self.unknown]] = np.nan
        return found


@cache
def embedded(split: Split, size: int, seed: int) -> tuple[LabelledCode, ...]:
    """Return vulnerable and fixed twins."""
    return tuple(
        LabelledCode(snippet.id, snippet.group, snippet.code, snippet.findings)
        for snippet in snippets(split, size, seed)
    )


def stored(folder: Path, split: Split) -> Sequence[LabelledCode]:
    """Return a built dataset's files that Sobelow looked at, or `LabelledCode` a line of JSON.

    Raises:
        DataError: `<folder>/<split>.jsonl` is missing or malformed (path, line and field are
            named), or no file of the dataset has labels.
    """
    if is_dataset(folder):
        return labelled(folder, split, "sobelow", _of_row)
    return read_records(folder / f"{split}.jsonl", LabelledCode)


def _of_row(row: Row) -> LabelledCode:
    seen = {label.name for label in row.findings}
    return LabelledCode(row.id, row.group, row.code, tuple(x for x in LABELS if x in seen))
