"""A short training of small tasks with a balancer: what laws about whole steps look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from ectrain.balancer import Balancer
from ectrain.batches import Batch, lay_out
from ectrain.config import OptimizerConfig
from ectrain.learner import Learner
from ectrain.loop import train_step
from ectrain.model import Model
from ectrain.optimizer import make_optimizer
from ectrain.testing.neighbour import Neighbour, neighbour_segments
from ectrain.testing.trunk import processor, tiny_shape
from ectrain.tokenizer import Tokenizer

TASKS = ("one", "other", "third")


@attrs.define(eq=False)
class Trained(Learner):
    """A learner that went through a short training.

    Attributes:
        losses: Mean loss of each task, step by step.
    """

    losses: list[dict[str, float]] = attrs.field(factory=list)


def balanced_run(
    balancer: Balancer[Any],
    steps: int,
    *,
    tasks: Sequence[str] = TASKS,
    weights: Mapping[str, float] | None = None,
    max_tokens: int = 10_000,
    dtype: torch.dtype = torch.float32,
) -> tuple[Trained, list[dict[str, float]]]:
    """Train small tasks on one batch, and return the learner and the factors of each step.

    Args:
        balancer: What balances.
        steps: How many.
        tasks: Which of the tasks have a part of the batch.
        weights: Of the tasks; 1 unless given.
        max_tokens: Most tokens of a pass.
        dtype: What is computed in.
    """
    tokenizer = Tokenizer.train(["a"], 320, (), ())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kinds = {name: Neighbour() for name in TASKS}
        model = Model(tiny_shape(), kinds, tokenizer, seed=0).train()
        settings = OptimizerConfig(rate=5e-3, weight_decay=0.0)
        optimizer = make_optimizer(model, settings)
        learner = Trained(model, optimizer, processor(dtype), 1.0, balancer)
        batch = _batch(tokenizer.size, tasks, max_tokens)
        given = weights or dict.fromkeys(TASKS, 1.0)
        told = []
        for step in range(1, steps + 1):
            found = train_step(learner, batch, given, step)
            told.append(dict(found.factors))
            means = {name: loss / batch.targets[name] for name, loss in found.losses.items()}
            learner.losses.append(means)
    return learner, told


def _batch(vocabulary: int, tasks: Sequence[str], max_tokens: int) -> Batch:
    """Lay out segments of each task, not the same ones."""
    segments = neighbour_segments(vocabulary)
    drawn = {
        "one": segments[:2],
        "other": segments[2:4],
        "third": segments[4:],
    }
    return lay_out([(name, s) for name in tasks for s in drawn[name]], max_tokens)


def weights_of(learner: Learner) -> dict[str, Tensor]:
    """Return the model's weights by name."""
    return {name: weight.detach() for name, weight in learner.model.named_parameters()}
