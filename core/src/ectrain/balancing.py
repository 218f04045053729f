"""Asking a balancer in each step: before it how much tasks count, after it what came of that."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from ectrain.balancer import Balancer, Coming, Seen
from ectrain.batches import Batch
from ectrain.errors import PluginError
from ectrain.gradients import Gradients, OwnGradients
from ectrain.learner import Learner
from ectrain.losses import added_up, passes
from ectrain.plugins import blame


@attrs.define(eq=False)
class Decision:
    """How much each task of a step counts.

    Attributes:
        coming: What the balancer was told.
        factors: What it said, by task that takes part.
        scales: What each task's summed loss is multiplied with.
        passes: The losses, pass by pass; to be gone through once.
        own: Adds up each task's own gradient; None where nobody wants to know.
        random: State of the random numbers before the step's passes, where they are made twice.
    """

    coming: Coming
    factors: Mapping[str, float]
    scales: Mapping[str, float]
    passes: Iterable[Mapping[str, Tensor]]
    own: OwnGradients | None
    random: Tensor | None

    def cosines(self) -> dict[str, float | None]:
        """Return the cosine of each pair of tasks' gradients of the trunk, of a step that is done.

        Waits for the device.
        """
        return self.own.found().cosines() if self.own is not None else {}


def decide(
    learner: Learner, batch: Batch, weights: Mapping[str, float], step: int, observe: bool
) -> Decision:
    """Ask the balancer how much each task of a step counts.

    Args:
        learner: Model, balancer and the losses of guesses.
        batch: What the step takes.
        weights: Of the curriculum, by task.
        step: Its number, from 1.
        observe: Add up each task's own gradient of the trunk, whoever balances.

    Raises:
        PluginError: The balancer fails, or gives what no loss can be multiplied with.
    """
    balancer = learner.balancer
    twice = balancer.needs.losses or balancer.needs.losses_after
    random = torch.get_rng_state() if twice else None
    counting = {name: count for name, count in batch.targets.items() if count}
    active = {name: weights[name] for name in counting if weights[name] > 0}
    coming = Coming(step, active)
    losses: Iterable[Mapping[str, Tensor]] = passes(learner, batch)
    if balancer.needs.losses:
        if len(batch.packs) == 1:
            losses = list(losses)
            sums = added_up(losses)
        else:
            sums = _looked_at(learner, batch, random)
        coming = Coming(step, active, mean_losses(learner, batch, active, sums))
    with blame(learner.balancer.name, "factors", f"step {step}", kind="balancer"):
        factors = balancer.factors(coming) if active else {}
    _refuse_factors(learner.balancer.name, factors, coming)
    scales = {
        name: weights[name] / learner.guesses.get(name, 1.0) * factors.get(name, 1.0) / count
        for name, count in counting.items()
    }
    return Decision(coming, factors, scales, losses, _own(learner, observe), random)


def _own(learner: Learner, observe: bool) -> OwnGradients | None:
    """Return what adds up as much of each task's own gradient as anybody wants to know."""
    trunk, needed = learner.model.trunk, learner.balancer.needs.gradients
    if needed == "trunk":
        return OwnGradients([*trunk.parameters()], [*learner.model.heads.parameters()])
    if observe:
        return OwnGradients([*trunk.parameters()])
    return OwnGradients(last_block(learner)) if needed == "last block" else None


def last_block(learner: Learner) -> list[nn.Parameter]:
    """Return the weights of the last block that all tasks share."""
    return list(learner.model.trunk.blocks[-1].parameters())


def _refuse_factors(name: str, factors: Any, coming: Coming) -> None:
    fits = isinstance(factors, Mapping) and set(factors) == set(coming.weights)
    if not fits or not all(
        isinstance(x, float | int) and 0 <= x < math.inf for x in factors.values()
    ):
        raise PluginError(
            f"balancer {name}: factors are {factors!r} at step {coming.step}, expected a finite "
            f"number of 0 or more for each of {', '.join(coming.tasks)}"
        )


def accumulate(learner: Learner, decision: Decision) -> dict[str, Tensor]:
    """Make the step's passes, forward and backward, and return each task's summed loss."""
    sums: dict[str, Tensor] = {}
    combined = learner.balancer.needs.gradients == "trunk"
    for losses in decision.passes:
        total = torch.zeros((), device=learner.place.device)
        counted: dict[str, Tensor] = {}
        for name, loss in losses.items():
            sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()
            if name in decision.scales:
                counted[name] = loss * decision.scales[name]
                total = total + counted[name]
        if decision.own is not None:
            active = {name: counted[name] for name in counted if name in decision.coming.weights}
            decision.own.add(active, graph_is_needed=not combined)
        if not combined and total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
    if combined and decision.own is not None and decision.coming.weights:
        _combine(learner, decision.own.found())
    return sums


def _combine(learner: Learner, gradients: Gradients) -> None:
    """Make the trunk's gradient what the balancer makes of the tasks' own."""
    name, weights = learner.balancer.name, list(learner.model.trunk.parameters())
    with blame(name, "combine", kind="balancer"):
        found = list(learner.balancer.combine(gradients))
    if [list(x.shape) for x in found] != [list(weight.shape) for weight in weights]:
        raise PluginError(f"balancer {name}: combine gave other shapes than the trunk's weights")
    for weight, gradient in zip(weights, found, strict=True):
        weight.grad = gradient


def tell(learner: Learner, batch: Batch, decision: Decision, sums: Mapping[str, float]) -> None:
    """Let the balancer learn from a step that was taken.

    Raises:
        PluginError: It fails.
    """
    balancer, coming = learner.balancer, decision.coming
    if not coming.weights or type(balancer).learn is Balancer.learn:
        return
    after = None
    if balancer.needs.losses_after:
        again = _looked_at(learner, batch, decision.random)
        after = mean_losses(learner, batch, coming.weights, again)
        if not all(map(math.isfinite, after.values())):
            return  # the next step meets the same and is refused, with the task's name
    gradients = None
    if decision.own is not None and balancer.needs.gradients != "none":
        whole = balancer.needs.gradients == "trunk"
        gradients = decision.own.found(None if whole else last_block(learner))
    losses = _means(learner, batch, coming.weights, sums)
    with blame(learner.balancer.name, "learn", f"step {coming.step}", kind="balancer"):
        balancer.learn(Seen(coming.step, losses, decision.factors, after, gradients))


def _looked_at(learner: Learner, batch: Batch, random: Tensor | None) -> dict[str, Tensor]:
    """Return the summed losses of a batch, with the random numbers of the step's own passes."""
    with torch.no_grad(), _with_random(learner, random):
        return added_up(passes(learner, batch))


@contextlib.contextmanager
def _with_random(learner: Learner, state: Tensor | None) -> Iterator[None]:
    device = learner.place.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        if state is not None:
            torch.set_rng_state(state)
        yield


def mean_losses(
    learner: Learner, batch: Batch, tasks: Iterable[str], sums: Mapping[str, Tensor]
) -> dict[str, float]:
    """Return mean losses in guesses; waits for the device."""
    if not sums:
        return {}
    values = torch.stack([loss.float() for loss in sums.values()]).tolist()
    return _means(learner, batch, tasks, dict(zip(sums, values, strict=True)))


def _means(
    learner: Learner, batch: Batch, tasks: Iterable[str], sums: Mapping[str, float]
) -> dict[str, float]:
    return {
        name: sums[name] / batch.targets[name] / learner.guesses.get(name, 1.0) for name in tasks
    }
