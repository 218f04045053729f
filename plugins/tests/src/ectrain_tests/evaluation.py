"""Measuring by writing and running: are the tests worth anything, does the code pass its tests?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ectrain.errors import SandboxError
from ectrain.task import Estimate
from ectrain_elixir.mutation import MutationEngine
from ectrain_elixir.runner import find_runner
from ectrain_elixir.testpairs import TestType, judge_suites
from ectrain_elixir.testpairs.stubs import NOT_RUN
from ectrain_tests import scores
from ectrain_tests.data import TestSample
from ectrain_tests.writing import WAY, Writer, Written

RUN: tuple[TestType, ...] = ("exunit", "streamdata")  # types that are executed
NO_CODE = "code for tests is not learned: tasks.tests.to_test is 1"
NO_TESTS = "tests for code are not learned: tasks.tests.to_test is 0"
ONE_EACH = "one answer is written to each prompt, so there is no pass@{k}"


@attrs.frozen
class ExecutionConfig:
    """How held-out pairs are measured by writing and running.

    Attributes:
        mutants: Most mutants of a program, drawn by its text.
        swapped: Also ask for each program's tests in another type, to see that the type is obeyed.
        code: Also write code for tests.
    """

    mutants: int = attrs.field(default=60, validator=attrs.validators.ge(1))
    swapped: bool = True
    code: bool = True


@attrs.frozen
class Asking:
    """What is measured, and how.

    Attributes:
        types: Of tests that are learned.
        to_test: Share of draws in which tests are written.
        execution: How answers are run.
    """

    types: tuple[TestType, ...]
    to_test: float
    execution: ExecutionConfig


def evaluate(
    writer: Writer, samples: Sequence[TestSample], asking: Asking
) -> Mapping[str, Estimate]:
    """Return what a model's answers to the first pairs of each type come to.

    Figures of ExUnit have their plain names, those of other types begin with the type's, those of
    code that is written for tests with "to_code".
    """
    found: dict[str, Estimate] = {}
    if asking.to_test == 0:
        found["pass@1"] = Estimate.missing(NO_TESTS)
    else:
        suites = {kind: writer.written(_of(samples, kind)) for kind in asking.types}
        swapped = writer.written(_swapped(samples, asking)) if asking.execution.swapped else []
        every = [answer for own in suites.values() for answer in own]
        found |= scores.texts(every, swapped, _how(every))
        found |= _executed(suites, asking.execution)
    if asking.execution.code:
        found["to_code.pass@1"] = _code(writer, samples, asking)
    for k in writer.budget.tries:
        found.setdefault(f"pass@{k}", Estimate.missing(ONE_EACH.format(k=k)))
    return found


def _of(samples: Sequence[TestSample], kind: TestType) -> list[TestSample]:
    """Return the samples of a type, to write tests for."""
    return [attrs.evolve(s, direction="to_test") for s in samples if s.pair.kind == kind]


def _swapped(samples: Sequence[TestSample], asking: Asking) -> list[TestSample]:
    """Return samples that ask for another type of test than their code has in the data."""
    kinds = [kind for kind in RUN if kind in asking.types]
    if len(kinds) < 2:
        return []
    other = dict(zip(kinds, reversed(kinds), strict=True))
    return [
        TestSample(attrs.evolve(s.pair, kind=other[s.pair.kind]), "to_test")
        for s in samples
        if s.pair.kind in other
    ]


def _how(answers: Sequence[Written]) -> str:
    return f"{WAY}, {len(answers)} held-out programs"


def _executed(
    suites: Mapping[TestType, Sequence[Written]], config: ExecutionConfig
) -> dict[str, Estimate]:
    """Return the figures of each type that need executing."""
    found: dict[str, Estimate] = {}
    for kind in (*RUN, "liveview"):
        before = "" if kind == "exunit" else f"{kind}."
        answers = suites.get(kind)
        if answers is None:
            if kind == "exunit":
                found |= scores.missing("", "tests of type exunit are not among tasks.tests.types")
        elif kind == "liveview":
            found |= {f"{before}{k}": x for k, x in _compiled(answers).items()}
        else:
            found |= {f"{before}{k}": x for k, x in _judged(answers, config).items()}
    return found


def _judged(answers: Sequence[Written], config: ExecutionConfig) -> Mapping[str, Estimate]:
    try:
        engine = MutationEngine(sample=config.mutants)
        answers, left_out = _runnable(answers, engine)
        judged = judge_suites([(a.sample.pair.code, a.text) for a in answers], None, engine)
    except SandboxError as error:
        return scores.missing("", str(error))
    how = f"{_how(answers)}, executed in the {find_runner().tier} sandbox{left_out}"
    return scores.judged(answers, judged, how)


def _runnable(answers: Sequence[Written], engine: MutationEngine) -> tuple[Sequence[Written], str]:
    """Return the answers to real code that can be run by itself, as its own tests show."""
    real = [a for a in answers if not a.sample.pair.family]
    if not real:
        return answers, ""
    own = judge_suites([(a.sample.pair.code, a.sample.pair.tests) for a in real], None, engine)
    alone = [a for a, judged in zip(real, own, strict=True) if judged.valid]
    kept = [a for a in answers if a.sample.pair.family or a in alone]
    left_out = len(answers) - len(kept)
    return kept, f"; {left_out} programs whose own tests don't pass alone are left out"


def _compiled(answers: Sequence[Written]) -> Mapping[str, Estimate]:
    """Return how many tests of LiveViews compile: without Phoenix there is no more to say."""
    missing = {"pass@1": Estimate.missing(NOT_RUN)}
    try:
        return missing | {"compiles": scores.compiled(answers, _how(answers))}
    except SandboxError as error:
        return missing | {"compiles": Estimate.missing(str(error))}


def _code(writer: Writer, samples: Sequence[TestSample], asking: Asking) -> Estimate:
    """Return the share of suites of ExUnit for which code that passes them is written."""
    if asking.to_test == 1:
        return Estimate.missing(NO_CODE)
    suites = [
        attrs.evolve(s, direction="to_code")
        for s in samples
        if s.pair.kind in RUN and s.pair.test_names
    ]
    answers = writer.written(suites)
    try:
        return scores.passed(answers, f"{_how(answers).replace('programs', 'suites')}, executed")
    except SandboxError as error:
        return Estimate.missing(str(error))
