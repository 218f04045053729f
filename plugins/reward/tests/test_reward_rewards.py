"""What answers are worth: 5.8.1, with outcome tables, canaries, cheats and the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import ConfigError, SandboxError
from ectrain_elixir.mutation import Mutant, Outcome, Result, Score, held_out
from ectrain_reward.execution import ExecutionReward
from ectrain_reward.mutation import MutationConfig, MutationReward, OwnBackend, operator_set
from ectrain_reward.rating import Rated
from ectrain_reward.rewards import Answer, NoSettings, make_rewards

elixir = pytest.mark.skipif(
    not (shutil.which("elixir") and shutil.which("bwrap")), reason="no Elixir or no sandbox here"
)

CODE = """
defmodule Price do
  def total(n, each) when n > 10, do: n * each - 5
  def total(n, each), do: n * each
end
"""
SUITE = """
defmodule PriceTest do
  use ExUnit.Case
  {}
end
"""
GOOD = SUITE.format(
    """
  test "few", do: assert Price.total(2, 3) == 6
  test "limit", do: assert Price.total(10, 2) == 20
  test "many", do: assert Price.total(11, 2) == 17
"""
)
IDLE = GOOD.replace('test "many"', 'test "again", do: assert Price.total(2, 3) == 6\n  test "many"')


STATUSES = (
    *("scored", "failing", "unstable", "cheating", "no tests", "no mutants", "code", "timeout"),
    *("memory", "crash", "tamper", "infra"),
)


class Told:
    """A backend that says what it was told to, and counts what it was asked."""

    label = "a fake"

    def __init__(self, empty: float | None = 0.0, exact: float | None = 1.0) -> None:
        self.canaries = [Rated(empty), Rated(exact), Rated(0.0, "failing")]
        self.asked: list[tuple[str, str]] = []
        self.answer = Rated(0.5)

    def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        """Return canaries for canaries, else the answer."""
        self.asked += pairs
        if "EctrainCanary" in pairs[0][0]:
            return self.canaries
        return [self.answer] * len(pairs)


@given(
    outcomes=st.lists(st.sampled_from(list(Outcome)), max_size=12),
    status=st.sampled_from(STATUSES),
)
def test_5_8_1_4_a_reward_is_a_share_or_nothing(outcomes: list[Outcome], status: str) -> None:
    """In [0, 1]; failing is 0; without a valid mutant or an engine there is no signal at all."""
    results = tuple(
        Result(Mutant(n, "boundary", 1, 1, "a", "b"), outcome, "t")
        for n, outcome in enumerate(outcomes)
    )
    score = Score(status=status, results=results)
    backend = Told()
    backend.answer = Rated(score.value, status)
    value = MutationReward(backend=backend).compute(CODE, GOOD)
    killed = sum(o in (Outcome.KILLED, Outcome.TIMEOUT) for o in outcomes)
    valid = killed + outcomes.count(Outcome.SURVIVED)
    if status in ("no mutants", "code", "infra") or (status == "scored" and not valid):
        assert value is None
    elif status != "scored":
        assert value == 0
    else:
        assert value == pytest.approx(killed / valid)


def test_5_8_1_3_each_outcome_counts_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed and too slow count as killed, told apart; invalid and equivalent ones nowhere."""
    outcomes = [*[Outcome.KILLED] * 3, Outcome.TIMEOUT, Outcome.SURVIVED]
    outcomes += [Outcome.INVALID, Outcome.EQUIVALENT, Outcome.ERROR]
    results = tuple(
        Result(Mutant(n, "boundary", 1, 1, "a", "b"), outcome) for n, outcome in enumerate(outcomes)
    )

    class Engine:
        def kill_rates(self, pairs: Sequence[tuple[str, str]], workers: int | None) -> list[Score]:
            return [Score(status="scored", results=results)]

    backend = OwnBackend.__new__(OwnBackend)
    monkeypatch.setattr(backend, "_engine", Engine(), raising=False)
    monkeypatch.setattr(backend, "_workers", None, raising=False)
    assert backend.rated([(CODE, GOOD)]) == [Rated(0.8, "scored", killed=3, timeouts=1, valid=5)]


@pytest.mark.parametrize(
    ("empty", "exact"), [(1.0, 1.0), (0.0, 0.5), (None, 1.0), (0.0, None), (0.25, 1.0)]
)
def test_5_8_1_2_a_backend_that_fails_its_canaries_is_refused(
    empty: float | None, exact: float | None
) -> None:
    """As Muzak on Elixir 1.14: `assert true` must be worth 0, or nothing is trained on it."""
    reward = MutationReward(backend=Told(empty, exact))
    with pytest.raises(SandboxError, match="nothing is trained on them"):
        reward.compute(CODE, GOOD)


def test_5_8_1_2_a_backend_that_scores_a_failing_suite_is_refused() -> None:
    """A suite that fails on the true code is invalid, and worth nothing."""
    backend = Told()
    backend.canaries[2] = Rated(0.9)
    with pytest.raises(SandboxError, match=r"fails on the true code 0\.9"):
        MutationReward(backend=backend).check()


