"""Laws of katas: the same always, no composition in two splits, and right as real Elixir says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import SandboxError
from ectrain_elixir.katas import FAMILIES, Kata, katas
from ectrain_elixir.katas.splits import LEAST, skeleton
from ectrain_elixir.katas.values import Atom, literal
from ectrain_elixir.runner import Limits, Program, Status, find_runner
from ectrain_elixir.syntax import parses

SPLITS = ("train", "val", "test")
SIZE = 1500


def everything() -> list[Kata]:
    """Return the katas of all splits."""
    return [kata for split in SPLITS for kata in katas(split, SIZE)]


def test_counts_and_names() -> None:
    """Each split has its size; ids and prompts occur once over all splits."""
    assert [len(katas(split, SIZE)) for split in SPLITS] == [SIZE, SIZE // 10, SIZE // 10]
    assert len(katas("val", 100)) == LEAST
    found = everything()
    assert len({kata.id for kata in found}) == len({kata.prompt for kata in found}) == len(found)


def test_a_seed_is_repeatable_in_another_process() -> None:
    """Another process draws the same katas; another seed draws others."""
    code = "from ectrain_elixir.katas import katas; print([k.id for k in katas('test', 100, 3)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr([kata.id for kata in katas("test", 100, 3)])
    assert katas("test", 100, 3) != katas("test", 100, 4)


def test_no_composition_is_in_two_splits() -> None:
    """Neither a composition nor an answer's shape occurs in two splits."""
    for mark in (lambda k: k.group, lambda k: (k.family, skeleton(k.answer.replace("\n", " ")))):
        owners: dict[object, str] = {}
        for split in SPLITS:
            for kata in katas(split, SIZE):
                assert owners.setdefault(mark(kata), split) == split


def test_every_family_and_step_is_trained_on() -> None:
    """Held-out katas compose steps and families that train has, too; at least twelve families."""
    train = katas("train", SIZE)
    assert len(FAMILIES) >= 12
    assert {kata.family for kata in train} == set(FAMILIES)
    known = {step for kata in train for step in kata.steps}
    for split in ("val", "test"):
        assert {step for kata in katas(split, SIZE) for step in kata.steps} <= known


@given(st.sampled_from(everything()))
def test_texts_are_elixir(kata: Kata) -> None:
    """Prompt and answer, each near miss and the tests parse; the prompt ends a line."""
    assert kata.prompt.endswith("\n")
    for answer in (kata.answer, *kata.near_misses):
        assert parses(kata.prompt + answer), kata.prompt + answer
    assert parses(kata.tests)
    assert kata.answer not in kata.near_misses
    assert kata.near_misses
    assert len(kata.test_names) == kata.tests.count("  test ") >= 3


def test_literals() -> None:
    """Values are written as Elixir writes them."""
    value = [Atom("a"), (1, -2), {Atom("k"): 'q"#{x}'}, None, True, "b"]
    assert literal(value) == '[:a, {1, -2}, %{:k => "q\\"\\#{x}"}, nil, true, "b"]'


def sample(each: int) -> list[Kata]:
    """Return katas of all splits, so many of each family where there are."""
    left = Counter(dict.fromkeys(FAMILIES, each))
    found = []
    for kata in (kata for split in ("test", "val", "train") for kata in katas(split, SIZE)):
        if left[kata.family] > 0:
            left[kata.family] -= 1
            found.append(kata)
    return found


def renamed(kata: Kata, answer: str, mark: str) -> Program:
    """Return a kata's program with names of modules and tests that no other one has."""
    text = re.sub(rf"\b({kata.module})(?=\b|Test\b)", rf"\1{mark}", kata.prompt + answer)
    tests = re.sub(rf"\b({kata.module})(?=\b|Test\b)", rf"\1{mark}", kata.tests)
    names = tuple(f"{mark} {name}" for name in kata.test_names)
    return Program(text, tests.replace('test "', f'test "{mark} '), names)


def together(programs: Sequence[Program]) -> Program:
    """Return one program that is all of them: a virtual machine starts once for many."""
    names = tuple(name for program in programs for name in program.test_names)
    code, tests = ("\n".join(getattr(p, part) for p in programs) for part in ("code", "tests"))
    return Program(code, tests, names)


@pytest.mark.slow
@pytest.mark.requires_elixir
def test_every_reference_passes_and_every_near_miss_fails() -> None:
    """In real Elixir, over nine katas of each family, without a compiler's warning."""
    try:
        runner = find_runner()
    except SandboxError as error:
        pytest.skip(str(error))
    found = sample(9)
    assert len(found) >= 150
    assert {kata.family for kata in found} == set(FAMILIES)
    variants = {
        f"K{number}x{turn}": (kata, answer)
        for number, kata in enumerate(found)
        for turn, answer in enumerate((kata.answer, *kata.near_misses))
    }
    programs = [renamed(kata, answer, mark) for mark, (kata, answer) in variants.items()]
    bundles = [together(programs[at : at + 40]) for at in range(0, len(programs), 40)]
    verdicts = runner.run_all(bundles, Limits(cpu_s=60, wall_s=240))
    results = {name: said for verdict in verdicts for name, said in verdict.tests.items()}
    assert [verdict.output for verdict in verdicts] == [""] * len(verdicts)
    for (mark, (kata, answer)), program in zip(variants.items(), programs, strict=True):
        passed = all(results[name] == "passed" for name in program.test_names)
        assert passed == (answer == kata.answer), f"{mark}: {kata.prompt}{answer}{kata.tests}"


@pytest.mark.requires_elixir
def test_the_runner_judges_katas() -> None:
    """The sandbox passes an answer, and fails a near miss, with the kata's own test names."""
    try:
        runner = find_runner()
    except SandboxError as error:
        pytest.skip(str(error))
    kata = katas("test", SIZE)[0]
    texts = (kata.answer, kata.near_misses[0])
    programs = [Program(kata.prompt + text, kata.tests, kata.test_names) for text in texts]
    assert [v.status for v in runner.run_all(programs)] == [Status.PASSED, Status.FAILED]
