"""The regression guard: a task whose validation loss rises beyond its noise gets more weight.

A pure function of what was measured, so that a resumed run decides the same.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

import attrs

from ectrain.structure import between

FEWEST = 4  # losses before there is a noise to speak of


@attrs.frozen
class Guard:
    """How a phase answers when a task gets worse.

    Attributes:
        band: How many times its noise a task's loss must be above its best to count as worse; the
            noise is the spread of what it changes by from one epoch to the next.
        patience: Epochs in a row that it must be worse, or well again, before anything is done.
        step: What its weight is multiplied with, and divided by again when it is well.
        most: Most that its weight is multiplied with in all.
    """

    band: float = attrs.field(default=2.0, validator=between(0))
    patience: int = attrs.field(default=2, validator=between(1))
    step: float = attrs.field(default=1.25, validator=between(1, above=True))
    most: float = attrs.field(default=2.0, validator=between(1))


@attrs.frozen
class Decision:
    """A change of a task's weight.

    Attributes:
        epoch: After which it was decided.
        task: Whose.
        before: What the guard multiplied its weight with.
        after: What it multiplies it with from the next epoch on.
        why: What was measured.
        effect: What came of it, `patience` epochs later; "" while that isn't known.
    """

    epoch: int
    task: str
    before: float
    after: float
    why: str
    effect: str = ""


def decisions(
    guard: Guard, measured: Sequence[tuple[int, Mapping[str, float | None]]], tasks: Sequence[str]
) -> list[Decision]:
    """Return all that a guard decides in a phase, by epoch.

    Args:
        guard: Its settings.
        measured: Each closed epoch's number and figures by "task/metric", in order.
        tasks: Whose loss is watched.
    """
    found: list[Decision] = []
    for task in tasks:
        series = [(epoch, _known(figures.get(f"{task}/loss"))) for epoch, figures in measured]
        losses = [(epoch, loss) for epoch, loss in series if loss is not None]
        found += _with_effects(guard, list(_of_task(guard, task, losses)), losses)
    return sorted(found, key=lambda decision: (decision.epoch, decision.task))


def factors(made: Sequence[Decision]) -> dict[str, float]:
    """Return what each task's weight is multiplied with after some decisions, where not 1."""
    return {decision.task: decision.after for decision in made}


def _known(loss: float | None) -> float | None:
    return loss if loss is not None and math.isfinite(loss) else None


def _of_task(guard: Guard, task: str, losses: Sequence[tuple[int, float]]) -> Iterator[Decision]:
    factor, worse, well = 1.0, 0, 0
    for number, (epoch, loss) in enumerate(losses):
        before = [value for _, value in losses[:number]]
        if len(before) < FEWEST:
            continue
        best, band = min(before), guard.band * _noise(before)
        is_worse = loss > best + band
        worse, well = (worse + 1, 0) if is_worse else (0, well + 1)
        after = factor
        if worse >= guard.patience:
            after = min(guard.most, factor * guard.step)
        elif well >= guard.patience:
            after = max(1.0, factor / guard.step)
        if after != factor:
            state = "worse than" if is_worse else "again within"
            why = (
                f"validation loss {loss:.4g} is {state} its best {best:.4g} and band {band:.2g} "
                f"for {guard.patience} epochs"
            )
            yield Decision(epoch, task, factor, after, why)
            factor, worse, well = after, 0, 0


def _noise(losses: Sequence[float]) -> float:
    """Return the standard deviation of one loss, from the changes between neighbours.

    Source: von Neumann et al., The mean square successive difference (1941).
    """
    changes = [b - a for a, b in itertools.pairwise(losses)]
    return statistics.pstdev(changes) / math.sqrt(2)


def _with_effects(
    guard: Guard, made: Sequence[Decision], losses: Sequence[tuple[int, float]]
) -> Iterator[Decision]:
    epochs = [epoch for epoch, _ in losses]
    for decision in made:
        at = epochs.index(decision.epoch)
        later = at + guard.patience
        if later < len(losses):
            change = f"{losses[at][1]:.4g} to {losses[later][1]:.4g}"
            effect = f"validation loss went from {change} in {guard.patience} epochs"
            yield attrs.evolve(decision, effect=effect)
        else:
            yield decision
