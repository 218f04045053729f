"""One example as every task sees it, and what tasks lose of a whole dataset."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from ectrain.batches import Encoder
from ectrain.config import RunConfig
from ectrain.data import make_tasks
from ectrain.errors import DataError, EctrainError
from ectrain.model import AnyTask
from ectrain.offers import installed
from ectrain.plugins import blame
from ectrain.task import SPLITS, Segment, Split
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.datasets.reader import open_split
from ectrain_elixir.datasets.row import Row

LEARNED_FROM = 200  # examples that a tokenizer is made of where none is given


def find_row(folder: Path, name: str) -> tuple[Split, int, Row]:
    """Return a row by its id, or by SPLIT:NUMBER.

    Raises:
        DataError: There is none.
    """
    split, _, number = name.partition(":")
    if split in SPLITS and number.isdecimal():
        rows = open_split(folder, split)
        if int(number) < len(rows):
            return split, int(number), rows[int(number)]
        raise DataError(f"{folder}: {split} has {len(rows)} rows, counted from 0")
    near: list[str] = []
    for place_of in SPLITS:
        for place, row in enumerate(open_split(folder, place_of)):
            if row.id == name:
                return place_of, place, row
            if name in row.id and len(near) < 5:
                near.append(row.id)
    hint = f"; there are {', '.join(near)}" if near else ""
    raise DataError(f"{folder}: no row {name!r}{hint}; expected an id or SPLIT:NUMBER")


@attrs.frozen
class View:
    """What a task makes of a row.

    Attributes:
        task: Its name.
        examples: Ids of the examples that come from the row.
        shown: Id of the first of them that has the most parts: facts before code, for example.
        texts: Its parts.
        tokens: Of its segment.
        prefix: How many of them see each other.
        targets: How many things it predicts.
        values: Labels that are on, by place; None where the task has no labels.
        why: Why there is nothing to show; "" where there is.
    """

    task: str
    examples: tuple[str, ...] = ()
    shown: str = ""
    texts: tuple[str, ...] = ()
    tokens: int = 0
    prefix: int = 0
    targets: int = 0
    values: tuple[int, ...] | None = None
    why: str = ""


def tasks_over(folder: Path, names: Sequence[str]) -> dict[str, AnyTask]:
    """Return tasks that read a dataset.

    Raises:
        EctrainError: A task can't be loaded, or none reads data.
    """
    settings: dict[str, dict[str, Any]] = {name: {} for name in names}
    return make_tasks(RunConfig(tasks=settings, data=str(folder)))


def data_tasks(folder: Path) -> dict[str, AnyTask]:
    """Return all installed tasks that read data; those that can't be loaded are left out."""
    found: dict[str, AnyTask] = {}
    for name in installed():
        with contextlib.suppress(EctrainError):
            found |= tasks_over(folder, [name])
    return found


def views(
    tasks: Mapping[str, AnyTask], split: Split, row: Row, tokenizer: Tokenizer | None, context: int
) -> Iterator[View]:
    """Yield what each task makes of a row."""
    for name, task in tasks.items():
        try:
            with blame(name, "examples"):
                examples = task.examples(split)
                mine = [e for e in examples if _is_of(e.id, row.id)]
            yield _view(name, task, mine, examples, tokenizer, context)
        except EctrainError as error:
            yield View(name, why=str(error))


def _is_of(example: str, row: str) -> bool:
    return example == row or example.startswith(f"{row}#")


def _view(
    name: str,
    task: AnyTask,
    mine: Sequence[Any],
    examples: Sequence[Any],
    tokenizer: Tokenizer | None,
    context: int,
) -> View:
    if not mine:
        return View(name, why="makes no example of it")
    encoder = Encoder(tokenizer or learned(task, [*mine, *examples[:LEARNED_FROM]]), context)
    shown = max(mine, key=lambda example: sum(map(bool, task.texts(example))))
    segment = encoder.encode(name, task, shown, "show")
    values = segment.values
    return View(
        task=name,
        examples=tuple(example.id for example in mine),
        shown=shown.id,
        texts=tuple(task.texts(shown)),
        tokens=len(segment.tokens),
        prefix=segment.prefix,
        targets=segment.target_count,
        values=None if values is None else tuple(np.flatnonzero(values > 0.5).tolist()),
    )


def learned(task: AnyTask, examples: Sequence[Any]) -> Tokenizer:
    """Return a small tokenizer of some examples."""
    texts = [text for example in examples for text in task.texts(example)]
    return Tokenizer.train(texts, 2048, task.control_tokens(), task.symbols())


@attrs.frozen
class Losses:
    """What a task loses of a split.

    Attributes:
        task: Its name.
        split: Which.
        examples: How many there are.
        cut: How many have more tokens of text than their segment takes.
        targetless: How many predict nothing.
    """

    task: str
    split: Split
    examples: int
    cut: int
    targetless: int


def losses(name: str, task: AnyTask, split: Split, tokenizer: Tokenizer, context: int) -> Losses:
    """Return how much of a split a task cuts off, and how much of it predicts nothing."""
    with blame(name, "examples"):
        examples = task.examples(split)
    encoder, cut, targetless = Encoder(tokenizer, context), 0, 0
    for example in examples:
        segment: Segment = encoder.encode(name, task, example, "check")
        texts = sum(len(tokenizer.encode(text)) for text in task.texts(example))
        cut += texts > len(segment.tokens)
        targetless += segment.target_count == 0
    return Losses(name, split, len(examples), cut, targetless)
