"""Where checked code comes from: embedded twins, records in a folder, or a built dataset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import attrs
import numpy as np

from ectrain.label_groups import Grouping
from ectrain.mapped import Mapped
from ectrain.task import Split
from ectrain_elixir.checks import SNIPPET_CHECKS, check
from ectrain_elixir.labelled import LabelledCode, LabelTable, labels_of_table
from ectrain_elixir.violations import Snippet, snippets

LABELS = tuple(check.id for check in SNIPPET_CHECKS)
CATEGORIES = Grouping.by("category", [check.category for check in SNIPPET_CHECKS])
ENDS = ("Readability.TrailingBlankLine",)  # what no part of a file shows


def _why_not(name: str) -> str:
    return f"{name} is no label: it {check(name).why_not}"


@attrs.frozen
class CheckedCode(LabelledCode):
    """A file of Elixir and the checks that it violates.

    Attributes:
        checks: Credo's checks without "Credo.Check."; all others are known not to apply.

    Raises:
        DataError: The code is blank, or a check is none that a file can show.
    """

    table: ClassVar[LabelTable] = LabelTable(
        "credo", LABELS, _why_not, frozenset(c.id for c in SNIPPET_CHECKS if not c.default)
    )
    field: ClassVar[str] = "checks"

    checks: tuple[str, ...] = attrs.field(default=(), validator=labels_of_table)


@cache
def embedded(split: Split, size: int, seed: int) -> Sequence[CheckedCode]:
    """Return violating and clean twins."""
    found = snippets(split, size, seed)
    return Mapped(found, _of_snippet, {"labels": found.marks.astype(np.float64)})


def _of_snippet(twin: Snippet) -> CheckedCode:
    return CheckedCode(twin.id, twin.group, twin.code, twin.checks, lines=twin.evidence)
