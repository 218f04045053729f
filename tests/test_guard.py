"""Laws of the regression guard: bounded, deaf to noise, told in full, a function of the history."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.curriculum import EpochPlan, EpochRecord, next_epoch
from ectrain.guard import Decision, Guard, decisions, factors
from ectrain.phases import Curriculum, Phase
from ectrain.report import make_report

STEADY = [1.00, 0.98, 0.97, 0.95, 0.94]
GUARD = Guard(band=2.0, patience=2, step=1.5, most=2.0)


def of(losses: Sequence[float | None], guard: Guard = GUARD) -> list[Decision]:
    """Return what is decided of one task."""
    measured = [(n, {"a/loss": loss}) for n, loss in enumerate(losses, start=1)]
    return decisions(guard, measured, ["a"])


def test_a_task_that_gets_worse_is_raised_to_the_cap_and_let_down_again() -> None:
    """Two bad epochs in a row raise the weight by a step, to the cap; two good ones lower it."""
    found = of([*STEADY, 1.3, 1.3, 1.4, 1.4, 1.5, 1.5, 0.9, 0.9, 0.9, 0.9])
    assert [(d.epoch, d.before, d.after) for d in found] == [
        (7, 1.0, 1.5),
        (9, 1.5, 2.0),
        (13, 2.0, pytest.approx(4 / 3)),
        (15, pytest.approx(4 / 3), 1.0),
    ]
    assert found[0].why.startswith("validation loss 1.3 is worse than its best 0.94 and band 0.2")
    assert found[0].effect == "validation loss went from 1.3 to 1.4 in 2 epochs"
    assert found[-1].effect == ""


def test_one_bad_epoch_is_nothing() -> None:
    """Alone, a bad epoch decides nothing; neither does what wasn't measured."""
    assert of([*STEADY, 1.3, 0.94, 1.3, 0.93]) == []
    assert of([None] * 9) == of([]) == of([*STEADY, 1.3]) == []
    assert of([*STEADY, 1.3, None, 1.3]) != []


@given(st.lists(st.one_of(st.none(), st.floats(0.1, 10)), max_size=20))
def test_decisions_are_bounded_steps_and_a_longer_history_adds_to_them(
    losses: list[float | None],
) -> None:
    """Each decision goes on from the last by a step, within the cap; the past stays."""
    found, factor = of(losses), 1.0
    for decision in found:
        assert decision.before == factor
        assert 1.0 <= decision.after <= GUARD.most
        assert 1 / GUARD.step <= decision.after / decision.before <= GUARD.step * (1 + 1e-9)
        factor = decision.after
    assert factors(found).get("a", 1.0) == factor
    for length in range(len(losses)):
        part = of(losses[:length])
        kept = [(d.epoch, d.after, d.why) for d in found if d.epoch <= length]
        assert [(d.epoch, d.after, d.why) for d in part] == kept


@given(st.lists(st.floats(0.99, 1.01), min_size=5, max_size=30), st.floats(0.5, 2))
def test_the_scale_of_a_loss_is_nothing(losses: list[float], scale: float) -> None:
    """A task whose losses are all as many times higher is decided on alike."""
    rounded = [round(loss, 4) for loss in losses]
    one, other = of(rounded), of([loss * 2.0 ** round(scale) for loss in rounded])
    assert [(d.epoch, d.after) for d in one] == [(d.epoch, d.after) for d in other]


def test_a_plan_has_the_guarded_weight_and_tells_each_decision_once() -> None:
    """The next epoch's weight is what the guard makes of the phase's; without, it is as planned."""
    history, told = [], []
    losses = [*STEADY, 1.3, 1.3, 1.2, 1.1]
    guarded = Curriculum((Phase("p", 20, weights={"a": 0.4}, guard=GUARD),), reference="a")
    for epoch, loss in enumerate(losses, start=1):
        history.append(EpochRecord(epoch, "p", {"a/loss": loss, "b/loss": 1.0}))
        plan = next_epoch(guarded, ["a", "b"], history)
        assert isinstance(plan, EpochPlan)
        told += [(plan.epoch, d.after, bool(d.effect)) for d in plan.guarded]
        expected = 0.4 * (1.5 if epoch >= 7 else 1.0)
        assert plan.weights == {"a": pytest.approx(expected), "b": 1.0}
    assert told == [(8, 1.5, False), (10, 1.5, True)]
    plain = Curriculum((Phase("p", 20, weights={"a": 0.4}),), reference="a")
    plan = next_epoch(plain, ["a", "b"], history)
    assert isinstance(plan, EpochPlan)
    assert (plan.weights, plan.guarded) == ({"a": 0.4, "b": 1.0}, ())


def test_the_report_has_a_line_for_each_pair_and_decision() -> None:
    """Cosines are summed up by pair; a decision is told with what, why and its effect."""
    decision = {"event": "guard_decided", "phase": "p", "epoch": 7, "task": "a", "before": 1.0}
    decision |= {"after": 1.25, "why": "it was worse", "effect": ""}
    events = [
        {"event": "cosines_measured", "step": 1, "cosines": {"a/b": -0.5}},
        {"event": "cosines_measured", "step": 2, "cosines": {"a/b": 0.25}},
        {"event": "cosines_measured", "step": 3, "cosines": {"a/b": None}},
        decision,
        decision | {"effect": "it fell"},
    ]
    report = make_report(events)
    line = (
        "Gradients of a/b: cosine -0.125 in the middle, -0.5 to 0.25; against each other in 1 of 2"
    )
    assert line in report
    assert "| 7 | a | 1 to 1.25 | it was worse | it fell |" in report
    assert "Balance" not in make_report([])
