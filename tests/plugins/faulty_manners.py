"""Faults in what a task does to its process: one to a task."""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from toys import Letters, Word

from ectrain.task import (
    Metric,
    Segment,
    Split,
    TrunkShape,
)


class Draws(Letters):
    """Draws from everybody's random numbers."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Draw what is not needed."""
        random.random()
        return super().encode(example, tokenizer, rng)


class Seeds(Letters):
    """Seeds torch."""

    def metrics(self) -> Mapping[str, Metric]:
        """Change the process's random numbers."""
        torch.manual_seed(0)
        return super().metrics()


class Environ(Letters):
    """Sets an environment variable, the first time."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Set it."""
        os.environ["FAULTY_TOY"] = "1"
        return super().head(trunk)


class Verbose(Letters):
    """Turns logging on for everybody."""

    def texts(self, example: Word) -> Iterable[str]:
        """Set the root logger's level."""
        logging.getLogger().setLevel(logging.DEBUG)
        yield from super().texts(example)


class Chatty(Letters):
    """Writes to stdout."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Say which example it is."""
        sys.stdout.write(f"encoding {example.id}\n")
        return super().encode(example, tokenizer, rng)


class Freezing(Letters):
    """Leaves the model in evaluation mode."""

    def refresh(self, model: Any, epoch: int) -> None:
        """Generate, in a way."""
        model.eval()


class Remembering(Letters):
    """Makes data of what it made before."""

    made: tuple[Word, ...] = ()

    def refresh(self, model: Any, epoch: int) -> None:
        """Add a word to those of earlier epochs."""
        self.made = (*self.made, Word(f"train-new-{epoch}", f"new-{epoch}", "abc"))

    def examples(self, split: Split) -> Sequence[Word]:
        """Return what was made first."""
        return [*(self.made if split == "train" else ()), *super().examples(split)]


class Slow(Letters):
    """Takes its time over facets."""

    def facets(self, example: Word) -> Mapping[str, float]:
        """Sleep."""
        if example.id == "train-0":
            time.sleep(0.12)
        return {"length": len(example.text)}
