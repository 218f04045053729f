"""One number a task, moved by Adam, and softmaxes over tasks: what several balancers learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Learned:
    """One number a task; that of a task without a gradient stays where it is.

    Args:
        tasks: Names.
        start: Of each number.
        rate: Of Adam.
        decay: Of the numbers towards 0, added to their gradients.
        limit: No number goes further from 0.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        start: float,
        rate: float,
        decay: float = 0.0,
        limit: float = math.inf,
    ) -> None:
        self._limit = limit
        self._numbers = {
            task: torch.tensor(start, dtype=torch.float64, requires_grad=True) for task in tasks
        }
        numbers = [*self._numbers.values()]
        self._adam = torch.optim.Adam(numbers, lr=rate, weight_decay=decay, foreach=False)

    def __getitem__(self, task: str) -> float:
        return float(self._numbers[task].detach())

    def move(self, gradients: Mapping[str, float]) -> None:
        """Take one step of Adam along some tasks' gradients."""
        for task, number in self._numbers.items():
            given = gradients.get(task)
            number.grad = None if given is None else torch.tensor(given, dtype=torch.float64)
        self._adam.step()
        with torch.no_grad():
            for number in self._numbers.values():
                number.clamp_(-self._limit, self._limit)

    def state(self) -> dict[str, Any]:
        """Return numbers and Adam's moments by task, exactly."""
        found = {}
        for task, number in self._numbers.items():
            moments = self._adam.state.get(number, {})
            found[task] = {
                "value": float(number.detach()),
                **{key: float(moments[key]) for key in MOMENTS if key in moments},
            }
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        for task, number in self._numbers.items():
            stored = state[task]
            with torch.no_grad():
                number.fill_(stored["value"])
            if "step" in stored:
                self._adam.state[number] = {
                    "step": torch.tensor(stored["step"], dtype=torch.float32),
                    "exp_avg": torch.tensor(stored["exp_avg"], dtype=torch.float64),
                    "exp_avg_sq": torch.tensor(stored["exp_avg_sq"], dtype=torch.float64),
                }

    def softmax(self, tasks: Iterable[str]) -> dict[str, float]:
        """Return the softmax of some tasks' numbers."""
        return softmax({task: self[task] for task in tasks})


def softmax(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the softmax of numbers by task: each above 0, summing to 1."""
    highest = max(numbers.values(), default=0.0)
    exponentials = {task: math.exp(number - highest) for task, number in numbers.items()}
    total = math.fsum(exponentials.values())
    return {task: x / total for task, x in exponentials.items()}
