"""Each balancer does on a two-task quadratic what its paper's equations do in plain numpy."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from quadratics import (
    RATE,
    TASKS,
    Adam,
    Vector,
    descend,
    gradients,
    loss,
    numeric,
    rows_of,
    slope,
    softmax,
)

from ectrain.balancer import Coming, NoSettings, Seen
from ectrain.gradients import Gradients
from ectrain_balancers.cagrad import CAGrad, CAGradConfig, conflict_averse
from ectrain_balancers.dwa import DynamicWeightAverage, DynamicWeightAverageConfig
from ectrain_balancers.famo import FAMO, FAMOConfig
from ectrain_balancers.gradnorm import GradNorm, GradNormConfig
from ectrain_balancers.pcgrad import PCGrad, projected
from ectrain_balancers.rlw import RandomLossWeighting
from ectrain_balancers.uncertainty import Uncertainty, UncertaintyConfig

START = np.array([3.0, -2.0])
STEPS = 60


def losses_at(x: Vector) -> Vector:
    """Return both losses."""
    return np.array([loss(task, x) for task in TASKS])


def slopes_at(x: Vector) -> Vector:
    """Return both derivatives, a row each."""
    return np.array([slope(task, x) for task in TASKS])


# --- weights --------------------------------------------------------------------------------------


def test_uncertainty_is_joint_descent() -> None:
    """Log-variances move by Adam, the point by descent, on one  sum l / (2 exp(s)) + s / 2."""
    said, points = descend(Uncertainty(UncertaintyConfig(rate=0.1), TASKS, 0), STEPS)
    x, s, adam = START, np.full(2, -0.5), Adam(0.1)
    for step in range(STEPS):
        assert rows_of(said)[step] == pytest.approx(0.5 * np.exp(-s))

        def total(s: Vector, x: Vector = x) -> float:
            return float((losses_at(x) / (2 * np.exp(s)) + s / 2).sum())

        following = adam.step(s, numeric(total, s))
        x = x - RATE * (0.5 * np.exp(-s)) @ slopes_at(x)
        s = np.clip(following, -5, 5)
        assert points[step + 1] == pytest.approx(x, rel=1e-4)


def test_uncertainty_settles_at_the_loss() -> None:
    """Of constant losses the log-variance becomes the logarithm: each task counts 1/2."""
    balancer = Uncertainty(UncertaintyConfig(rate=0.05), TASKS, 0)
    constant = {"steep": 3.0, "flat": 0.2}
    for step in range(1, 1500):
        balancer.learn(Seen(step, constant, {}))
    found = balancer.factors(Coming(1500, constant))
    for task, value in constant.items():
        assert found[task] * value == pytest.approx(0.5, rel=1e-3)


def test_dwa_compares_windows() -> None:
    """Factors are 2 softmax(r / T), r the last window's mean loss by that of the one before."""
    config = DynamicWeightAverageConfig(temperature=1.5, window=4)
    said, points = descend(DynamicWeightAverage(config, TASKS, 0), STEPS)
    seen = np.array([losses_at(x) for x in points[:-1]])
    for step, found in enumerate(rows_of(said)):
        full = step // 4
        expected = np.ones(2)
        if full >= 2:
            last, before = (seen[4 * n : 4 * n + 4].mean(0) for n in (full - 1, full - 2))
            expected = 2 * softmax(last / before / 1.5)
        assert found == pytest.approx(expected)


def test_rlw_is_a_softmax_of_normal_draws() -> None:
    """Over many steps factors have the distribution of 2 softmax(x), x normal; seeds differ."""
    balancer = RandomLossWeighting(NoSettings(), TASKS, 3)
    coming = [Coming(step, dict.fromkeys(TASKS, 1.0)) for step in range(2000)]
    found = rows_of([balancer.factors(c) for c in coming])
    assert found.sum(1) == pytest.approx(2.0)
    logit = np.log(found[:, 0] / found[:, 1])  # the difference of two normal numbers
    assert logit.mean() == pytest.approx(0.0, abs=0.1)
    assert logit.std() == pytest.approx(math.sqrt(2), rel=0.05)
    other = RandomLossWeighting(NoSettings(), TASKS, 4)
    assert rows_of([other.factors(c) for c in coming[:5]]).tolist() != found[:5].tolist()


