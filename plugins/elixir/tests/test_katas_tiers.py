"""Laws of tiers: each is read by its name; problems written by hand are right and well tested."""

from __future__ import annotations

import re

import pytest

from ectrain_elixir.katas import katas
from ectrain_elixir.katas.longer import longer
from ectrain_elixir.katas.normal import normal_form
from ectrain_elixir.katas.tiers import TIERS, tier
from ectrain_elixir.katas.written import written
from ectrain_elixir.mutation import MutationEngine
from ectrain_elixir.runner import PooledRunner, Program, availability, find_runner
from ectrain_elixir.syntax import parses


@pytest.fixture(scope="module")
def runner() -> PooledRunner:
    """Return this process's warm runner, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    return find_runner(mode="warm")


def test_tiers_are_read_by_name() -> None:
    """Each name gives its katas, the same ones again; another name is refused with the choice."""
    assert TIERS == ("test", "longer", "written")
    assert [*tier("test", 700)] == [*katas("test", 700)]
    assert len(tier("longer", 700)) == len(longer(70)) == 70
    assert tier("written", 700) == written()
    with pytest.raises(ValueError, match="expected one of test, longer, written"):
        tier("hard")  # type: ignore[arg-type]


def test_a_hundred_problems_are_written() -> None:
    """Each has a doc, a spec, five assertions or more, and parses; none is like another."""
    found = written()
    assert len(found) == len({kata.id for kata in found}) == 100
    for kata in found:
        assert '@doc """' in kata.prompt
        assert "@spec" in kata.prompt
        assert len(re.findall(r"\bassert\w*\b", kata.tests)) >= 5, kata.id
        assert parses(kata.program(kata.answer)), kata.id
        assert parses(kata.tests), kata.id
        assert len(kata.test_names) == kata.tests.count('  test "')
    assert len({normal_form(kata.program(kata.answer)) for kata in found}) == 100


def test_a_problem_is_given_up_to_what_is_asked() -> None:
    """One clause is given with its head, several are not; a module's setup comes first."""
    problems = {kata.id: kata for kata in written()}
    one, several = problems["written-digit_sum"], problems["written-collatz_steps"]
    assert one.prompt.endswith("  def digit_sum(n) do\n")
    assert several.prompt.endswith(":: non_neg_integer()\n")
    assert several.answer.startswith("  def collatz_steps(1), do: 0\n")
    assert problems["written-gray_code"].prompt.startswith(
        "defmodule GrayCode do\n  import Bitwise\n"
    )


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_every_written_reference_passes(runner: PooledRunner) -> None:
    """In real Elixir, without a compiler's warning."""
    found = written()
    programs = [Program(k.program(k.answer), k.tests, k.test_names) for k in found]
    for kata, verdict in zip(found, runner.run_all(programs), strict=True):
        assert verdict.passed, f"{kata.id}: {verdict}"
        assert not verdict.output, f"{kata.id}: {verdict.output}"


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_written_tests_kill_mutants(runner: PooledRunner) -> None:
    """Of mutants of a tenth of the references, drawn by seed, nine in ten are killed at least."""
    found = written()[::10]
    scores = MutationEngine(runner, sample=12).kill_rates(
        [(kata.program(kata.answer), kata.tests) for kata in found]
    )
    assert {score.status for score in scores} == {"scored"}
    assert sum(score.value or 0 for score in scores) / len(scores) >= 0.9