def test_5_8_1_2_muzak_is_asked_for_with_all_that_it_needs(tmp_path: Path) -> None:
    """It runs what was written outside the sandbox, which must be allowed, in a project of it."""
    config = MutationConfig(backend="muzak", muzak=str(tmp_path))
    with pytest.raises(ConfigError, match="outside the sandbox"):
        MutationReward(config).compute(CODE, GOOD)
    with pytest.raises(SandboxError, match="muzak is not in"):
        MutationReward(attrs.evolve(config, trusted=True)).compute(CODE, GOOD)


def test_5_8_2_3_what_was_rated_is_not_rated_again() -> None:
    """Ratings are kept by content, but not those that failed for want of an engine."""
    backend = Told()
    reward = MutationReward(backend=backend)
    assert reward.batch([(CODE, GOOD), (CODE, GOOD), (CODE, IDLE)]) == [0.5] * 3
    asked = len(backend.asked)
    assert reward.compute(CODE, GOOD) == 0.5
    assert len(backend.asked) == asked == 5  # three canaries, two suites
    backend.answer = Rated(None, "infra")
    assert reward.compute(CODE + "#", GOOD) is None
    backend.answer = Rated(1.0)
    assert reward.compute(CODE + "#", GOOD) == 1.0


def test_a_suite_that_does_not_parse_costs_no_machine() -> None:
    """It is worth 0, and nothing is asked."""
    backend = Told()
    assert MutationReward(backend=backend).compute(CODE, "defmodule T do") == 0
    assert backend.asked == []


def test_rewards_are_found_by_name_and_apply_to_what_was_written() -> None:
    """An unknown one is refused with the nearest; code and suites each have their own."""
    found = make_rewards(["mutation", "execution"], {"mutation": {"sample": 5}})
    assert found["mutation"].config.sample == 5
    with pytest.raises(ConfigError, match="did you mean 'mutation'"):
        make_rewards(["mutatoin"], {})
    code = Answer(CODE, GOOD, ("few",), writes="code")
    assert MutationReward(backend=Told()).scores([code, Answer(CODE, GOOD)]) == [None, 0.5]
    assert ExecutionReward(NoSettings()).scores([Answer(CODE, GOOD)]) == [None]


def test_operators_to_measure_with_are_held_out() -> None:
    """What is rewarded and what is measured share no operator."""
    learned, measured = held_out()
    assert operator_set("learned") == learned
    assert operator_set("held out") == measured
    assert not learned.names & measured.names


CHEATS = {
    "asserts nothing": 'test "t", do: assert true',
    "halts": 'test "t" do\n    System.halt(0)\n  end',
    "skips": '@tag :skip\n  test "t", do: assert Price.total(2, 3) == 7',
    "rescues": """test "t" do
    try do
      assert Price.total(2, 3) == 7
    rescue
      _ -> :fine
    end
  end""",
    "has no test": "def x, do: 1",
    "fails on the true code": 'test "t", do: assert Price.total(2, 3) == 7',
    "does not compile": 'test "t", do: assert Price.total(2, x) == 7',
}


@elixir
@pytest.mark.requires_elixir
def test_a_policy_that_can_only_win_by_cheating_earns_nothing() -> None:
    """Halting, skipping, asserting nothing and rescuing what fails are worth 0, each."""
    reward = MutationReward(MutationConfig(sample=4))
    found = reward.batch([(CODE, SUITE.format(body)) for body in CHEATS.values()])
    assert dict(zip(CHEATS, found, strict=True)) == dict.fromkeys(CHEATS, 0)


@elixir
@pytest.mark.requires_elixir
def test_5_8_1_1_a_suite_is_worth_the_mutants_that_it_kills() -> None:
    """One float a pair, the same alone and in a batch, with 1 worker and 4 (5.8.2.3)."""
    weak = SUITE.format('test "few", do: assert Price.total(2, 3) == 6')
    pairs = [(CODE, GOOD), (CODE, weak), (CODE, IDLE), ("defmodule Nothing do\nend\n", GOOD)]
    one = MutationReward(MutationConfig(workers=1))
    four = MutationReward(MutationConfig(workers=4))
    found = one.batch(pairs)
    assert found == four.batch(pairs)
    good, poor, idle, nothing = found
    assert good is not None
    assert poor is not None
    assert idle is not None
    assert 0 < poor < good <= 1
    assert nothing is None or nothing == 0
    assert idle == good
    rated = OwnBackend(operator_set("learned")).rated([(CODE, GOOD)])[0]
    assert rated.valid >= rated.killed + rated.timeouts > 0


@elixir
@pytest.mark.requires_elixir
def test_code_is_worth_the_tests_that_it_passes() -> None:
    """The share of the suite; 0 where it doesn't compile, or halts."""
    names = ("few", "limit", "many")
    wrong = CODE.replace("- 5", "- 4")
    written = [CODE, wrong, "defmodule Price do", CODE.replace("n * each - 5", "System.halt(0)")]
    answers = [Answer(code, GOOD, names, "code") for code in written]
    right, near, broken, halted = ExecutionReward(NoSettings()).scores(answers)
    assert (right, broken, halted) == (1, 0, 0)
    assert near == pytest.approx(2 / 3)
