"""Elixir with the labels of a tool: the record that classifiers share, and where it is read from.

A task derives a record from `LabelledCode`, with a field for the names of its labels; all that such
tasks have in common is here.

Shape suffixes: w labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import DataError
from ectrain.label_places import Place
from ectrain.records import read_records
from ectrain.shards import is_dataset
from ectrain.task import SPLITS, Split
from ectrain_elixir.datasets import Label, Row, labelled, open_split
from ectrain_elixir.definitions import definitions, last_line


@attrs.frozen(eq=False, slots=False)
class LabelTable:
    """The labels of a task, in the order in which a head has learned them.

    Attributes:
        tool: Whose they are: "credo" or "sobelow".
        labels: Their names.
        why_not: From a name that is none of them to the reason; refuses what is no name at all.
        optional: Those that the tool looks for only where a project says so.
    """

    tool: str
    labels: tuple[str, ...]
    why_not: Callable[[str], str]
    optional: frozenset[str] = frozenset()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each label, by its name."""
        return {name: number for number, name in enumerate(self.labels)}

    def said(self, row: Row) -> tuple[Label, ...]:
        """Return what the tool said of a file, labels or not."""
        return row.issues if self.tool == "credo" else row.findings

    def refuse(self, field: str, names: Sequence[str]) -> None:
        """Refuse what is no label, or is named twice.

        Raises:
            DataError: The field and the name are told.
        """
        for name in names:
            try:
                reason = "" if name in self.numbers else self.why_not(name)
            except DataError as error:
                raise DataError(f"{field}: {error}") from None
            if reason:
                raise DataError(f"{field}: {reason}")
            if names.count(name) > 1:
                raise DataError(f"{field}: {name} is named twice")


def labels_of_table(record: Any, attribute: attrs.Attribute[Any], value: Sequence[str]) -> None:
    """Refuse what is no label of a record's table: a validator of attrs."""
    record.table.refuse(attribute.name, value)


def _not_blank(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise DataError(f"{attribute.name}: blank")


@attrs.frozen
class LabelledCode:
    """A piece of Elixir and what a tool says of it.

    Attributes:
        table: Which labels there are.
        field: Name of the field with those that the text has.
        id: Unique in the dataset.
        group: What is never split: a pair of twins, a package.
        code: The text.
        unknown: Labels that were not looked for: neither positive nor negative.
        lines: Labels with a line that each is about, from 1, as far as is known.

    Raises:
        DataError: The code is blank, or a name is none of the table's labels.
    """

    table: ClassVar[LabelTable]
    field: ClassVar[str]

    id: str = attrs.field(validator=_not_blank)
    group: str = attrs.field(validator=_not_blank)
    code: str = attrs.field(validator=_not_blank)
    unknown: tuple[str, ...] = attrs.field(default=(), validator=labels_of_table, kw_only=True)
    lines: tuple[tuple[str, int], ...] = attrs.field(default=(), kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse a label that is both known and unknown, and lines of nothing."""
        own = self.field
        for name in self.unknown:
            if name in self.named:
                raise DataError(f"unknown: {name} is among the {own}, too")
        last = self.code.count("\n") + 1
        for name, line in self.lines:
            if name not in self.named:
                raise DataError(f"lines: {name} is not among the {own}")
            if not 1 <= line <= last:
                raise DataError(f"lines: line {line} of {last}")

    @classmethod
    def of_row(cls, row: Row, unknown: tuple[str, ...]) -> Self:
        """Return a file of a dataset; what is none of the labels is left out."""
        said = [label for label in cls.table.said(row) if label.name in cls.table.numbers]
        names = tuple(sorted({label.name for label in said}, key=cls.table.labels.index))
        lines = sorted({(label.name, label.line) for label in said if label.line is not None})
        given = {cls.field: names, **cls.beside(said)}
        return cls(row.id, row.group, row.code, unknown=unknown, lines=tuple(lines), **given)

    @classmethod
    def beside(cls, said: Sequence[Label]) -> dict[str, Any]:
        """Return further fields, of what the tool said."""
        return {}

    @property
    def named(self) -> tuple[str, ...]:
        """The labels that the text has."""
        found: tuple[str, ...] = getattr(self, self.field)
        return found

    @property
    def values(self) -> NDArray[np.float32]:
        """One number a label: how much it counts, 0 without it, NaN where unknown, `[w]`."""
        numbers = self.table.numbers
        found = np.zeros(len(numbers), dtype=np.float32)
        for name in self.named:
            found[numbers[name]] = self.strength(name)
        found[[numbers[name] for name in self.unknown]] = np.nan
        return found

    def strength(self, name: str) -> float:
        """Return how much a label that the text has counts."""
        return 1.0

    @property
    def places(self) -> list[Place]:
        """Where the labels stand; each is judged from its definition as a whole."""
        spans = definitions(self.code) if self.lines else []
        numbers = self.table.numbers
        return [Place(numbers[name], line, last_line(line, spans)) for name, line in self.lines]


RecordT = TypeVar("RecordT", bound=LabelledCode)


def stored(record: type[RecordT], folder: Path, split: Split) -> Sequence[RecordT]:
    """Return a built dataset's files that a tool looked at, or a record a line of JSON.

    Raises:
        DataError: `<folder>/<split>.jsonl` is missing or malformed (path, line and field are
            named), or no file of the dataset has labels.
    """
    if not is_dataset(folder):
        return read_records(folder / f"{split}.jsonl", record)
    table = record.table
    mark = str(open_split(folder, split).fingerprint)
    seen = _reported(folder, table.tool, mark) if table.optional else {}

    def made(row: Row) -> RecordT:
        silent = table.optional - seen.get(row.package, frozenset())
        return record.of_row(row, tuple(name for name in table.labels if name in silent))

    return labelled(folder, split, table.tool, made)


@cache
def _reported(folder: Path, tool: str, mark: str) -> dict[str, frozenset[str]]:
    """Return all that a tool said in each package: what it said nowhere, it may not look for.

    `mark` is the dataset's fingerprint: another dataset in the same folder is read anew.
    """
    found: dict[str, set[str]] = {}
    for split in SPLITS:
        for row in open_split(folder, split):
            said = row.issues if tool == "credo" else row.findings
            found.setdefault(row.package, set()).update(label.name for label in said)
    return {package: frozenset(names) for package, names in found.items()}
