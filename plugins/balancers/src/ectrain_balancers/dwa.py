"""Weights from how fast each loss fell of late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.balancer import Balancer, Coming, Seen
from ectrain.structure import between
from ectrain_balancers.learned import softmax


@attrs.frozen
class DynamicWeightAverageConfig:
    """Settings of `dwa`.

    Attributes:
        temperature: Higher is more even.
        window: Steps whose mean loss is compared with that of as many before them.
    """

    temperature: float = attrs.field(default=2.0, validator=between(0, above=True))
    window: int = attrs.field(default=100, validator=between(1))


class DynamicWeightAverage(Balancer[DynamicWeightAverageConfig]):
    """Factor of task k among K:  K exp(r_k / T) / sum_i exp(r_i / T),  r_k = l_k(t-1) / l_k(t-2).

    l(t-1) and l(t-2) are mean losses over the last two full windows of steps, in place of the
    paper's epochs: an epoch here may be long, or hold few of a task's examples. A task that has not
    been in two windows yet counts as one whose loss stays (r = 1).

    Source: Liu, Johns, Davison, End-to-end multi-task learning with attention (2019), equation 7.
    """

    name = "dwa"
    config_type = DynamicWeightAverageConfig

    def __init__(
        self, config: DynamicWeightAverageConfig, tasks: tuple[str, ...], seed: int
    ) -> None:
        super().__init__(config, tasks, seed)
        self._steps = 0  # of the open window
        self._open: dict[str, list[float]] = {}  # its sum of losses and their count, by task
        self._means: dict[str, list[float]] = {}  # of the last two windows, by task

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return K times the softmax of the ratios."""
        ratios = {task: self._ratio(task) / self.config.temperature for task in coming.tasks}
        return {task: len(ratios) * share for task, share in softmax(ratios).items()}

    def _ratio(self, task: str) -> float:
        means = self._means.get(task, [])
        if len(means) < 2 or means[0] == 0:
            return 1.0
        return means[1] / means[0]

    def learn(self, seen: Seen) -> None:
        """Add up losses, and close the window when it is full."""
        for task, loss in seen.losses.items():
            total, count = self._open.get(task, [0.0, 0.0])
            self._open[task] = [total + loss, count + 1]
        self._steps += 1
        if self._steps == self.config.window:
            for task, (total, count) in self._open.items():
                self._means[task] = [*self._means.get(task, []), total / count][-2:]
            self._steps, self._open = 0, {}

    def state(self) -> Mapping[str, Any]:
        """Return the open window and the means of the last two."""
        return {"steps": self._steps, "open": self._open, "means": self._means}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._steps = int(state["steps"])
        self._open = {task: list(sums) for task, sums in state["open"].items()}
        self._means = {task: list(means) for task, means in state["means"].items()}
