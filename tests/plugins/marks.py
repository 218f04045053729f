"""A small task with labels: which marks the lines of a text have."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.hookspecs import hookimpl
from ectrain.label_groups import Grouping
from ectrain.label_places import Place
from ectrain.label_prediction import LabelInfo, Taxon
from ectrain.label_task import LabelConfig, LabelTask
from ectrain.task import Goal, Split, Task

LABELS = ("Loud", "Todo", "Open")
WORDS = ("alpha", "beta", "gamma", "delta")
MARKS = ("alpha !! beta", "todo gamma")  # of the first two labels; the last is a missing line end


@attrs.frozen(eq=False)
class Marked:
    """A text of a few lines, and which of them have a mark."""

    id: str
    group: str
    code: str
    values: NDArray[np.float32]
    places: tuple[Place, ...]


def marked(rng: random.Random, name: str) -> Marked:
    """Draw a text; each label has it in three tenths."""
    lines = [" ".join(rng.choices(WORDS, k=2)) for _ in range(rng.randint(2, 6))]
    values, places = np.zeros(len(LABELS), dtype=np.float32), []
    for label, mark in enumerate(MARKS):
        if rng.random() < 0.3:
            lines.insert(rng.randint(0, len(lines)), mark)
            values[label] = 1
    for number, mark in enumerate(MARKS):
        if mark in lines:
            line = lines.index(mark) + 1
            places.append(Place(number, line, line))
    values[2] = rng.random() < 0.3
    if values[2]:
        places.append(Place(2, len(lines), len(lines)))
    code = "\n".join(lines) + ("" if values[2] else "\n")
    return Marked(name, name, code, values, tuple(places))


@cache
def texts(split: Split, size: int) -> tuple[Marked, ...]:
    """Return a split, no text of which is in another one."""
    found: dict[str, Marked] = {}
    number = 0
    while len(found) < size:
        made = marked(random.Random(f"marks/{number}"), f"{split}-{number}")
        home = ("train", "train", "val", "test")[sum(made.code.encode()) % 4]
        number += 1
        if home == split:
            found.setdefault(made.code, made)
    return tuple(found.values())


@attrs.frozen
class MarkConfig(LabelConfig):
    """Settings of the toy.

    Attributes:
        size: Training texts.
    """

    size: int = 240
    max_tokens: int = 24
    reach: int = 1
    frozen_examples: int = 32


class Marking(LabelTask[Marked, MarkConfig]):
    """Say which marks a text has."""

    name = "marking"
    config_type = MarkConfig
    goals = (Goal("macro_f1", 0.5, ("majority_macro_f1", "ngram_macro_f1", "frozen_macro_f1")),)
    labels = LABELS
    groupings = (Grouping.by("kind", ["inside", "inside", "end"]),)
    ends = (2,)
    suffixes = (".txt",)
    skipped_folders = frozenset({"deps"})
    note = "reading it is better"

    def labelled(self, split: Split) -> Sequence[Marked]:
        """Return texts."""
        return texts(split, self.config.size if split == "train" else 60)

    def label_infos(self) -> Sequence[LabelInfo]:
        """Return what the labels mean."""
        return [
            LabelInfo("Loud", "Somebody shouts", "Two marks.", "error", (Taxon("CWE", "9"),)),
            LabelInfo("Todo", "Something is left to do", "", "warning"),
            LabelInfo("Open", "The last line has no end", "", "note"),
        ]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [Marking]
