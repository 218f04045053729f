"""The contract of balancers: every law, and what holds a balancer to them in a test.

In a plugin's test file::

    from ectrain.testing import balancer_contract
    from my_plugin import MyBalancer, MySettings

    test_contract = balancer_contract(MyBalancer, MySettings(rate=0.1))
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from ectrain.balancer import Balancer, Coming, Seen
from ectrain.gradients import Gradients
from ectrain.offers import class_problem
from ectrain.structure import plain, structured
from ectrain.testing.balanced import TASKS, balanced_run, weights_of
from ectrain.testing.law import BrokenLawError, require

STEPS = 40
SHAPES = ((3, 4), (5,))  # of the weights that gradients are of, where no model is trained


@attrs.frozen
class BalancerSubject:
    """A balancer under test.

    Attributes:
        kind: Its class.
        config: Its settings.
    """

    kind: type[Balancer[Any]]
    config: Any

    def new(self, seed: int = 0) -> Balancer[Any]:
        """Return one that has seen nothing."""
        return self.kind(self.config, TASKS, seed)


@attrs.frozen(eq=False)
class _Step:
    """What a balancer is told of one step, and what comes of it."""

    coming: Coming
    after: Mapping[str, float]
    gradients: Gradients


def _steps(count: int = STEPS, first: int = 1) -> Iterator[_Step]:
    """Yield steps with falling losses, tasks that come and go, and gradients that disagree."""
    for step in range(first, first + count):
        rng = random.Random(f"balancers/{step}")
        taking_part = [task for task in TASKS if rng.random() < 0.7] or [rng.choice(TASKS)]
        losses = {task: rng.uniform(0.5, 1.5) / (1 + 0.02 * step) for task in taking_part}
        generator = torch.Generator().manual_seed(step)
        rows = {
            task: [torch.randn(shape, generator=generator) for shape in SHAPES]
            for task in taking_part
        }
        after = {task: loss * rng.uniform(0.8, 1.05) for task, loss in losses.items()}
        weights = {task: rng.uniform(0.1, 2.0) for task in taking_part}
        yield _Step(Coming(step, weights, losses), after, Gradients(rows))


def _drive(balancer: Balancer[Any], steps: Iterator[_Step]) -> list[Any]:
    """Take a balancer through steps and return all that it said."""
    said: list[Any] = []
    for step in steps:
        losses = step.coming.losses or {}
        needs = balancer.needs
        coming = step.coming if needs.losses else attrs.evolve(step.coming, losses=None)
        factors = dict(balancer.factors(coming))
        said.append(factors)
        if needs.gradients == "trunk":
            said.append([x.tolist() for x in balancer.combine(step.gradients)])
        after = step.after if needs.losses_after else None
        gradients = step.gradients if needs.gradients != "none" else None
        balancer.learn(Seen(coming.step, losses, factors, after, gradients))
    return said


def settings_are_usable(subject: BalancerSubject) -> None:
    """It has a name, and settings of an attrs class with defaults that survive a file."""
    kind = subject.kind
    name = getattr(kind, "name", None)
    require(isinstance(name, str) and bool(name), f"{kind.__name__} has no name; give it one")
    problem = class_problem(kind, Balancer, f"balancer {name}")
    require(problem is None, f"{problem}; mend the class")
    again = structured(plain(subject.config), kind.config_type, "settings")
    require(again == subject.config, f"settings {subject.config} come back as {again}")


def factors_are_usable(subject: BalancerSubject) -> None:
    """Each task that takes part, and no other, has a finite factor of 0 or more, not all 0."""
    balancer = subject.new()
    for step in _steps():
        (factors, *_) = _drive(balancer, iter([step]))
        require(
            set(factors) == set(step.coming.weights)
            and all(isinstance(x, float | int) and 0 <= x < math.inf for x in factors.values())
            and sum(factors.values()) > 0,
            f"factors are {factors} at step {step.coming.step}; give each of "
            f"{', '.join(step.coming.tasks)} a finite number of 0 or more",
        )


def it_repeats(subject: BalancerSubject) -> None:
    """The same seed and the same steps give the same answers; nothing global is drawn from."""
    one = _drive(subject.new(), _steps())
    states = random.getstate(), torch.get_rng_state()
    random.seed(1)
    torch.manual_seed(1)
    before = random.getstate(), torch.get_rng_state()
    other = _drive(subject.new(), _steps())
    touched = random.getstate() != before[0] or not torch.equal(torch.get_rng_state(), before[1])
    random.setstate(states[0])
    torch.set_rng_state(states[1])
    require(one == other, "two of one seed differ; draw from keys of seed, step and task alone")
    require(not touched, "global random numbers are drawn; use ectrain.order.keyed_random")


def it_goes_on(subject: BalancerSubject) -> None:
    """Stopped anywhere, with its state as JSON, it goes on bit for bit as if it had not been."""
    for cut in (0, 1, 7, STEPS // 2):
        balancer = subject.new()
        _drive(balancer, _steps(cut))
        try:
            text = json.dumps(dict(balancer.state()), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BrokenLawError(f"its state is no JSON: {error}") from error
        resumed = subject.new()
        resumed.restore(json.loads(text))
        one, other = (_drive(b, _steps(STEPS - cut, cut + 1)) for b in (balancer, resumed))
        require(
            one == other,
            f"restored after {cut} steps it differs; keep all that it learns in `state`",
        )


def order_of_tasks_is_nothing(subject: BalancerSubject) -> None:
    """The same tasks in another order get the same factors."""
    one, other = subject.new(), subject.new()
    for step in _steps(STEPS // 2):
        turned = attrs.evolve(
            step,
            coming=attrs.evolve(step.coming, weights=_turned(step.coming.weights)),
            gradients=Gradients(_turned(step.gradients.rows)),
        )
        (mine, *combined), (its, *turned_combined) = (
            _drive(one, iter([step])),
            _drive(other, iter([turned])),
        )
        close = all(math.isclose(mine[t], its[t], rel_tol=1e-6, abs_tol=1e-9) for t in mine)
        require(close, f"factors {mine} become {its} in another order of tasks")
        for a, b in zip(combined, turned_combined, strict=True):
            same = all(
                torch.allclose(torch.tensor(x), torch.tensor(y), rtol=1e-3, atol=1e-4)
                for x, y in zip(a, b, strict=True)
            )
            require(same, "the combined gradient depends on the order of tasks")


def _turned(of_tasks: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reversed(list(of_tasks.items())))


def scale_is_that_of_a_sum(subject: BalancerSubject) -> None:
    """Of gradients that agree it makes at least half and at most twice their sum."""
    if subject.kind.needs.gradients != "trunk":
        return
    row = [torch.ones(shape) for shape in SHAPES]
    balancer = subject.new()
    balancer.factors(Coming(1, dict.fromkeys(TASKS, 1.0), dict.fromkeys(TASKS, 1.0)))
    found = balancer.combine(Gradients({task: [x.clone() for x in row] for task in TASKS}))
    for x in found:
        share = float(x.mean()) / len(TASKS)
        require(0.5 <= share <= 2, f"of {len(TASKS)} equal gradients it makes {share:g} of the sum")


def passes_are_nothing(subject: BalancerSubject) -> None:
    """A step means the same over one pass of the trunk or many, to the balancer and the weights."""
    (one, told), (many, told_in_parts) = (
        balanced_run(subject.new(), steps=3, max_tokens=most) for most in (10_000, 30)
    )
    for step, (a, b) in enumerate(zip(told, told_in_parts, strict=True), start=1):
        close = all(math.isclose(a[t], b[t], rel_tol=1e-2, abs_tol=1e-4) for t in a)
        require(close, f"factors {a} become {b} over several passes, at step {step}")
    _require_close(weights_of(one), weights_of(many), "over several passes")


def bfloat16_is_taken(subject: BalancerSubject) -> None:
    """Computed in bfloat16, its factors stay finite and the weights finite float32."""
    learner, told = balanced_run(subject.new(), steps=3, dtype=torch.bfloat16)
    require(all(map(math.isfinite, (x for f in told for x in f.values()))), f"factors are {told}")
    for name, weight in weights_of(learner).items():
        fine = weight.dtype == torch.float32 and bool(weight.isfinite().all())
        require(fine, f"weight {name} is {weight.dtype}, or not finite")


def a_task_of_weight_0_is_absent(subject: BalancerSubject) -> None:
    """A task that the curriculum gives no weight changes nothing for the trunk and the others."""
    with_it, without = (
        balanced_run(subject.new(), steps=3, weights={TASKS[0]: 1.0, TASKS[1]: 1.0, TASKS[2]: 0.0}),
        balanced_run(subject.new(), steps=3, tasks=TASKS[:2]),
    )
    for a, b in zip(with_it[1], without[1], strict=True):
        close = set(a) == set(b) and all(math.isclose(a[t], b[t], rel_tol=1e-4) for t in a)
        require(close, f"factors {b} become {a} beside a task of weight 0")
    one, other = (
        {n: w for n, w in weights_of(run[0]).items() if TASKS[2] not in n}
        for run in (with_it, without)
    )
    _require_close(one, other, "beside a task of weight 0")


def every_task_learns(subject: BalancerSubject) -> None:
    """In a short training every task's loss falls by a tenth."""
    learner, _ = balanced_run(subject.new(), steps=30)
    first, last = learner.losses[0], learner.losses[-1]
    for task, loss in first.items():
        require(last[task] < 0.9 * loss, f"the loss of {task} goes from {loss:g} to {last[task]:g}")