def test_gradnorm_moves_down_its_loss() -> None:
    """Logits move by Adam along a numeric derivative of  sum |G - mean(G) r ^ alpha|."""
    config = GradNormConfig(alpha=1.5, rate=0.025)
    said, _ = descend(GradNorm(config, TASKS, 0), STEPS)
    x, z, adam, first = START, np.zeros(2), Adam(0.025), losses_at(START)
    for step in range(STEPS):
        weights = 2 * softmax(z)
        assert rows_of(said)[step] == pytest.approx(weights, rel=1e-4)
        norms = np.linalg.norm(slopes_at(x), axis=1)
        rate = losses_at(x) / first
        target = (weights * norms).mean() * (rate / rate.mean()) ** 1.5

        def distance(z: Vector, norms: Vector = norms, target: Vector = target) -> float:
            return float(np.abs(2 * softmax(z) * norms - target).sum())

        x = x - RATE * weights @ slopes_at(x)
        z = adam.step(z, numeric(distance, z))


def test_gradnorm_makes_gradients_equal() -> None:
    """With alpha 0 and constant gradients, the norms that count become one."""
    balancer = GradNorm(GradNormConfig(alpha=0.0, rate=0.01), TASKS, 0)
    raw = {"steep": np.array([4.0, 0.0]), "flat": np.array([0.0, 1.0])}
    for step in range(1, 800):
        factors = dict(balancer.factors(Coming(step, dict.fromkeys(TASKS, 1.0))))
        rows = gradients({task: factors[task] * raw[task] for task in TASKS})
        balancer.learn(Seen(step, dict.fromkeys(TASKS, 1.0), factors, None, rows))
    assert 4 * factors["steep"] == pytest.approx(factors["flat"], rel=0.05)


def test_famo_is_its_algorithm() -> None:
    """Factors are 2 c z / l, and logits move by Adam with decay along J^T (log l - log l')."""
    said, _ = descend(FAMO(FAMOConfig(rate=0.025, decay=0.01), TASKS, 0), STEPS)
    x, w, adam = START, np.zeros(2), Adam(0.025, decay=0.01)
    for step in range(STEPS):
        z, before = softmax(w), losses_at(x)
        factors = 2 * (z / before) / (z / before).sum()
        assert rows_of(said)[step] == pytest.approx(factors, rel=1e-6)
        x = x - RATE * factors @ slopes_at(x)
        fell = np.log(before) - np.log(losses_at(x))
        jacobian = np.diag(z) - np.outer(z, z)
        w = adam.step(w, jacobian.T @ fell)


# --- gradients ------------------------------------------------------------------------------------

numbers = st.floats(-10, 10).map(lambda x: round(x, 3))
tables = st.integers(2, 4).flatmap(lambda k: arrays.arrays(np.float64, (k, 6), elements=numbers))


@given(rows=tables, seed=st.integers(0, 9))
def test_pcgrad_is_its_algorithm(rows: Vector, seed: int) -> None:
    """The mix from inner products is that of projecting the vectors themselves, one by one."""
    rng = random.Random(seed)
    others = [[j for j in range(len(rows)) if j != i] for i in range(len(rows))]
    for order in others:
        rng.shuffle(order)
    total = np.zeros(rows.shape[1])
    for i, order in enumerate(others):
        g = rows[i].copy()
        for j in order:
            if g @ rows[j] < -1e-9:
                g -= g @ rows[j] / (rows[j] @ rows[j]) * rows[j]
        total += g
    assert projected(rows @ rows.T, others) @ rows == pytest.approx(total, rel=1e-6, abs=1e-6)


@given(rows=arrays.arrays(np.float64, (2, 6), elements=numbers))
def test_pcgrad_of_two_works_against_neither(rows: Vector) -> None:
    """Of two tasks the result opposes neither; where they don't conflict, it is their sum."""
    result = projected(rows @ rows.T, [[1], [0]]) @ rows
    assert (rows @ result >= -1e-6).all()
    if rows[0] @ rows[1] >= 0:
        assert result == pytest.approx(rows.sum(0))


