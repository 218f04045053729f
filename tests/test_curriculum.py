"""Laws of the curriculum: the next epoch is a function of the history, and of nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.curriculum import (
    EpochPlan,
    EpochRecord,
    Finished,
    load_curriculum,
    next_epoch,
    planned,
    scaled,
)
from ectrain.errors import ConfigError
from ectrain.phases import Curriculum, Gate, Phase, Ramp

SEVEN = ("codegen", "tests", "quality", "security", "clarification", "explanation", "reward")
TASKS = ("a", "b", "c")

Losses = list[float | None]

losses: st.SearchStrategy[Losses] = st.lists(
    st.none() | st.sampled_from((math.nan, math.inf, -math.inf)) | st.floats(0, 4), max_size=25
)


@st.composite
def curricula(draw: st.DrawFn) -> Curriculum:
    """Draw a few short phases with gates, plateaus and ramps."""
    phases = []
    for number in range(draw(st.integers(1, 3))):
        tasks = tuple(draw(st.lists(st.sampled_from(TASKS), unique=True)))
        gate = Gate("loss", below=2.0, otherwise=draw(st.sampled_from(("continue", "extend"))))
        phases.append(
            Phase(
                name=f"phase {number}",
                epochs=draw(st.integers(1, 6)),
                tasks=tasks,
                shares={task: draw(st.floats(0.1, 3)) for task in tasks},
                weights={task: Ramp(draw(st.floats(0.1, 1))) for task in tasks},
                ramp=draw(st.none() | st.just(Ramp(0.1))),
                gate=draw(st.none() | st.just(gate)),
                patience=draw(st.integers(0, 4)),
                min_delta=draw(st.sampled_from((0.0, 0.1))),
            )
        )
    return Curriculum(tuple(phases), reference="a")


def history_of(series: Losses, key: str = "loss") -> list[EpochRecord]:
    """Return a history in which one figure went this way."""
    return [EpochRecord(at, "", {key: value}) for at, value in enumerate(series, start=1)]


# --- a pure function ------------------------------------------------------------------------------


@given(curriculum=curricula(), series=losses)
def test_a_plan_depends_on_the_history_alone(curriculum: Curriculum, series: Losses) -> None:
    """Plans come one after another, and what comes later changes none that went before."""
    history = history_of(series)
    found = [next_epoch(curriculum, TASKS, history[:cut]) for cut in range(len(history) + 1)]
    assert found == [next_epoch(curriculum, TASKS, history[:cut]) for cut in range(len(found))]
    ended = [at for at, plan in enumerate(found) if isinstance(plan, Finished)]
    assert ended == list(range(ended[0], len(found))) if ended else True
    last: EpochPlan | None = None
    for at, plan in enumerate(found[: ended[0] if ended else None]):
        assert isinstance(plan, EpochPlan)
        assert plan.epoch == at + 1
        assert math.isclose(sum(plan.shares.values()), 1)
        assert plan.shares.keys() == plan.weights.keys()
        assert plan.reference in plan.shares
        goes_on = last is not None and last.phase == plan.phase
        assert plan.phase_epoch == (last.phase_epoch + 1 if last and goes_on else 1)
        assert bool(plan.notes) == (last is not None and not goes_on)
        last = plan


@given(curriculum=curricula(), series=losses)
def test_a_stored_history_means_the_same(curriculum: Curriculum, series: Losses) -> None:
    """What isn't finite is stored as null, and both lead to the same plan."""
    stored: Losses = [x if x is not None and math.isfinite(x) else None for x in series]
    fresh = next_epoch(curriculum, TASKS, history_of(series))
    assert next_epoch(curriculum, TASKS, history_of(stored)) == fresh


