"""Gradients that are freed of what works against other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ectrain.balancer import Balancer, Coming, Needs, NoSettings
from ectrain.gradients import Gradients
from ectrain.order import keyed_random


class PCGrad(Balancer[NoSettings]):
    """Each task's gradient loses its part against every other's, in random order; then the sum.

        g_i <- g_i - (g_i . g_j) / |g_j|^2 g_j   for every j where g_i . g_j < 0

    with g_j as it was. The order depends on seed, step and task alone.

    Source: Yu, Kumar, Gupta, Levine, Hausman, Finn, Gradient surgery for multi-task learning
    (2020), algorithm 1.
    """

    name = "pcgrad"
    config_type = NoSettings
    needs = Needs(gradients="trunk")
    _step = 0

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return 1 for each task, and keep the step for the order."""
        self._step = coming.step
        return super().factors(coming)

    def combine(self, gradients: Gradients) -> Sequence[Tensor]:
        """Return the sum of the projected gradients."""
        tasks = gradients.tasks
        orders = []
        for task in tasks:
            others = sorted(other for other in tasks if other != task)
            keyed_random(self.seed, "pcgrad", self._step, task).shuffle(others)
            orders.append([tasks.index(other) for other in others])
        return gradients.mix(projected(gradients.gram(), orders))


def projected(gram: NDArray[np.float64], orders: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return how much of each gradient is in the sum of the projected ones, `[k]`.

    Args:
        gram: Inner products of the gradients, `[k, k]`.
        orders: For each gradient, the others in the order that it is projected against.
    """
    total = np.zeros(len(gram))
    for own, order in enumerate(orders):
        mix = np.zeros(len(gram))
        mix[own] = 1.0
        for other in order:
            against = float(mix @ gram[:, other])
            if against < 0:
                mix[other] -= against / gram[other, other]
        total += mix
    return total
