"""What a curriculum would draw from the data at hand, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ectrain.batches import Drawable
from ectrain.curriculum import EpochPlan
from ectrain.draws import Draws


@attrs.frozen
class EpochDraws:
    """What one epoch draws.

    Attributes:
        plan: What the curriculum asks for.
        steps: Optimizer steps.
        drawn: Examples by task.
        available: Examples that its filters let through, by task.
        notes: Filters that don't apply, and why.
    """

    plan: EpochPlan
    steps: int
    drawn: Mapping[str, int]
    available: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def repeats(self) -> dict[str, float]:
        """How often an available example is drawn, on average, by task."""
        return {name: drawn / self.available[name] for name, drawn in self.drawn.items()}


def simulate(
    plans: Sequence[EpochPlan], drawable: Mapping[str, Drawable], examples_a_step: int
) -> list[EpochDraws]:
    """Return what each planned epoch draws.

    Raises:
        DataError: A filter lets no example of a task through.
    """
    draws = Draws(dict(drawable), 0, examples_a_step)
    found = []
    for plan in plans:
        _, notes = draws.select(plan)
        order = draws.order(plan)
        drawn = {name: order.drawn_before(name, order.steps) for name in plan.shares}
        found.append(EpochDraws(plan, order.steps, drawn, dict(order.sizes), tuple(notes)))
    return found
