"""The contract kit: sound tasks pass, each seeded fault is caught by the law that forbids it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from toys import Echo, Letters, Presence, ToyConfig

from ectrain.task import Metric, Segment, Targets
from ectrain.testing import LAWS, Subject, task_contract

test_echo = task_contract(Echo(ToyConfig()))
test_sorting = task_contract(Letters(ToyConfig()))


class MeanLoss(Letters):
    """Reduces by a mean."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return a mean."""
        return super().loss(output, targets) / len(output)


class Detached(Letters):
    """Cuts the gradient."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return a loss that ends at the head's output."""
        return super().loss(output.detach(), targets) + 0.0 * output.sum()


class Impure(Letters):
    """Encodes with the process's own random numbers."""

    def encode(self, example: Any, tokenizer: Any, rng: random.Random) -> Segment:
        """Drop a token now and then."""
        segment = super().encode(example, tokenizer, rng)
        keep = random.randint(1, len(segment.tokens))
        return Segment(segment.tokens[:keep], keep, values=segment.values)


class LastBatch(Presence):
    """Remembers the last batch alone."""

    def update(self, output: Tensor, targets: Targets) -> None:
        """Forget what came before."""
        self.right = self.count = 0
        super().update(output, targets)


class Forgetful(Letters):
    """Measures the last batch alone."""

    def metrics(self) -> Mapping[str, Metric]:
        """Return the forgetful metric."""
        return {"accuracy": LastBatch()}


class Blank(Letters):
    """Takes the mean over known labels, which is NaN where there is none."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return the sum, by way of a mean."""
        assert targets.values_sw is not None
        known = int((~targets.values_sw.isnan()).sum())
        return super().loss(output, targets) / torch.tensor(float(known)) * known


class Leaky(Letters):
    """Trains on test data."""

    def examples(self, split: Any) -> Any:
        """Return the same words for every split."""
        return super().examples("train")


class Shared(Letters):
    """Gives every model the same head."""

    _head: Any = None

    def head(self, trunk: Any) -> Any:
        """Return one head, made once."""
        if Shared._head is None:
            Shared._head = super().head(trunk)
        return Shared._head


class Loud(Letters):
    """Seeds torch."""

    def metrics(self) -> Mapping[str, Metric]:
        """Change the process's random numbers."""
        torch.manual_seed(0)
        return super().metrics()


class Wide(Letters):
    """Has values of no one width."""

    def encode(self, example: Any, tokenizer: Any, rng: random.Random) -> Segment:
        """Leave the values out of short words."""
        segment = super().encode(example, tokenizer, rng)
        if len(example.text) < 5:
            return Segment(segment.tokens, segment.prefix)
        return segment


class Undefined(Presence):
    """Divides by nothing."""

    def compute(self) -> Mapping[str, float | None]:
        """Return NaN before the first batch."""
        return {"": self.right / self.count if self.count else float(np.nan)}


class NaNFirst(Letters):
    """Measures NaN at first."""

    def metrics(self) -> Mapping[str, Metric]:
        """Return the undefined metric."""
        return {"accuracy": Undefined()}


FAULTS = [
    (MeanLoss, "loss_is_additive"),
    (Detached, "gradient_reaches_trunk"),
    (Impure, "encoding_is_pure"),
    (Forgetful, "metrics_stream"),
    (Blank, "nothing_to_predict_costs_nothing"),
    (Leaky, "splits_share_nothing"),
    (Shared, "heads_fit_any_width"),
    (Loud, "globals_stay"),
    (Wide, "values_have_one_width"),
    (NaNFirst, "metrics_know_nothing_yet"),
]


@pytest.mark.parametrize(("fault", "law"), FAULTS, ids=lambda x: getattr(x, "__name__", x))
def test_seeded_faults_are_caught(fault: type[Letters], law: str) -> None:
    """The law that forbids a fault fails for a task that has it."""
    torch.manual_seed(1)
    (found,) = [one for one in LAWS if one.__name__ == law]
    with pytest.raises(AssertionError):
        found(Subject(fault(ToyConfig())))