@given(series=losses, patience=st.integers(1, 5), min_delta=st.sampled_from((0.0, 0.25)))
def test_a_plateau_is_what_a_plain_reference_says(
    series: Losses, patience: int, min_delta: float
) -> None:
    """A phase ends at the first epoch with no finite loss below the best for `patience` epochs."""

    def is_lower(at: int) -> bool:
        value = series[at]
        before = [x for x in kept if x is not None]
        return value is not None and math.isfinite(value) and value < min(before) - min_delta

    kept: list[float] = [math.inf]  # each loss that was lower than all that counted before
    better_at, ended = -1, None
    for at in range(len(series)):
        if is_lower(at):
            kept.append(series[at] or 0.0)
            better_at = at
        if at - better_at >= patience:
            ended = at + 1
            break
    curriculum = Curriculum((Phase("a", 1000, patience=patience, min_delta=min_delta),))
    found = next_epoch(curriculum, TASKS, history_of(series))
    assert isinstance(found, Finished) == (ended is not None)
    if isinstance(found, Finished):
        assert f"ended after epoch {ended}: no lower validation loss for {patience}" in found.reason


# --- gates ----------------------------------------------------------------------------------------

GATES = [
    ([4.0, 1.0, 1.0, 1.0], {"below": 3.5}, 4, "gate a/loss below 3.5 is met"),
    ([1.0, 1.0, 9.0, 9.0], {"below": 3.5}, 4, "gate a/loss below 3.5 is not met"),
    ([1.0, 1.0, 9.0, 9.0], {"above": 3.5}, 4, "gate a/loss above 3.5 is met"),
    ([9.0] * 4, {"below": 3.5, "otherwise": "stop"}, 4, "stop: gate a/loss below 3.5 is not met"),
    ([9.0] * 9, {"below": 3.5, "otherwise": "extend", "extend": 3}, 7, "is not met"),
    ([9.0] * 4 + [0.0] * 5, {"below": 3.5, "otherwise": "extend"}, 6, "is met"),
    ([None] * 4, {"below": 3.5, "otherwise": "stop"}, 4, "was not measured"),
    ([9.0, None, None, 3.0], {"below": 3.5, "otherwise": "stop"}, 4, "is met"),
]


@pytest.mark.parametrize(("series", "gate", "epochs", "said"), GATES)
def test_a_gate_decides_at_the_phases_end(
    series: Losses, gate: Mapping[str, Any], epochs: int, said: str
) -> None:
    """The mean of the last three measured evaluations is compared; then go on, extend or stop."""
    first = Phase("first", 4, gate=Gate("a/loss", **gate))
    curriculum = Curriculum((first, Phase("second", 1)))
    for cut in range(epochs):
        plan = next_epoch(curriculum, TASKS, history_of(series[:cut], "a/loss"))
        assert isinstance(plan, EpochPlan)
        assert plan.phase == "first"
    after = next_epoch(curriculum, TASKS, history_of(series[:epochs], "a/loss"))
    assert isinstance(after, Finished) == (
        gate.get("otherwise") == "stop" and "is met" not in said and "measured" not in said
    )
    text = after.reason if isinstance(after, Finished) else after.notes[0]
    assert text.startswith(f"phase first ended after epoch {epochs}: ")
    assert said in text


def test_a_gate_on_a_task_that_is_not_there_is_none() -> None:
    """A gate on another run's task lets the phase end as planned."""
    curriculum = Curriculum((Phase("a", 2, gate=Gate("x/loss", below=0.0, otherwise="stop")),))
    after = next_epoch(curriculum, TASKS, history_of([9.0, 9.0]))
    assert isinstance(after, Finished)
    assert after.reason.endswith("its planned length")


# --- the default file -----------------------------------------------------------------------------


