"""A task under test, with a tokenizer of its own training data and a narrow trunk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from ectrain.batches import Encoder
from ectrain.config import TrunkConfig
from ectrain.errors import PluginError
from ectrain.losses import task_loss
from ectrain.model import AnyTask, Model
from ectrain.packing import Pack, pack
from ectrain.task import (
    NO_TARGET,
    SPLITS,
    Budget,
    Estimate,
    Rows,
    Segment,
    Split,
    Targets,
    TrunkShape,
)
from ectrain.testing.law import NotApplicable
from ectrain.testing.trunk import tiny_shape
from ectrain.tokenizer import Tokenizer

WIDTH = 32
EXAMPLES = 24  # of each split that laws look at, unless told
SECONDS = 5.0  # that encoding an example or measuring a batch may take, unless told
KEY = "contract"  # of the random numbers that examples are encoded with


class Subject:
    """What laws ask of a task.

    Args:
        task: The task, with settings that keep its data small.
        examples: How many of each split laws look at.
        seconds: How long one example may take to encode, and a batch to be measured.
        tokenizer: One that exists; trained on the training texts unless given.
    """

    def __init__(
        self,
        task: AnyTask,
        examples: int = EXAMPLES,
        seconds: float = SECONDS,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.task = task
        self.name = task.name
        self.examples = examples
        self.seconds = seconds
        if tokenizer is not None:
            self.tokenizer = tokenizer

    def split(self, split: Split) -> list[Any]:
        """Return the first examples of a split, fetched anew."""
        found = self.task.examples(split)
        return [found[number] for number in range(min(self.examples, len(found)))]

    @cached_property
    def train(self) -> list[Any]:
        """The first training examples."""
        return self.split("train")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Trained on the training texts."""
        texts = [text for example in self.train for text in self.task.texts(example)]
        try:
            return self.train_tokenizer(texts)
        except PluginError as error:
            raise NotApplicable(f"no tokenizer can be made for it: {error}") from None

    def train_tokenizer(self, texts: Sequence[str] = ()) -> Tokenizer:
        """Return a tokenizer with the task's own tokens.

        Raises:
            PluginError: No tokenizer can have them.
        """
        symbols, control = self.task.symbols(), self.task.control_tokens()
        return Tokenizer.train(texts, 400 + len(symbols) + len(control), control, symbols)

    @cached_property
    def context(self) -> int:
        """Room for the longest segment."""
        return max(2048, *(len(s.tokens) for s in self.segments))

    @cached_property
    def segments(self) -> list[Segment]:
        """The training examples, encoded."""
        encoder = Encoder(self.tokenizer, 1 << 20)
        return [
            encoder.encode(self.name, self.task, example, KEY, turn=turn)
            for turn, example in enumerate(self.train)
        ]

    @property
    def shape(self) -> TrunkConfig:
        """Of the narrow trunk."""
        return tiny_shape(self.context, WIDTH)

    @cached_property
    def model(self) -> Model:
        """A narrow model with the task's head, the same every time, as it is while measured."""
        return self.new_model().eval()

    def new_model(self) -> Model:
        """Return a narrow model with the task's head that is ready to be trained."""
        return Model(self.shape, {self.name: self.task}, self.tokenizer, seed=0)

    def head(self, width: int = WIDTH, seed: int = 0) -> nn.Module:
        """Return a new head."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.task.head(TrunkShape(width, self.tokenizer.size))

    def apply(self, segments: Sequence[Segment]) -> tuple[Any, Targets]:
        """Return the head's output over segments in one pack, and their targets."""
        laid_out = self.pack(segments)
        return self.model(laid_out)[self.name], laid_out.tasks[self.name].targets

    def pack(self, segments: Sequence[Segment]) -> Pack:
        """Lay out segments for the task."""
        self.require_one_width()
        return pack([(self.name, segment) for segment in segments])

    def require_one_width(self) -> None:
        """Refuse what can't be laid out together; a law of its own says what to change.

        Raises:
            NotApplicable: Segments have different numbers of values.
        """
        if len({None if s.values is None else len(s.values) for s in self.segments}) > 1:
            raise NotApplicable("its segments have different numbers of values")

    def loss(self, segments: Sequence[Segment]) -> Tensor:
        """Return the summed loss of segments."""
        output, targets = self.apply(segments)
        return task_loss(self.model, self.name, output, targets)

    def detached_loss(self, segments: Sequence[Segment]) -> float:
        """Return the summed loss of segments, without a gradient."""
        with torch.no_grad():
            return float(self.loss(segments))

    def rows(
        self, laid_out: Pack, trunk_td: Tensor, model: Model | None = None, name: str = ""
    ) -> Rows:
        """Return what a head sees of a trunk's output."""
        placed = laid_out.tasks[name or self.name]
        model, name = model or self.model, name or self.name
        places = placed.index_n, placed.lengths_s, placed.target_index_m
        return Rows(trunk_td, *places, model.trunk.embedding.weight, model.borrowed(name))

    @cached_property
    def estimates(self) -> dict[str, Any]:
        """What evaluating a model that learned nothing gives, on two examples of the test split."""
        model = self.new_model().eval()
        return dict(self.task.evaluate(model, "test", Budget(2, 5.0)))

    @cached_property
    def baselines(self) -> dict[str, Estimate]:
        """What its baselines are."""
        model = self.new_model().eval()
        return {**self.task.baselines(), **self.task.trunk_baselines(model)}

    def digest(self) -> list[str]:
        """Return a line for each example, with a hash of all that it is and is encoded to."""
        lines = []
        encoder = Encoder(self.tokenizer, 1 << 20)
        for split in SPLITS:
            for turn, example in enumerate(self.split(split)):
                found = hashlib.sha256()
                segment = encoder.encode(self.name, self.task, example, KEY, turn=turn)
                arrays = (segment.tokens, segment.labels, segment.values, segment.notes)
                for array in (*arrays, segment.measures):
                    found.update(b"-" if array is None else array.tobytes())
                found.update(repr((segment.prefix, list(self.task.texts(example)))).encode())
                lines.append(f"{split} {example.id} {example.group} {found.hexdigest()}")
        return lines

    def exercise(self) -> None:
        """Do once, from the data on, all that a step and a measurement do."""
        fresh = Subject(self.task, examples=4)
        with torch.no_grad():
            output, targets = fresh.apply(fresh.segments)
            fresh.task.loss(output, targets)
            for metric in fresh.task.metrics().values():
                metric.update(output, targets)
                metric.compute()
        for example in fresh.train:
            fresh.task.facets(example)


def without_targets(segment: Segment) -> Segment:
    """Return a segment that predicts nothing."""
    labels, values = segment.labels, segment.values
    return attrs.evolve(
        segment,
        labels=None if labels is None else np.full_like(labels, NO_TARGET),
        values=None if values is None else np.full_like(values, np.nan),
    )
