"""Two tasks on a quadratic, in plain numpy: what balancers are compared on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ectrain.balancer import Balancer, Coming, Seen
from ectrain.gradients import Gradients

Vector = NDArray[np.float64]

TASKS = ("steep", "flat")
CURVES = {"steep": np.array([8.0, 1.0]), "flat": np.array([0.5, 2.0])}
CENTRES = {"steep": np.array([1.0, 0.0]), "flat": np.array([-1.0, 1.0])}
RATE = 0.02


def loss(task: str, x: Vector) -> float:
    """Return  1/2 sum a (x - c)^2 + 1/10."""
    return float(0.5 * (CURVES[task] * (x - CENTRES[task]) ** 2).sum() + 0.1)


def slope(task: str, x: Vector) -> Vector:
    """Return the loss's derivative."""
    found: Vector = CURVES[task] * (x - CENTRES[task])
    return found


def descend(balancer: Balancer[Any], steps: int) -> tuple[list[dict[str, float]], list[Vector]]:
    """Go down with a balancer, as `train_step` asks it; return factors and points, step by step."""
    x = np.array([3.0, -2.0])
    said, points = [], [x]
    for step in range(1, steps + 1):
        losses = {task: loss(task, x) for task in TASKS}
        needs = balancer.needs
        coming = Coming(step, dict.fromkeys(TASKS, 1.0), losses if needs.losses else None)
        factors = dict(balancer.factors(coming))
        rows = gradients({task: factors[task] * slope(task, x) for task in TASKS})
        if needs.gradients == "trunk":
            (direction,) = balancer.combine(rows)
        else:
            (direction,) = rows.mix([1.0] * len(TASKS))
        x = x - RATE * direction.numpy()
        after = {task: loss(task, x) for task in TASKS} if needs.losses_after else None
        given = rows if needs.gradients != "none" else None
        balancer.learn(Seen(step, losses, factors, after, given))
        said.append(factors)
        points.append(x)
    return said, points


def gradients(rows: Mapping[str, Vector]) -> Gradients:
    """Return gradients as core gives them, of one weight."""
    return Gradients({task: [torch.from_numpy(row)] for task, row in rows.items()})


class Adam:
    """Adam of Kingma & Ba (2015), algorithm 1, in float64, with decay added to the gradient."""

    def __init__(self, rate: float, decay: float = 0.0) -> None:
        self.rate, self.decay, self.t = rate, decay, 0
        self.m: Any = 0.0
        self.v: Any = 0.0

    def step(self, x: Vector, g: Vector) -> Vector:
        """Return the next point."""
        g = g + self.decay * x
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        found: Vector = x - self.rate * m / (np.sqrt(v) + 1e-8)
        return found


def softmax(x: Vector) -> Vector:
    """Return exponentials over their sum."""
    e = np.exp(x - x.max())
    found: Vector = e / e.sum()
    return found


def numeric(f: Callable[[Vector], float], x: Vector) -> Vector:
    """Return a derivative by central differences."""
    h, eye = 1e-6, np.eye(len(x))
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in eye])


def rows_of(factors: Sequence[Mapping[str, float]]) -> Vector:
    """Return factors as a table, a row a step."""
    return np.array([[f[task] for task in TASKS] for f in factors])
