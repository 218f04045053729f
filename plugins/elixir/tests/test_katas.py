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
from ectrain.task import SPLITS
from ectrain_elixir.katas import FAMILIES, Kata, katas
from ectrain_elixir.katas.facts import families
from ectrain_elixir.katas.splits import LEAST, skeleton
from ectrain_elixir.katas.values import Atom, literal
from ectrain_elixir.runner import Limits, Program, Status, find_runner
from ectrain_elixir.syntax import parses

SIZE = 1500
LEVELS = (0, 1, 2)
ALL_FAMILIES = {*FAMILIES, *families(1), *families(2)}


def everything() -> list[Kata]:
    """Return the katas of all splits and levels."""
    return [kata for split in SPLITS for kata in katas(split, SIZE, 0, LEVELS)]


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
    groups: dict[str, str] = {}
    shapes: dict[tuple[str, str], str] = {}
    for split in SPLITS:
        for kata in (*katas(split, SIZE), *katas(split, SIZE, 1, LEVELS)):
            assert groups.setdefault(kata.group, split) == split
            shape = kata.family, skeleton(kata.answer.replace("\n", " "))
            assert shapes.setdefault(shape, split) == split


def test_every_family_and_step_is_trained_on() -> None:
    """Held-out katas compose steps and families that train has, too; at least twelve families."""
    assert len(FAMILIES) >= 12
    train = (*katas("train", SIZE), *katas("train", SIZE, 0, LEVELS))
    assert {kata.family for kata in train} == ALL_FAMILIES
    known = {step for kata in train for step in kata.steps}
    assert {step for kata in everything() for step in kata.steps} <= known


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


def test_katas_without_facts_have_nothing_of_them() -> None:
    """By default no fact is given or needed, and other levels change no text of level 0."""
    for split in SPLITS:
        for kata in katas(split, SIZE):
            assert (kata.level, kata.facts, kata.surroundings) == (0, (), "")
            assert "ONTO" not in kata.prompt


def test_levels_have_equal_shares() -> None:
    """Each level that is asked for has its share of every split."""
    for split in SPLITS:
        counts = Counter(kata.level for kata in katas(split, SIZE, 0, LEVELS))
        assert set(counts) == set(LEVELS)
        assert max(counts.values()) - min(counts.values()) <= 1


def needed(kata: Kata) -> tuple[str, str]:
    """Return the last two names of what an answer calls or updates: "Tolls", "levy"."""
    found = re.search(r"&([A-Z]\w+)\.(\w+)/1|update_in\(s(?:\.(\w+))?\.(\w+),", kata.answer)
    assert found is not None, kata.answer
    one, other, holder, field = found.groups()
    return (one, other) if one else (holder or "", field)


@given(st.sampled_from([kata for kata in everything() if kata.level]))
def test_answers_need_what_only_facts_tell(kata: Kata) -> None:
    """The prompt without its facts lacks a name that the answer needs; hops of facts lead to it."""
    facts, _, rest = kata.prompt.partition("[/ONTO]\n")
    assert facts == f"# [ONTO] {' '.join(map(str, kata.facts))} "
    assert len(kata.facts) >= kata.level
    outer, inner = needed(kata)
    assert not re.search(rf"\b{inner}\b", rest)
    tells = {(f.subject, f.property): f.object for f in kata.facts}
    last = [f for f in kata.facts if f.object.removesuffix("/1") == inner]
    assert len(last) == 1
    if kata.family == "rules":
        assert last[0].subject == outer
        assert bool(re.search(rf"\b{outer}\b", rest)) == (kata.level == 1)
    if kata.level == 2:
        property_ = "importsFrom" if kata.family == "rules" else "referencesType"
        first = [s for (s, p), o in tells.items() if (p, o) == (property_, last[0].subject)]
        assert len(first) == 1
        assert re.search(rf"\b{first[0]}\b", rest)


def test_the_needed_fact_is_anywhere() -> None:
    """Neither the first nor the last fact is always the one that tells the answer."""
    katas_of = [kata for kata in everything() if len(kata.facts) > 1]
    places = [
        next(n for n, f in enumerate(k.facts) if f.object.removesuffix("/1") == needed(k)[1])
        for k in katas_of
    ]
    assert 0.2 < sum(place == 0 for place in places) / len(places) < 0.6


def test_literals() -> None:
    """Values are written as Elixir writes them."""
    value = [Atom("a"), (1, -2), {Atom("k"): 'q"#{x}'}, None, True, "b"]
    assert literal(value) == '[:a, {1, -2}, %{:k => "q\\"\\#{x}"}, nil, true, "b"]'


def sample(each: int) -> list[Kata]:
    """Return so many katas of each family and level, held-out ones first."""
    left = Counter(dict.fromkeys(((f, n) for f in ALL_FAMILIES for n in LEVELS), each))
    found = []
    for kata in (*everything()[::-1], *katas("train", SIZE)):
        if left[kata.family, kata.level] > 0:
            left[kata.family, kata.level] -= 1
            found.append(kata)
    return found


def renamed(kata: Kata, answer: str, mark: str) -> Program:
    """Return a kata's program with names of modules and tests that no other one has."""
    modules = "|".join(re.findall(r"defmodule (\w+)", kata.program("")))
    text, tests = (
        re.sub(rf"\b({modules})(?=\b|Test\b)", rf"\1{mark}", part)
        for part in (kata.program(answer), kata.tests)
    )
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
    """In real Elixir, over eight katas of each family and level, without a compiler's warning."""
    try:
        runner = find_runner()
    except SandboxError as error:
        pytest.skip(str(error))
    found = sample(8)
    assert len(found) >= 150
    assert {kata.family for kata in found} == ALL_FAMILIES
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
    programs = [Program(kata.program(text), kata.tests, kata.test_names) for text in texts]
    assert [v.status for v in runner.run_all(programs)] == [Status.PASSED, Status.FAILED]