def test_the_default_is_the_full_schedule() -> None:
    """Code alone, simple facts, paths, then all tasks: epoch by epoch as the schedule has it."""
    plans = planned(load_curriculum("default"), SEVEN)
    assert len(plans) == 100
    levels = {tuple(plan.filters.get("level", ())) for plan in plans[:10]}
    assert levels == {(0.0, 0.0)}
    assert {plan.filters["level"] for plan in plans[10:30]} == {(0.0, 1.0)}
    assert {plan.filters["level"] for plan in plans[30:50]} == {(2.0, 2.0)}
    assert all(not plan.filters for plan in plans[50:])
    assert all(set(plan.shares) == {"codegen"} for plan in plans[:50])
    assert all(set(plan.shares) == set(SEVEN) for plan in plans[50:])
    assert all(plan.reference == "codegen" for plan in plans)
    most = [plan.filters["facts"][1] for plan in plans[10:30]]
    assert most == sorted(set(most))  # complexity rises with every epoch
    assert (most[0], most[-1]) == (1, 12)
    kept = [plan.epoch for plan in plans if plan.checkpoint]
    assert kept == [10, *range(15, 31, 5), *range(35, 101, 5)]


def test_new_tasks_ramp_to_their_full_weight() -> None:
    """From a tenth to all of it over five epochs; a task that was there keeps its weight."""
    plans = planned(load_curriculum("default"), SEVEN)[50:]
    ramp = [plan.weights["reward"] for plan in plans[:6]]
    assert ramp == pytest.approx([0.1, 0.28, 0.46, 0.64, 0.82, 1.0])
    assert {plan.weights["codegen"] for plan in plans} == {1.0}
    assert plans[0].weights["tests"] == pytest.approx(0.08)
    full = {"codegen": 1.0, "tests": 0.8, "quality": 0.5, "security": 0.5, "clarification": 0.3}
    assert full.items() <= plans[5].weights.items()
    assert plans[5].weights == plans[-1].weights


def test_phases_of_other_tasks_are_left_out() -> None:
    """A run of a later task alone starts where that task does, at full weight."""
    plans = planned(load_curriculum("default"), ["security"])
    assert (len(plans), plans[0].phase, plans[0].weights) == (50, "all-tasks", {"security": 0.5})
    with pytest.raises(ConfigError, match="no phase of the curriculum trains b"):
        next_epoch(Curriculum((Phase("p", 1, tasks=("a",)),)), ["b"], [])


def test_a_task_of_weight_zero_is_not_drawn() -> None:
    """It leaves the shares of the others as they are without it; nothing but zeros is refused."""
    weightless = Curriculum((Phase("p", 1, weights={"a": 0.0}),))
    plan = next_epoch(weightless, TASKS, [])
    assert isinstance(plan, EpochPlan)
    assert plan.shares == {"b": 0.5, "c": 0.5}
    with pytest.raises(ConfigError, match="phase p: every task's share or weight is 0"):
        next_epoch(weightless, ["a"], [])


# --- stretching -----------------------------------------------------------------------------------


@given(curriculum=curricula(), scale=st.floats(0.01, 5))
def test_stretching_keeps_every_phase(curriculum: Curriculum, scale: float) -> None:
    """Every phase keeps at least an epoch, and scale 1 changes nothing."""
    assert scaled(curriculum, 1.0) == curriculum
    for before, after in zip(curriculum.phases, scaled(curriculum, scale).phases, strict=True):
        assert after.epochs >= 1
        assert abs(after.epochs - before.epochs * scale) <= max(0.5, 1 - before.epochs * scale)
        assert attrs.evolve(after, epochs=before.epochs, ramp=None, gate=None, weights={}) == (
            attrs.evolve(before, ramp=None, gate=None, weights={})
        )


@pytest.mark.parametrize("scale", [0.1, 0.3, 1.0, 2.0])
def test_a_stretched_phase_still_reaches_its_end(scale: float) -> None:
    """The last epoch of simple facts offers as many as the schedule ends with."""
    plans = planned(scaled(load_curriculum("default"), scale), SEVEN)
    last = [plan for plan in plans if plan.phase == "simple-ontology"][-1]
    assert last.filters["facts"] == (0, 12)
    assert {plan.phase for plan in plans} == {p.name for p in load_curriculum("default").phases}
