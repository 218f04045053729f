"""Evaluation by writing and running: what is counted, and what says why nothing is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from ectrain.errors import ConfigError, SandboxError
from ectrain.generation import Generated
from ectrain.model import Model
from ectrain.task import Budget
from ectrain.testing import Subject
from ectrain_codegen import CodegenConfig, CodegenTask, execution
from ectrain_codegen.data import CodeSample, kata_problems
from ectrain_codegen.execution import ExecutionConfig, Grammar
from ectrain_elixir.runner import Program, Status, Verdict, find_runner

ONE_TIER = ExecutionConfig(tiers=("test",))
TASK = CodegenTask(CodegenConfig(size=64, execution=ONE_TIER))
MODEL: Model = Subject(TASK).model
NONSENSE = "  end end )(\n"


def writes(monkeypatch: pytest.MonkeyPatch, answer: Callable[[CodeSample], str]) -> None:
    """Let the model write what a function of the sample says."""
    tokenizer = MODEL.tokenizer
    known = {tuple(TASK.prompt(s.prompt, tokenizer)): s for s in TASK.examples("test")}

    def generate(
        model: Model, task: str, prompts: Sequence[Any], *, samples: int, **_: Any
    ) -> list[Any]:
        texts = [answer(known[tuple(prompt)]) for prompt in prompts]
        return [[Generated((), (), True, text)] * samples for text in texts]

    monkeypatch.setattr(execution, "generate", generate)


class FakeRunner:
    """Says what it is told to say of every program, in turn."""

    def __init__(self, *statuses: Status) -> None:
        self.statuses = statuses
        self.programs: list[Program] = []

    def run_all(self, programs: Sequence[Program]) -> list[Verdict]:
        """Return the verdicts."""
        self.programs += programs
        turns = [self.statuses[n % len(self.statuses)] for n in range(len(programs))]
        return [Verdict(status=status, tests={}, message="no room") for status in turns]


def runs(monkeypatch: pytest.MonkeyPatch, *statuses: Status) -> FakeRunner:
    """Let a fake judge programs."""
    runner = FakeRunner(*statuses)
    monkeypatch.setattr(execution, "find_runner", lambda: runner)
    return runner


def test_without_elixir_the_figure_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sandbox: pass@1 is not measured, with the reason; the rest is."""

    def none() -> Any:
        raise SandboxError("elixir is not on PATH")

    monkeypatch.setattr(execution, "find_runner", none)
    writes(monkeypatch, lambda sample: sample.answer)
    found = TASK.evaluate(MODEL, "test", Budget(4))
    assert found["pass@1"].value is None
    assert found["pass@1"].why == "elixir is not on PATH"
    assert found["parses"].value == found["exact"].value == 1.0


def test_programs_are_prompt_and_answer_with_the_kata_s_tests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What runs is the whole file that was asked for, in its surroundings, with its tests."""
    runner = runs(monkeypatch, Status.PASSED)
    writes(monkeypatch, lambda sample: sample.answer)
    TASK.evaluate(MODEL, "test", Budget(6))
    for program, sample in zip(runner.programs, TASK.examples("test"), strict=False):
        assert sample.kata is not None
        assert program == Program(
            sample.kata.surroundings + sample.prompt + sample.answer,
            sample.kata.tests,
            sample.kata.test_names,
        )
    assert len(runner.programs) == 6
    assert any(s.kata and s.kata.surroundings for s in TASK.examples("test")[:6])


def test_what_the_sandbox_lost_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An infra verdict is neither a pass nor a failure; all other verdicts but a pass fail."""
    runs(monkeypatch, Status.PASSED, Status.INFRA, Status.TIMEOUT, Status.TAMPER)
    writes(monkeypatch, lambda sample: sample.answer)
    found = TASK.evaluate(MODEL, "test", Budget(8))["pass@1"]
    assert (found.value, found.n) == (2 / 6, 6)
    assert "2 lost by the sandbox are left out" in found.why


def test_nothing_but_losses_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every program is lost, there is a reason and no number."""
    runs(monkeypatch, Status.INFRA)
    writes(monkeypatch, lambda sample: sample.answer)
    found = TASK.evaluate(MODEL, "test", Budget(4))["pass@1"]
    assert found.value is None
    assert found.why == "the sandbox failed on all 4 programs: no room"


def test_writing_stops_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of time, the figure rests on what was written, and says on how much."""
    runs(monkeypatch, Status.PASSED)
    writes(monkeypatch, lambda sample: sample.answer)
    found = TASK.evaluate(MODEL, "test", Budget(64, seconds=0.0))
    assert found["pass@1"].n == found["exact"].n == execution.AT_A_TIME < 64


