"""The rest of the contract kit: strategies, small models, steps, skips and findings."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toys import Echo, Letters, ToyConfig

from ectrain.config import RunConfig, TrunkConfig, from_dict, to_dict
from ectrain.curriculum import EpochPlan, Finished, next_epoch, planned
from ectrain.errors import PluginError
from ectrain.packing import Pack
from ectrain.phases import Curriculum
from ectrain.plugins import usable_name
from ectrain.structure import plain, structured
from ectrain.task import Segment, Targets
from ectrain.testing import (
    LAWS,
    BrokenLawError,
    NotApplicable,
    Subject,
    findings,
    held_to,
    laws,
    overfit_one_batch,
    run_one_step,
    strategies,
    tiny_trunk,
)
from ectrain.testing.law import promise, require
from ectrain.trunk import Trunk

TASKS = ("first", "second")


@given(strategies.segments(values=2))
def test_drawn_segments_are_sound(segment: Segment) -> None:
    """Core takes every drawn segment."""
    assert segment.problem(strategies.VOCABULARY) is None


@settings(max_examples=20)
@given(strategies.packs())
def test_drawn_packs_pass_through_a_tiny_trunk(pack: Pack) -> None:
    """A tiny trunk gives a finite vector for every token of a drawn pack."""
    with torch.no_grad():
        out_td = tiny_trunk(strategies.VOCABULARY)(pack)
    assert out_td.shape == (len(pack.tokens_t), 32)
    for placed in pack.tasks.values():
        assert bool(out_td[placed.index_n].isfinite().all())


@settings(max_examples=10)
@given(strategies.trunk_configs())
def test_drawn_shapes_can_be_built(config: TrunkConfig) -> None:
    """A trunk can be made of every drawn shape."""
    Trunk(config, 300)


@given(strategies.run_configs(TASKS))
def test_drawn_settings_round_trip(config: RunConfig) -> None:
    """Drawn settings are those of a run: they survive their file."""
    assert from_dict(to_dict(config)) == config


@given(strategies.curricula(TASKS), st.integers(0, 3))
def test_drawn_curricula_can_be_planned(curriculum: Curriculum, done: int) -> None:
    """A drawn curriculum survives its file and has a plan for each of its epochs."""
    assert structured(plain(curriculum), Curriculum, "curriculum") == curriculum
    plans = planned(curriculum, list(TASKS))
    assert len(plans) == sum(phase.epochs for phase in curriculum.phases)
    assert isinstance(next_epoch(curriculum, list(TASKS), ()), EpochPlan | Finished)


@given(strategies.task_names())
def test_drawn_names_are_usable(name: str) -> None:
    """A drawn name is one that a task can have."""
    assert usable_name(name)


def test_a_tiny_trunk_repeats_and_draws_nothing() -> None:
    """The seed alone decides its weights, and torch's own random state stays."""
    before = torch.random.get_rng_state()
    one, same, other = tiny_trunk(seed=1), tiny_trunk(seed=1), tiny_trunk(seed=2)
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [trunk.embedding.weight for trunk in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("task", [Echo(ToyConfig()), Letters(ToyConfig())], ids=lambda t: t.name)
def test_one_step_is_a_step_of_a_run(task: Any, dtype: torch.dtype) -> None:
    """One step gives the task's summed loss and a gradient, in either format."""
    found = run_one_step(task, examples=3, dtype=dtype)
    assert list(found.losses) == [task.name]
    assert found.losses[task.name] > 0
    assert 0 < found.grad_norm < math.inf


class Odd(Letters):
    """Gives one loss a segment."""

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """Return a row."""
        return output.sum(1)


def test_one_step_names_what_a_run_would_refuse() -> None:
    """What core checks in a run, it checks in one step."""
    with pytest.raises(PluginError, match=r"task sorting: loss has shape \[6\], expected a scalar"):
        run_one_step(Odd(ToyConfig()))


def test_a_batch_is_learned_step_by_step() -> None:
    """Losses fall from a guess, and stop where told; the process's random numbers stay."""
    before = torch.random.get_rng_state()
    losses = overfit_one_batch(Letters(ToyConfig()), examples=4, steps=60, stop_at=0.5)
    assert 1 < len(losses) < 60
    assert losses[-1] <= 0.5 * losses[0] < losses[-2]
    assert torch.equal(before, torch.random.get_rng_state())
    assert overfit_one_batch(Letters(ToyConfig()), examples=4, steps=3) == losses[:3]


def test_laws_say_what_they_promise_and_why_they_do_not_apply() -> None:
    """Every law has one sentence; a task without token targets skips laws about them, and why."""
    assert all(promise(law).endswith(".") for law in LAWS)
    assert len({law.__name__ for law in LAWS}) == len(LAWS)
    found = {f.law: f for f in findings(Letters(ToyConfig()), examples=6)}
    assert list(found) == [law.__name__ for law in LAWS]
    skipped = {f.law: f.message for f in found.values() if f.outcome == "does not apply"}
    assert skipped == {
        "labels_look_ahead": "it has no token targets",
        "control_tokens_are_out_of_reach": "it has no control tokens",
        "control_tokens_are_used": "it has no control tokens",
        "evaluation_gives_estimates": "it does not implement evaluate",
        "goals_can_be_measured": "it has no goals",
        "refresh_leaves_the_model": "it does not implement refresh",
        "refresh_repeats": "it does not implement refresh",
    }
    assert {f.outcome for f in found.values()} == {"kept", "does not apply"}


def test_a_task_that_raises_breaks_the_law() -> None:
    """Whatever a task raises is a finding with its words, and never ends the others."""

    def torn(subject: Subject) -> None:
        """Is never kept."""
        raise IndexError("no such row")

    found = held_to(torn, Subject(Letters(ToyConfig())))
    assert (found.outcome, found.message) == ("broken", "it fails with IndexError: no such row")


def test_a_class_of_a_function_is_not_moved_to_another_process() -> None:
    """Laws that need a second process say why they don't apply to a class that has no name."""

    class Local(Letters):
        """Nobody can import it."""

    (law,) = [law for law in LAWS if law.__name__ == "another_process_agrees"]
    with pytest.raises(NotApplicable, match="can't be taken to another process"):
        law(Subject(Local(ToyConfig()), examples=2))


def test_promises_hold_under_optimization() -> None:
    """`python -O`, which drops assertions, drops no law: none is made of them."""
    with pytest.raises(BrokenLawError, match="said so"):
        require(False, "said so")
    files = list(Path(laws.__path__[0]).glob("*.py"))
    assert len(files) > 5
    for file in files:
        nodes = ast.walk(ast.parse(file.read_text()))
        assert not any(isinstance(node, ast.Assert) for node in nodes), file


def test_drawn_values_are_of_the_width_asked_for() -> None:
    """Segments have as many values as asked for, and none unless asked."""

    @settings(max_examples=20)
    @given(strategies.segments(values=4, labelled=False), strategies.segments(labelled=True))
    def check(one: Segment, other: Segment) -> None:
        assert one.values is not None
        assert one.values.shape == (4,)
        assert one.labels is None
        assert other.values is None
        assert np.issubdtype(other.tokens.dtype, np.int64)

    check()
