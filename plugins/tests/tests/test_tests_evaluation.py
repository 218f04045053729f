"""Evaluation by writing and running: what right answers, tricks and nonsense come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from ectrain.claims import verdict
from ectrain.errors import SandboxError
from ectrain.generation import Generated
from ectrain.task import Budget, Estimate
from ectrain.testing import Subject
from ectrain_elixir.runner import availability, find_runner
from ectrain_elixir.testpairs import vacuity
from ectrain_tests import TestsConfig, TestsTask, evaluation, scores, writing
from ectrain_tests.data import TestSample

TASK = TestsTask(TestsConfig(size=96))
MODEL = Subject(TASK).model
NO_CODE = evaluation.ExecutionConfig(code=False)
VACUOUS = 'defmodule ATest do\n  use ExUnit.Case\n\n  test "a" do\n    assert true\n  end\nend\n'


def writes(monkeypatch: pytest.MonkeyPatch, answer: Callable[[TestSample], str]) -> None:
    """Let the model write what a function of the sample says."""
    known: dict[tuple[int, ...], TestSample] = {}

    def remembered(task: TestsTask, sample: TestSample, tokenizer: Any) -> list[int]:
        ids = prompt_of(task, sample, tokenizer)
        known[tuple(ids)] = sample
        return ids

    def generate(model: Any, task: str, prompts: Sequence[Any], **_: Any) -> list[Any]:
        return [[Generated((), (), True, answer(known[tuple(ids)]))] for ids in prompts]

    prompt_of = TestsTask.prompt_of
    monkeypatch.setattr(TestsTask, "prompt_of", remembered)
    monkeypatch.setattr(writing, "generate", generate)


def measured(count: int = 3) -> dict[str, Estimate]:
    """Return the figures over a few pairs of each type."""
    return dict(TASK.evaluate(MODEL, "test", Budget(count)))


@pytest.fixture
def elixir(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in machines that are used again; skip with the reason where there is no Elixir."""
    if missing := availability().why:
        pytest.skip(missing)
    warm = find_runner(mode="warm")
    for module in (evaluation, scores, vacuity):
        monkeypatch.setattr(module, "find_runner", lambda *_, **__: warm)


def test_without_elixir_figures_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs executing is not measured, with the reason; what texts tell is."""

    def none(*_: Any, **__: Any) -> Any:
        raise SandboxError("elixir is not on PATH")

    for module in (evaluation, scores):
        monkeypatch.setattr(module, "find_runner", none)
    monkeypatch.setattr(evaluation, "MutationEngine", none)
    writes(monkeypatch, lambda sample: sample.wanted)
    found = measured()
    names = [*scores.EXECUTED, "to_code.pass@1", "streamdata.pass@1", "liveview.compiles"]
    assert {found[name].why for name in names} == {"elixir is not on PATH"}
    assert all(found[name].value is None for name in names)
    assert found["parses"].value == found["obeys.liveview"].value == 1.0


@pytest.mark.requires_elixir
@pytest.mark.usefixtures("elixir")
def test_5_5_3_right_answers_have_what_they_earn(monkeypatch: pytest.MonkeyPatch) -> None:
    """References pass and kill; LiveViews' tests compile and are no pass; each figure has its n."""
    writes(monkeypatch, lambda sample: sample.wanted)
    found = measured(2)
    for name in ("pass@1", "streamdata.pass@1", "to_code.pass@1", "liveview.compiles"):
        assert (found[name].value, found[name].n) == (1.0, 2), (name, found[name])
    assert found["liveview.pass@1"].value is None
    assert "not run" in found["liveview.pass@1"].why
    assert found["mutation_score"].value == found["mutation_score.valid"].value
    for name in ("mutation_score", "mutation_score.all_operators", "line_coverage"):
        estimate = found[name]
        assert estimate.value is not None
        assert estimate.value > 0.5, name
        assert estimate.low is not None
    assert "held-out" in found["mutation_score"].why


@pytest.mark.requires_elixir
@pytest.mark.usefixtures("elixir")
def test_5_5_3_tricks_and_nonsense_have_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suites that assert nothing, and texts that are none, pass nothing and kill nothing."""

    def answer(sample: TestSample) -> str:
        if sample.direction == "to_code":
            return "defmodule A do\nend\n"
        if sample.pair.kind == "exunit":
            return VACUOUS
        return "  end end )("

    writes(monkeypatch, answer)
    found = measured(1)
    for name in ("mutation_score", "streamdata.pass@1", "to_code.pass@1", "liveview.compiles"):
        assert found[name].value == 0.0, (name, found[name])
    assert found["mutation_score.valid"].value is None
    assert found["pass@1"].value == 0.0
    assert found["parses"].value == pytest.approx(1 / 3)
    assert found["obeys"].value == pytest.approx(1 / 4)
    assert found["streamdata.fails.no_suite"].value == 1.0


def test_5_5_2_3_the_type_that_is_asked_for_is_what_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that always writes plain ExUnit obeys only where that was asked for."""
    monkeypatch.setattr(evaluation, "_executed", lambda *_: {})
    monkeypatch.setattr(evaluation, "_code", lambda *_: Estimate.missing("left out"))
    plain = next(s.pair.tests for s in TASK.examples("val") if s.pair.kind == "exunit")
    writes(monkeypatch, lambda sample: plain)
    found = measured(4)
    shares = {name: found[f"obeys.{name}"].value for name in ("exunit", "streamdata", "swapped")}
    assert shares == {"exunit": 1.0, "streamdata": 0.0, "swapped": 0.5}
    assert found["obeys"].value == pytest.approx(6 / 16)


def test_5_5_2_4_syntax_is_checked_without_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known-bad suites are rejected by the grammar alone; a blank one is no suite."""
    monkeypatch.setattr(evaluation, "_executed", lambda *_: {})
    monkeypatch.setattr(evaluation, "_code", lambda *_: Estimate.missing("left out"))
    breaks = {"exunit": "", "streamdata": "do do", "liveview": "use ExUnit.Case"}
    writes(monkeypatch, lambda sample: breaks[sample.pair.kind])
    found = measured(2)
    assert (found["parses.streamdata"].value, found["parses.liveview"].value) == (0.0, 1.0)
    assert found["parses"].value == pytest.approx(1 / 3)


def test_5_5_3_4_the_goal_needs_its_interval() -> None:
    """Above 0.60 is met only if the lower bound is."""
    (goal,) = TASK.goals
    assert (goal.metric, goal.above) == ("pass@1", 0.60)
    verdicts = [
        verdict(goal, estimate, {})
        for estimate in (Estimate.share(70, 100), Estimate.share(62, 100), Estimate.missing("no"))
    ]
    assert verdicts == ["met", "not met", "not shown"]


def test_types_that_are_not_learned_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ExUnit among the types, or a direction, the figure says so."""
    writes(monkeypatch, lambda sample: sample.wanted)
    config = attrs.evolve(TASK.config, types=("liveview",), to_test=1.0)
    monkeypatch.setattr(evaluation, "_compiled", lambda _: {})
    found = TestsTask(config).evaluate(MODEL, "test", Budget(2, tries=(1, 5)))
    assert "not among" in found["pass@1"].why
    assert "to_test is 1" in found["to_code.pass@1"].why
    assert "no pass@5" in found["pass@5"].why
    only_code = TestsTask(attrs.evolve(TASK.config, to_test=0.0, execution=NO_CODE))
    assert only_code.evaluate(MODEL, "test", Budget(1))["pass@1"].why == evaluation.NO_TESTS
    assert "<to_test>" not in only_code.control_tokens()
