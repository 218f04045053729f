"""Katas in real Elixir: what is right passes, what is nearly right fails.

By default a few katas of each family and level are run; ECTRAIN_KATAS_EACH=1000 runs all of the
default size (some minutes).
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from ectrain.task import SPLITS
from ectrain_elixir.katas import FACT_FAMILIES, FAMILIES, Kata, katas
from ectrain_elixir.katas.controls import shuffled
from ectrain_elixir.katas.tiers import tier
from ectrain_elixir.runner import PooledRunner, Program, Status, availability, find_runner

EACH = int(os.environ.get("ECTRAIN_KATAS_EACH", "1"))
LEVELS = (0, 1, 2)
pytestmark = pytest.mark.requires_elixir


@pytest.fixture(scope="module")
def runner() -> PooledRunner:
    """Return this process's warm runner, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    return find_runner(mode="warm")


def sample(each: int) -> list[Kata]:
    """Return so many katas of each family and level, held-out ones first."""
    left = Counter(
        dict.fromkeys(((f, n) for f in (*FAMILIES, *FACT_FAMILIES) for n in LEVELS), each)
    )
    found = []
    for kata in (k for split in SPLITS[::-1] for k in katas(split, 4000, 0, LEVELS, ())):
        if left[kata.family, kata.level] > 0:
            left[kata.family, kata.level] -= 1
            found.append(kata)
    return found


def program(kata: Kata, answer: str) -> Program:
    """Return a kata's program with an answer."""
    return Program(kata.program(answer), kata.tests, kata.test_names)


@pytest.mark.slow
def test_every_reference_passes_and_every_near_miss_fails(runner: PooledRunner) -> None:
    """Answers in every idiom pass without a compiler's warning; near misses fail."""
    found = [*sample(EACH), *tier("longer", 640, families=())[: 8 * EACH]]
    assert {kata.family for kata in found} == {*FAMILIES, *FACT_FAMILIES}
    right = [(k, a) for k in found for a in (k.answer, *k.alternatives)]
    wrong = [(k, a) for k in found for a in k.near_misses[:EACH]]
    verdicts = runner.run_all([program(kata, answer) for kata, answer in (*right, *wrong)])
    for (kata, answer), verdict in zip((*right, *wrong), verdicts, strict=True):
        text = f"{kata.program(answer)}\n{kata.tests}\n{verdict}"
        assert verdict.passed == (answer not in kata.near_misses), text
        assert answer in kata.near_misses or not verdict.output, text


@pytest.mark.slow
def test_wrong_facts_give_wrong_answers(runner: PooledRunner) -> None:
    """An answer that believes shuffled facts fails: what it takes from them is not there."""
    programs = []
    for kata in sample(EACH):
        if kata.level != 1 or kata.family == "returns":
            continue
        (needed,) = kata.needed
        wrong = shuffled(kata).facts[kata.facts.index(needed)].object
        old, new = (
            name.strip("{:}").split("/")[0].split(",")[0] for name in (needed.object, wrong)
        )
        programs.append(program(kata, kata.answer.replace(old, new)))
    assert programs
    assert {verdict.status for verdict in runner.run_all(programs)} == {Status.FAILED}


def test_the_strict_runner_judges_katas(runner: PooledRunner) -> None:
    """The sandbox passes an answer, and fails a near miss, with the kata's own test names."""
    kata = katas("test", 1500)[0]
    programs = [program(kata, answer) for answer in (kata.answer, kata.near_misses[0])]
    verdicts = find_runner().run_all(programs)
    assert [verdict.status for verdict in verdicts] == [Status.PASSED, Status.FAILED]
