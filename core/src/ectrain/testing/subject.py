"""A task under test, with a tokenizer of its own training data and a narrow trunk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ectrain.batches import Encoder
from ectrain.config import TrunkConfig
from ectrain.loop import task_loss
from ectrain.model import AnyTask, Model
from ectrain.packing import Pack, pack
from ectrain.task import Rows, Segment, Split, Targets
from ectrain.tokenizer import Tokenizer

WIDTH = 32
EXAMPLES = 24  # of each split that laws look at


class Subject:
    """What laws ask of a task.

    Args:
        task: The task, with settings that keep its data small.
    """

    def __init__(self, task: AnyTask) -> None:
        self.task = task
        self.name = task.name

    def split(self, split: Split) -> list[Any]:
        """Return the first examples of a split, fetched anew."""
        found = self.task.examples(split)
        return [found[number] for number in range(min(EXAMPLES, len(found)))]

    @cached_property
    def train(self) -> list[Any]:
        """The first training examples."""
        return self.split("train")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Trained on the training texts."""
        texts = [text for example in self.train for text in self.task.texts(example)]
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
        return [encoder.encode(self.name, self.task, e, "contract") for e in self.train]

    @cached_property
    def model(self) -> Model:
        """A narrow model with the task's head, the same every time."""
        shape = TrunkConfig(
            layers=1, width=WIDTH, heads=2, kv_heads=2, ffn=48, context=self.context
        )
        return Model(shape, {self.name: self.task}, self.tokenizer, seed=0)

    def head(self, width: int = WIDTH, seed: int = 0) -> nn.Module:
        """Return a new head."""
        from ectrain.task import TrunkShape

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.task.head(TrunkShape(width, self.tokenizer.size))

    def apply(self, segments: Sequence[Segment]) -> tuple[Any, Targets]:
        """Return the head's output over segments in one pack, and their targets."""
        laid_out = self.pack(segments)
        return self.model(laid_out)[self.name], laid_out.tasks[self.name].targets

    def pack(self, segments: Sequence[Segment]) -> Pack:
        """Lay out segments for the task."""
        return pack([(self.name, segment) for segment in segments])

    def loss(self, segments: Sequence[Segment]) -> Tensor:
        """Return the summed loss of segments."""
        output, targets = self.apply(segments)
        return task_loss(self.model, self.name, output, targets)

    def rows(self, laid_out: Pack, trunk_td: Tensor) -> Rows:
        """Return what the head sees of a trunk's output."""
        placed = laid_out.tasks[self.name]
        weight = self.model.trunk.embedding.weight
        return Rows(trunk_td, placed.index_n, placed.lengths_s, placed.target_index_m, weight)
