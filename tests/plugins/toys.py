"""Two small tasks whose optimum is known: repeat a word, and say which letters a word has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from ectrain.hookspecs import hookimpl
from ectrain.parts import (
    LabelHead,
    TokenAccuracy,
    TokenHead,
    TokenOutput,
    label_loss,
    token_loss,
)
from ectrain.task import (
    NO_TARGET,
    Budget,
    Estimate,
    Goal,
    Metric,
    Segment,
    Split,
    Targets,
    Task,
    TrunkShape,
)
from ectrain.tokenizer import Tokenizer

LETTERS = "abcdef"


@attrs.frozen
class Word:
    """A word of a few letters."""

    id: str
    group: str
    text: str


def words(split: Split, size: int) -> list[Word]:
    """Return words of a split: their first letter decides where they belong."""
    rng = random.Random(f"toys/{split}")
    first = {"train": "abcd", "val": "e", "test": "f"}[split]
    texts = [
        rng.choice(first) + "".join(rng.choices(LETTERS, k=rng.randint(2, 7))) for _ in range(size)
    ]
    return [Word(f"{split}-{n}", text, text) for n, text in enumerate(texts)]


@attrs.frozen
class ToyConfig:
    """Settings of a toy.

    Attributes:
        size: Examples of the training split.
        poison: Step-like id of an example whose loss is NaN; "" for none.
        data: A file that isn't read, so that settings with data can be tested.
    """

    size: int = 48
    poison: str = ""
    data: str = ""


class Echo(Task[Word, ToyConfig]):
    """Write a word again after a colon."""

    name = "echo"
    config_type = ToyConfig
    goals = (Goal("accuracy", 0.5),)

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words."""
        return words(split, self.config.size if split == "train" else 12)

    def encode(self, example: Word, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Predict what follows the colon; how it is spelled is drawn."""
        text = example.text.upper() if rng.random() < 0.5 else example.text
        asked = [tokenizer.begin_id, *tokenizer.encode(f"{text}:")]
        answer = [*tokenizer.encode(text), tokenizer.end_id]
        tokens = np.array(asked + answer, dtype=np.int64)
        labels = np.full(len(tokens), NO_TARGET, dtype=np.int64)
        labels[len(asked) - 1 : -1] = tokens[len(asked) :]
        return Segment(tokens, labels=labels)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens behind a small adapter."""
        return TokenHead(trunk, adapter=4)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return the summed cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return the share of right tokens."""
        return {"accuracy": TokenAccuracy()}

    def texts(self, example: Word) -> Iterable[str]:
        """Yield the word."""
        yield f"{example.text}:{example.text}"

    def facets(self, example: Word) -> Mapping[str, float]:
        """Return its length."""
        return {"length": len(example.text)}

    def evaluate(self, model: Any, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Return an estimate that says why it is none."""
        return {"spoken": Estimate.missing("nobody listens")}


class Presence:
    """Share of label decisions that are right."""

    def __init__(self) -> None:
        self.right = self.count = 0

    def update(self, output: Tensor, targets: Targets) -> None:
        """Count decisions at 0."""
        assert targets.values_sw is not None
        self.right += int(((output > 0) == (targets.values_sw > 0.5)).sum())
        self.count += targets.count

    def merge(self, other: Presence) -> None:
        """Add another shard."""
        self.right += other.right
        self.count += other.count

    def compute(self) -> Mapping[str, float | None]:
        """Return the share."""
        return {"": self.right / self.count if self.count else None}


class Letters(Task[Word, ToyConfig]):
    """Say which letters a word holds."""

    name = "sorting"
    config_type = ToyConfig

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words."""
        return words(split, self.config.size if split == "train" else 12)

    def encode(self, example: Word, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Read the whole word, answer for each letter."""
        tokens = np.array([tokenizer.begin_id, *tokenizer.encode(example.text)], dtype=np.int64)
        values = np.array([letter in example.text for letter in LETTERS], dtype=np.float32)
        if example.id == self.config.poison:
            values[0] = 2.0
        return Segment(tokens, prefix=len(tokens), values=values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """One label a letter."""
        return LabelHead(trunk, len(LETTERS))

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the summed cross-entropy; a poisoned example makes it NaN."""
        loss = label_loss(output, targets)
        assert targets.values_sw is not None
        poisoned = bool((targets.values_sw > 1.5).any())
        return loss * torch.nan if poisoned else loss

    def metrics(self) -> Mapping[str, Metric]:
        """Return the share of right decisions."""
        return {"accuracy": Presence()}

    def texts(self, example: Word) -> Iterable[str]:
        """Yield the word."""
        yield example.text

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return the loss of a fair coin."""
        return float(np.log(2))


@hookimpl
def ectrain_register_tasks() -> Iterable[type[Task[Any, Any]]]:
    """Offer both."""
    return [Echo, Letters]
