"""Whether a suite of some code is worth anything: what it passes, what it asserts, what it kills.

A suite is valid if it tests, asserts and passes on the code, hides no failure, and fails on at
least one mutant. That an assertion ran, and that nothing takes its failure away, is proved by
running the suite with every assertion made to fail: each test that has one must fail then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from ectrain_elixir.mutation import MutationEngine, Score, held_out
from ectrain_elixir.runner import PooledRunner, Program, Status, Verdict, find_runner
from ectrain_elixir.testpairs.kinds import suite_type
from ectrain_elixir.testpairs.reading import SuiteOutline, failing_assertions, read_suite

VALID = "valid"
LOST = frozenset({"infra", "no mutants"})  # kinds of which nothing is known


@attrs.frozen
class Judgement:
    """What is known of a suite.

    Attributes:
        kind: "valid", or what is wrong first: "no suite", "no tests", "no names" (they
            can't be read), "configures ExUnit", "no assertion", "rescued assertion", "skipped",
            "fails", "assertion does not run", "kills nothing", a status of the sandbox
            ("timeout", "crash", ...), a status of mutation ("cheating", "unstable", ...), or
            "infra" and "no mutants", where it can't be told.
        message: The reason in words.
        score: Of mutation, where it came to that.
    """

    kind: str
    message: str = ""
    score: Score | None = None

    @property
    def valid(self) -> bool:
        """Whether the suite passes on the code and can fail."""
        return self.kind == VALID

    @property
    def known(self) -> bool:
        """Whether it can be told at all."""
        return self.kind not in LOST

    def kill_rate(self, operators: frozenset[str] | None = None) -> float | None:
        """Return the share of mutants that it kills: 0 for a suite that isn't valid.

        Args:
            operators: Whose mutants; None for all.

        Returns:
            The share; None where no mutant is valid, or nothing is known.
        """
        if self.score is None:
            return 0.0 if self.known else None
        results = self.score.results
        if operators is not None:
            results = tuple(r for r in results if r.mutant.operator in operators)
        rate = attrs.evolve(self.score, results=results).value
        return 0.0 if rate is not None and not self.valid else rate


def held_out_operators() -> frozenset[str]:
    """Return the names of the operators that rewards never see."""
    return held_out()[1].names


def judge_suites(
    items: Sequence[tuple[str, str]],
    runner: PooledRunner | None = None,
    engine: MutationEngine | None = None,
) -> list[Judgement]:
    """Return what each suite is worth.

    Args:
        items: Code and suite of each.
        runner: Whose machines run the suites; by default this process's, a pristine one for each.
        engine: Of mutants; by default one with all operators.

    Raises:
        SandboxError: Programs can't be run here.
    """
    runner = runner or find_runner()
    outlines = [read_suite(tests) for _, tests in items]
    found = {n: judged for n, (_, t) in enumerate(items) if (judged := _read(t, outlines[n]))}
    judging = _Judging(items, outlines, runner, found)
    judging.run_as_written()
    judging.run_with_failing_assertions()
    judging.mutate(engine)
    return [found[number] for number in range(len(items))]


@attrs.define
class _Judging:
    items: Sequence[tuple[str, str]]
    outlines: Sequence[SuiteOutline]
    runner: PooledRunner
    found: dict[int, Judgement]

    @property
    def left(self) -> list[int]:
        """Suites that nothing speaks against yet."""
        return [number for number in range(len(self.items)) if number not in self.found]

    def run_as_written(self) -> None:
        """Find suites that don't pass."""
        for number, verdict in self._verdicts(str).items():
            if not verdict.passed:
                self.found[number] = _failed(verdict)

    def run_with_failing_assertions(self) -> None:
        """Find suites in which an assertion doesn't run, or its failure is taken away."""
        for number, verdict in self._verdicts(failing_assertions).items():
            states = verdict.tests
            if verdict.status is Status.INFRA:
                self.found[number] = Judgement("infra", verdict.message)
            elif silent := [
                test.name
                for test in self.outlines[number].tests
                if test.assertions and states[test.name] != "failed"
            ]:
                text = f"test {silent[0]!r} passes when its assertions fail"
                self.found[number] = Judgement("assertion does not run", text)

    def mutate(self, engine: MutationEngine | None) -> None:
        """Find what the suites that are left kill."""
        left = self.left
        if not left:
            return
        engine = engine or MutationEngine()
        for number, score in zip(
            left, engine.kill_rates([self.items[n] for n in left]), strict=True
        ):
            self.found[number] = _scored(score)

    def _verdicts(self, change: Callable[[str], str]) -> Mapping[int, Verdict]:
        left = self.left
        programs = []
        for number in left:
            code, tests = self.items[number]
            names = tuple(test.name for test in self.outlines[number].tests)
            programs.append(Program(code, change(tests), names))
        return dict(zip(left, self.runner.run_all(programs), strict=True))


def _read(text: str, outline: SuiteOutline) -> Judgement | None:
    """Return what the text alone speaks against it."""
    names = [test.name for test in outline.tests]
    reasons = {
        "no suite": suite_type(text) is None,
        "no tests": not names,
        "no names": not all(names) or len(set(names)) < len(names),
        "configures ExUnit": outline.configures,
        "no assertion": not any(test.assertions for test in outline.tests),
        "rescued assertion": any(test.rescued for test in outline.tests),
    }
    return next((Judgement(kind) for kind, holds in reasons.items() if holds), None)


def _failed(verdict: Verdict) -> Judgement:
    if verdict.status is not Status.FAILED:
        return Judgement(verdict.status.value, verdict.message)
    return Judgement("skipped" if verdict.kind == "skipped" else "fails", verdict.message)


def _scored(score: Score) -> Judgement:
    if score.status != "scored":
        kind = "infra" if score.value is None and score.status != "no mutants" else score.status
        return Judgement(kind, score.message, score)
    return Judgement(VALID if score.value else "kills nothing", score.message, score)
