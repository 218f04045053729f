"""Where labelled snippets come from: embedded twins, records in a folder, or a built dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

from ectrain.errors import DataError
from ectrain.label_groups import Grouping
from ectrain.mapped import Mapped
from ectrain.task import Split
from ectrain_elixir.datasets import Label
from ectrain_elixir.findings import SNIPPET_FINDINGS, finding
from ectrain_elixir.labelled import LabelledCode, LabelTable, labels_of_table
from ectrain_elixir.tools.sobelow import CONFIDENCES
from ectrain_elixir.twins import Snippet, snippets

LABELS = tuple(finding.id for finding in SNIPPET_FINDINGS)
CWES = Grouping.by("cwe", [finding.cwe for finding in SNIPPET_FINDINGS])

Confidence = Literal["high", "medium", "low"]
CONFIDENCE_WEIGHTS: Mapping[str, float] = {"high": 1.0, "medium": 0.7, "low": 0.4}


def _why_not(name: str) -> str:
    return f"{finding(name).id} is seen in a project, never in one file"


@attrs.frozen
class VulnerableCode(LabelledCode):
    """A piece of Elixir and the findings that it has.

    Attributes:
        findings: Sobelow's ids; all others are known not to apply.
        confidence: How sure Sobelow is of each; of one that is not named it is.

    Raises:
        DataError: The code is blank, or an id is none that a snippet can show.
    """

    table: ClassVar[LabelTable] = LabelTable("sobelow", LABELS, _why_not)
    field: ClassVar[str] = "findings"

    findings: tuple[str, ...] = attrs.field(default=(), validator=labels_of_table)
    confidence: dict[str, Confidence] = attrs.field(factory=dict, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse confidence in what is no finding of it."""
        super().__attrs_post_init__()
        for name in self.confidence:
            if name not in self.findings:
                raise DataError(f"confidence: {name} is not among the findings")

    @classmethod
    def beside(cls, said: Sequence[Label]) -> dict[str, Any]:
        """Return how sure Sobelow is: of several places, the surest counts."""
        surest: dict[str, str] = {}
        for label in sorted(said, key=lambda label: _doubt(label.grade), reverse=True):
            if label.grade in CONFIDENCES:
                surest[label.name] = label.grade
        return {"confidence": surest}

    def strength(self, name: str) -> float:
        """Return how much a finding counts, by how sure Sobelow is of it."""
        return CONFIDENCE_WEIGHTS[self.confidence.get(name, "high")]


def _doubt(grade: str) -> int:
    return CONFIDENCES.index(grade) if grade in CONFIDENCES else len(CONFIDENCES)


@cache
def embedded(split: Split, size: int, seed: int) -> Sequence[VulnerableCode]:
    """Return vulnerable and fixed twins."""
    found = snippets(split, size, seed)
    return Mapped(found, _of_snippet, {"labels": found.marks.astype(np.float64)})


def _of_snippet(twin: Snippet) -> VulnerableCode:
    return VulnerableCode(twin.id, twin.group, twin.code, twin.findings, lines=twin.evidence)
