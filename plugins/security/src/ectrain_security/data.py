"""Where labelled snippets come from: embedded twins, or records in a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import DataError, did_you_mean
from ectrain.records import read_records
from ectrain.task import Split
from ectrain_elixir.findings import SNIPPET_FINDINGS
from ectrain_elixir.twins import snippets

LABELS = tuple(finding.id for finding in SNIPPET_FINDINGS)
CWES = tuple(sorted({finding.cwe for finding in SNIPPET_FINDINGS}))
CWE_COLUMNS = tuple(
    tuple(n for n, finding in enumerate(SNIPPET_FINDINGS) if finding.cwe == cwe) for cwe in CWES
)

_PLACES = {label: number for number, label in enumerate(LABELS)}


@attrs.frozen
class LabelledCode:
    """A piece of Elixir and the findings that it has.

    Attributes:
        id: Unique in the dataset.
        group: What is never split: a pair of twins, a package.
        code: The text.
        findings: Sobelow's ids; all others are known not to apply.
        unknown: Ids that were not looked for: neither positive nor negative.
    """

    id: str
    group: str
    code: str
    findings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

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
    """Return the records of `<folder>/<split>.jsonl`, one `LabelledCode` a line.

    Raises:
        DataError: The file is missing or malformed, or names an unknown finding.
    """
    path = folder / f"{split}.jsonl"
    records = read_records(path, LabelledCode)
    for record in records:
        for finding in (*record.findings, *record.unknown):
            if finding not in _PLACES:
                near = did_you_mean(finding, LABELS)
                raise DataError(f"{path}: record {record.id!r}: unknown finding {finding!r}{near}")
    return records


def counts(examples: Sequence[LabelledCode]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many examples have each label, and how many are known not to, `[w]` each."""
    positive: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for example in examples:
        positive.update(example.findings)
        unknown.update(example.unknown)
    has = np.array([positive[label] for label in LABELS], dtype=float)
    not_known = np.array([unknown[label] for label in LABELS], dtype=float)
    return has, len(examples) - has - not_known
