"""Weights from each task's homoscedastic uncertainty, learned with the trunk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.balancer import Balancer, Coming, Seen
from ectrain.structure import between
from ectrain_balancers.learned import Learned

LIMIT = 5.0  # of a log-variance: weights stay within exp(-5)/2 and exp(5)/2


@attrs.frozen
class UncertaintyConfig:
    """Settings of `uncertainty`.

    Attributes:
        rate: Of Adam, which moves the log-variances.
        start: First log-variance of every task, from -5 to 5.
    """

    rate: float = attrs.field(default=0.01, validator=between(0, above=True))
    start: float = attrs.field(default=-0.5, validator=between(-LIMIT, LIMIT))


class Uncertainty(Balancer[UncertaintyConfig]):
    """The loss of task k counts as  l_k / (2 exp(s_k)) + s_k / 2,  s_k a learned log-variance.

    Where the loss is constant, s_k settles at log l_k, so that every task counts 1/2. The total is
    negative once a loss is below 1/e of a guess; nothing is wrong with that, and it isn't logged.

    Source: Kendall, Gal, Cipolla, Multi-task learning using uncertainty to weigh losses for scene
    geometry and semantics (2018), equation 7; first log-variance and form as in LibMTL.
    """

    name = "uncertainty"
    config_type = UncertaintyConfig

    def __init__(self, config: UncertaintyConfig, tasks: tuple[str, ...], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self._log_variance = Learned(tasks, config.start, config.rate, limit=LIMIT)

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return 1 / (2 exp(s)) for each task."""
        return {task: 0.5 * math.exp(-self._log_variance[task]) for task in coming.tasks}

    def learn(self, seen: Seen) -> None:
        """Move s along  (1 - l / exp(s)) / 2,  the derivative of the total."""
        self._log_variance.move(
            {
                task: 0.5 * (1.0 - loss * math.exp(-self._log_variance[task]))
                for task, loss in seen.losses.items()
            }
        )

    def state(self) -> Mapping[str, Any]:
        """Return the log-variances and their moments."""
        return {"log_variance": self._log_variance.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._log_variance.restore(state["log_variance"])