def _require_close(one: Mapping[str, Tensor], other: Mapping[str, Tensor], where: str) -> None:
    for name, weight in one.items():
        # Adam turns a gradient of nothing but rounding into a whole step, so most must agree
        apart = (weight - other[name]).abs() > 1e-3
        require(float(apart.float().mean()) < 0.02, f"weight {name} comes out differently {where}")


BALANCER_LAWS: tuple[Callable[[BalancerSubject], None], ...] = (
    settings_are_usable,
    factors_are_usable,
    it_repeats,
    it_goes_on,
    order_of_tasks_is_nothing,
    scale_is_that_of_a_sum,
    passes_are_nothing,
    bfloat16_is_taken,
    a_task_of_weight_0_is_absent,
    every_task_learns,
)


def balancer_contract(kind: type[Balancer[Any]], config: Any = None) -> Callable[..., None]:
    """Return a pytest test that holds a balancer to every law, one case each.

    Args:
        kind: The balancer's class.
        config: Its settings; the defaults unless given.
    """
    import pytest

    subject = BalancerSubject(kind, kind.config_type() if config is None else config)

    @pytest.mark.parametrize("law", BALANCER_LAWS, ids=lambda law: law.__name__)
    def test_contract(law: Callable[[BalancerSubject], None]) -> None:
        law(subject)

    test_contract.__doc__ = f"Balancer {kind.__name__} keeps each law of the contract."
    return test_contract
