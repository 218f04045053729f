"""Faults of losses and metrics: one to a task."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from toys import LETTERS, Letters, Presence

from ectrain.parts import LabelHead
from ectrain.task import (
    Metric,
    Rows,
    Targets,
    TrunkShape,
)

CALLS = itertools.count()


class MeanLoss(Letters):
    """Reduces by a mean."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return a mean."""
        return super().loss(output, targets) / len(output)


class FirstFirst(Letters):
    """Lets the first segment count more."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss and that of the first segment again."""
        assert targets.values_sw is not None
        first = attrs.evolve(targets, values_sw=targets.values_sw[:1])
        return super().loss(output, targets) + super().loss(output[:1], first)


class Noisy(Letters):
    """Draws in the loss."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the loss, a little off."""
        return super().loss(output, targets) * (1 + 1e-5 * (next(CALLS) % 7))


class Blank(Letters):
    """Takes the mean over known labels, which is NaN where there is none."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the sum, by way of a mean."""
        assert targets.values_sw is not None
        known = int((~targets.values_sw.isnan()).sum())
        return super().loss(output, targets) / torch.tensor(float(known)) * known


class Crowd(Letters):
    """Needs two segments."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Touch the spread over segments, which one alone does not have."""
        squares = (output - output.mean(0)).detach().pow(2).sum()
        return super().loss(output, targets) + 0.0 * squares / (len(output) - 1)


class Smoother(Letters):
    """Smooths labels where they lie."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Change the targets."""
        assert targets.values_sw is not None
        targets.values_sw.mul_(0.98).add_(0.01)
        return super().loss(output, targets)


class Guess(Letters):
    """Doesn't say what a guess costs."""

    def nats_of_a_guess(self, vocabulary: int) -> float:
        """Return what a guess of a token costs."""
        return float(np.log(vocabulary))


class Metered(Letters):
    """Measures with a metric of its own."""

    metric: type[Presence] = Presence

    def metrics(self) -> Mapping[str, Metric]:
        """Return it."""
        return {"accuracy": self.metric()}


class LastBatch(Presence):
    """Remembers the last batch alone."""

    def update(self, output: Tensor, targets: Targets) -> None:
        """Forget what came before."""
        self.right = self.count = 0
        super().update(output, targets)


class Forgetful(Metered):
    """Measures the last batch alone."""

    metric = LastBatch


class Alone(Presence):
    """Listens to no other."""

    def merge(self, other: Presence) -> None:
        """Do nothing."""


class Unmerged(Metered):
    """Loses what other processes measure."""

    metric = Alone


class Undefined(Presence):
    """Divides by nothing."""

    def compute(self) -> Mapping[str, float | None]:
        """Return NaN before the first batch."""
        return {"": self.right / self.count if self.count else float(np.nan)}


class NaNFirst(Metered):
    """Measures NaN at first."""

    metric = Undefined


class Resetting(Presence):
    """Begins anew when it is asked."""

    def compute(self) -> Mapping[str, float | None]:
        """Return the share and forget it."""
        found = super().compute()
        self.right = self.count = 0
        return found


class AskedOnce(Metered):
    """Can be asked only once."""

    metric = Resetting


class InTensors(Presence):
    """Answers with tensors."""

    def compute(self) -> Mapping[str, float | None]:
        """Return a tensor."""
        share: Any = torch.tensor(self.right / self.count) if self.count else None
        return {"": share}


class TensorFigure(Metered):
    """Gives figures that JSON can't hold."""

    metric = InTensors


class InNumpy(Presence):
    """Counts in numpy."""

    def update(self, output: Tensor, targets: Targets) -> None:
        """Convert without a thought of bfloat16."""
        super().update(torch.from_numpy(output.detach().numpy()), targets)


class Float32Head(LabelHead):
    """Answers in the trunk's own format."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores as the trunk computes."""
        return super().forward(rows).to(rows.trunk_td.dtype)


class OnlyFloat32(Metered):
    """Can be measured in float32 alone."""

    metric = InNumpy

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the head that answers in bfloat16 where that is computed in."""
        return Float32Head(trunk, len(LETTERS))


class Sampled(Presence):
    """Spreads over decisions, of which there must be many."""

    def compute(self) -> Mapping[str, float | None]:
        """Divide by one less than there are words."""
        if not self.count:
            return {"": None}
        words = self.count / len(LETTERS)
        return {"": self.right / (words - 1) if words != 1 else float("nan")}


class Spread(Metered):
    """Measures NaN on one word."""

    metric = Sampled


class Batched(Presence):
    """Counts batches to know whether there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def update(self, output: Tensor, targets: Targets) -> None:
        """Count the batch, too."""
        self.batches += 1
        super().update(output, targets)

    def merge(self, other: Any) -> None:
        """Add another's."""
        self.batches += other.batches
        super().merge(other)

    def compute(self) -> Mapping[str, float | None]:
        """Divide where there was a batch, even an empty one."""
        return {"": self.right / self.count if self.batches else None}


class EmptyBatch(Metered):
    """Fails on words of which nothing is known."""

    metric = Batched


class Unsendable(Presence):
    """Holds a function."""

    def __init__(self) -> None:
        super().__init__()
        self.share: Callable[[], float] = lambda: self.right / self.count

    def compute(self) -> Mapping[str, float | None]:
        """Call it."""
        return {"": self.share() if self.count else None}


class Homebound(Metered):
    """Can't be measured in two processes."""

    metric = Unsendable


ONE_METRIC = Presence()


class SharedMetric(Letters):
    """Adds up over evaluations."""

    def metrics(self) -> Mapping[str, Metric]:
        """Return the same metric each time."""
        return {"accuracy": ONE_METRIC}
