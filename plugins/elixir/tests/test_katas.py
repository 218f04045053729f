"""Laws of katas: the same always, no composition in two splits, and right as real Elixir says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain_elixir.katas import FAMILIES, Kata, katas
from ectrain_elixir.katas.splits import LEAST, skeleton
from ectrain_elixir.katas.values import Atom, literal
from ectrain_elixir.runner import Program, Status, find_runner
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
    import sys

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


def _script(found: list[Kata]) -> str:
    """Return Elixir that prints, per kata, what its answer and near misses do in its tests."""
    parts = ["Code.compiler_options(ignore_module_conflict: true)"]
    for kata in found:
        checks = re.findall(r"assert (.*)", kata.tests)
        for answer in (kata.answer, *kata.near_misses):
            code = literal(kata.prompt + answer).replace("\n", "\\n")
            tests = ", ".join(f"fn -> {check} end" for check in checks)
            parts.append(f"Code.compile_string({code})")
            quoted = literal(f"[{tests}]")
            run = f"Enum.all?(elem(Code.eval_string({quoted}), 0), & &1.())"
            parts.append(f"IO.puts(try do {run} rescue _ -> false end)")
    return "\n".join(parts)


@pytest.mark.slow
@pytest.mark.requires_elixir
@pytest.mark.skipif(shutil.which("elixir") is None, reason="elixir is not on PATH")
def test_real_elixir_agrees(tmp_path: Path) -> None:
    """Every answer passes its tests without a warning; every near miss fails one."""
    found = [kata for split in SPLITS for kata in katas(split, SIZE)[:60]]
    script = tmp_path / "katas.exs"
    script.write_text(_script(found))
    done = subprocess.run(["elixir", script], capture_output=True, text=True, timeout=280)
    assert done.stderr == ""
    said = iter(done.stdout.split())
    for kata in found:
        assert next(said) == "true", kata.prompt + kata.answer + kata.tests
        for miss in kata.near_misses:
            assert next(said) == "false", kata.prompt + miss + kata.tests


@pytest.mark.requires_elixir
def test_the_runner_judges_katas() -> None:
    """The sandbox passes an answer, and fails a near miss, with the kata's own test names."""
    from ectrain.errors import SandboxError

    try:
        runner = find_runner()
    except SandboxError as error:
        pytest.skip(str(error))
    kata = katas("test", SIZE)[0]
    texts = (kata.answer, kata.near_misses[0])
    programs = [Program(kata.prompt + text, kata.tests, kata.test_names) for text in texts]
    assert [v.status for v in runner.run_all(programs)] == [Status.PASSED, Status.FAILED]