def test_code_without_tests_is_not_measured() -> None:
    """Plain code has nothing to run: each figure says so."""
    plain = kata_problems([CodeSample("a", "g", "", "x = 1")])
    found = execution.evaluate(MODEL, "codegen", plain, Budget(), 64, ONE_TIER)
    assert {e.why for e in found.values()} == {execution.NO_TESTS}
    assert all(e.value is None for e in found.values())


def test_a_real_model_writes_and_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained model's figures are measured and wrong, not missing."""
    runs(monkeypatch, Status.FAILED)
    asked = kata_problems(TASK.examples("test"))
    found = execution.evaluate(MODEL, "codegen", asked, Budget(2), 8, ONE_TIER)
    assert found["pass@1"].value == found["exact"].value == 0.0
    assert found["pass@1"].n == 2


def test_a_prompt_without_room_is_wrong_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that fills the context has a blank answer, and the evaluation goes on."""
    runner = runs(monkeypatch, Status.FAILED)
    long = [attrs.evolve(kata_problems(TASK.examples("test"))[0], prompt="x " * 5000)]
    found = execution.evaluate(MODEL, "codegen", long, Budget(), 8, ONE_TIER)
    assert found["exact"].value == 0.0
    assert len(runner.programs) == 1


@pytest.mark.requires_elixir
@pytest.mark.parametrize("right", [True, False])
def test_real_elixir_tells_answers_from_nonsense(
    monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    """References have pass@1 1 in real Elixir, nonsense 0."""
    try:
        find_runner()
    except SandboxError as error:
        pytest.skip(str(error))
    writes(monkeypatch, lambda sample: sample.answer if right else NONSENSE)
    found = TASK.evaluate(MODEL, "test", Budget(6))["pass@1"]
    assert (found.value, found.n) == (float(right), 6)
    assert "sandbox" in found.why


def test_5_2_4_2_more_tries_are_sampled_and_say_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--k 1,10` samples twenty answers at two temperatures; each answer is run once."""
    runner = runs(monkeypatch, Status.PASSED, Status.FAILED)
    writes(monkeypatch, lambda sample: sample.answer)
    found = TASK.evaluate(MODEL, "test", Budget(6, tries=(1, 10)))
    assert found["pass@1"].value == found["pass@10"].value == found["ceiling"].value == 0.5
    assert "20 samples each at temperature 0.2" in found["pass@1"].why
    assert "20 samples each at temperature 0.8" in found["pass@10"].why
    assert len(runner.programs) == 2 * 6
    with pytest.raises(ConfigError, match=r"pass@30 needs .*samples is 20"):
        TASK.evaluate(MODEL, "test", Budget(6, tries=(30,)))


def test_every_tier_has_figures_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test split is measured on all tiers, longer ones along their length; val is no tier."""
    runs(monkeypatch, Status.PASSED)

    def generate(model: Model, task: str, prompts: Any, **_: Any) -> list[Any]:
        return [[Generated((), (), True, "x")] for _ in prompts]

    monkeypatch.setattr(execution, "generate", generate)
    task = CodegenTask(CodegenConfig(size=64))
    found = task.evaluate(MODEL, "test", Budget(40))
    assert {"pass@1", "longer.pass@1", "written.pass@1", "compiles", "codebleu"} <= set(found)
    assert sum(name.startswith("longer.pass@1.steps_") for name in found) > 1
    assert not any(name.startswith("longer") for name in task.evaluate(MODEL, "val", Budget(2)))


def test_5_2_5_c_the_grammar_ends_only_what_parses() -> None:
    """Held to the grammar, an end comes only where all parses, and no bracket closes another."""
    tokenizer = MODEL.tokenizer
    grammar = Grammar(MODEL, ["def f(a) do\n"])
    encode = tokenizer.encode
    assert grammar.allows(0, encode("  [a"))
    assert not grammar.allows(0, encode("  [a)"))
    assert not grammar.allows(0, [*encode("  a\n"), tokenizer.end_id])
    assert grammar.allows(0, [*encode("  a\nend\n"), tokenizer.end_id])
    assert not grammar.allows(0, encode("  a\nend\nend\n"))
    assert grammar.allows(0, encode("  a\nend\nend"))  # it may become "endless"
    found = execution.evaluate(
        MODEL,
        "codegen",
        kata_problems(TASK.examples("test")),
        Budget(2),
        6,
        ExecutionConfig(grammar=True),
    )
    assert "grammar-constrained" in found["parses"].why
