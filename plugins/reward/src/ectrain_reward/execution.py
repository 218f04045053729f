"""The share of a given suite's tests that written code passes, as a reward."""

from __future__ import annotations

from collections.abc import Sequence

from ectrain_elixir.runner import Program, Status, Verdict, find_runner
from ectrain_elixir.runner.names import test_names
from ectrain_elixir.syntax import parses
from ectrain_reward.rewards import Answer, NoSettings, Reward


class ExecutionReward(Reward[NoSettings]):
    """Pass rate of code; written suites have none here.

    Code that doesn't parse or compile, is killed or tampers earns 0; where the engine itself
    failed nothing is known.
    """

    name = "execution"
    config_type = NoSettings

    def scores(self, answers: Sequence[Answer]) -> list[float | None]:
        """Return each answer's share of passed tests."""
        asked = [a for a in answers if a.writes == "code" and parses(a.code) and _names(a)]
        programs = {a: Program(a.code, a.tests, _names(a)) for a in asked}
        distinct = list(programs.values())
        verdicts = find_runner(mode="warm").run_all(distinct) if distinct else []
        self.infra += sum(verdict.status is Status.INFRA for verdict in verdicts)
        known = dict(zip(programs, map(_share, verdicts), strict=True))
        return [_worth(answer, known) for answer in answers]


def _worth(answer: Answer, known: dict[Answer, float | None]) -> float | None:
    if answer.writes != "code" or not _names(answer):
        return None
    return known.get(answer, 0.0)


def _names(answer: Answer) -> tuple[str, ...]:
    return answer.test_names or test_names(answer.tests)


def _share(verdict: Verdict) -> float | None:
    if verdict.status is Status.INFRA:
        return None
    if verdict.status not in (Status.PASSED, Status.FAILED):
        return 0.0
    return sum(state == "passed" for state in verdict.tests.values()) / len(verdict.tests)
