"""What epochs draw: the examples that their filters let through, and the order of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from ectrain.batches import Drawable
from ectrain.curriculum import EpochPlan
from ectrain.order import EpochOrder

Selection = dict[str, np.ndarray[Any, Any]]


@attrs.define
class Draws:
    """The training examples of a run, as its epochs draw them.

    Attributes:
        drawable: Training examples by task.
        seed: Of the order.
        examples: Of a step.
    """

    drawable: dict[str, Drawable]
    seed: int
    examples: int
    _selected: dict[str, tuple[Selection, list[str]]] = attrs.field(init=False, factory=dict)

    def replace(self, source: Drawable) -> None:
        """Draw a task's examples from another source from now on."""
        self.drawable[source.name] = source
        self._selected.clear()

    def select(self, plan: EpochPlan) -> tuple[Selection, list[str]]:
        """Return the examples that an epoch may draw, and notes on filters that don't apply.

        Raises:
            DataError: A filter lets no example of a task through.
        """
        key = repr((sorted(plan.filters.items()), sorted(plan.shares)))
        if key not in self._selected:
            found: Selection = {}
            notes: list[str] = []
            for name in plan.shares:
                found[name], own = self.drawable[name].select(plan.filters)
                notes += own
            self._selected[key] = found, notes
        return self._selected[key]

    def order(self, plan: EpochPlan, before: Mapping[str, int] | None = None) -> EpochOrder:
        """Return the order that an epoch draws them in.

        Args:
            plan: Of the epoch.
            before: How many examples of each task earlier epochs drew.
        """
        sizes = {name: len(indices) for name, indices in self.select(plan)[0].items()}
        shares, reference = plan.shares, plan.reference
        return EpochOrder(
            self.seed, plan.epoch, self.examples, shares, sizes, reference, before or {}
        )