@given(rows=tables, c=st.floats(0, 0.95))
def test_cagrad_stays_near_the_mean_and_helps_the_worst(rows: Vector, c: float) -> None:
    """d is within c |g0| of the mean, and the least gain is no less than the mean's."""
    d, mean = conflict_averse(rows @ rows.T, c) @ rows, rows.mean(0)
    norm = np.linalg.norm(mean)
    assert np.linalg.norm(d - mean) <= c * norm * (1 + 1e-4) + 1e-5
    assert (rows @ d).min() >= (rows @ mean).min() - 1e-4 * (1 + (rows**2).sum())


@given(rows=tables)
def test_cagrad_without_radius_is_the_mean(rows: Vector) -> None:
    """With c = 0 nothing but the mean is left."""
    assert conflict_averse(rows @ rows.T, 0.0) == pytest.approx(np.full(len(rows), 1 / len(rows)))


@given(rows=arrays.arrays(np.float64, (2, 2), elements=numbers), c=st.sampled_from([0.2, 0.5, 0.8]))
def test_cagrad_of_two_is_the_best_of_a_fine_grid(rows: Vector, c: float) -> None:
    """No direction on the edge of the ball has a least gain that is higher, but for the grid."""
    d, mean = conflict_averse(rows @ rows.T, c) @ rows, rows.mean(0)
    angles = np.linspace(0, 2 * np.pi, 2000)
    edge = mean + c * np.linalg.norm(mean) * np.stack([np.cos(angles), np.sin(angles)], 1)
    best = (edge @ rows.T).min(1).max()
    assert (rows @ d).min() >= best - 1e-2 * (1e-3 + np.abs(rows).max() ** 2)


SURGEONS = (PCGrad(NoSettings(), TASKS, 0), CAGrad(CAGradConfig(), TASKS, 0))


@pytest.mark.parametrize("balancer", SURGEONS, ids=lambda balancer: balancer.name)
def test_gradient_methods_reach_a_point_where_no_task_can_gain_alone(balancer: PCGrad) -> None:
    """On the quadratic they end where the tasks' gradients point against each other, or vanish."""
    _, points = descend(balancer, 1000)
    one, other = slopes_at(points[-1])
    scale = np.linalg.norm(one) * np.linalg.norm(other)
    assert scale < 1e-3 or one @ other / scale == pytest.approx(-1.0, abs=2e-3)


def test_heads_and_shared_weights_of_any_shape_are_mixed_alike() -> None:
    """The combined gradient of several weights is that of one that holds them all."""
    generator = torch.Generator().manual_seed(0)
    flat = {task: torch.randn(7, generator=generator, dtype=torch.float64) for task in TASKS}
    whole = Gradients({task: [row] for task, row in flat.items()})
    parts = Gradients({task: [row[:4].view(2, 2), row[4:]] for task, row in flat.items()})
    for kind, config in ((PCGrad, NoSettings()), (CAGrad, CAGradConfig())):
        (one,) = kind(config, TASKS, 0).combine(whole)
        pieces = kind(config, TASKS, 0).combine(parts)
        joined = torch.cat([x.flatten() for x in pieces])
        assert joined.tolist() == pytest.approx(one.tolist())


def test_every_order_of_pcgrad_is_used() -> None:
    """Over steps each task meets the others in different orders."""
    rows = np.array([[1.0, 0.0, 0.1], [-1.0, 1.0, 0.0], [-0.5, -1.0, 0.5]])
    tasks = ("a", "b", "c")
    balancer, found = PCGrad(NoSettings(), tasks, 0), set()
    for step in range(30):
        balancer.factors(Coming(step, dict.fromkeys(tasks, 1.0)))
        (mixed,) = balancer.combine(gradients(dict(zip(tasks, rows, strict=True))))
        found.add(tuple(np.round(mixed.numpy(), 9)))
    every = {
        tuple(np.round(projected(rows @ rows.T, orders) @ rows, 9))
        for orders in itertools.product(*map(itertools.permutations, ((1, 2), (0, 2), (0, 1))))
    }
    assert len(found) > 1
    assert found <= every
