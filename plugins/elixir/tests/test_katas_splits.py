"""Laws of splits: no composition, program or renamed copy of one is in two of them."""

from __future__ import annotations

import random
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ectrain.task import SPLITS
from ectrain_elixir.katas import Kata, katas
from ectrain_elixir.katas.longer import LENGTHS, LONGEST_TRAINED
from ectrain_elixir.katas.normal import normal_form
from ectrain_elixir.katas.tiers import tier

LEVELS = (0, 1, 2)
SIZE = 1500
TRAIN = katas("train", SIZE, 0, LEVELS, ())
HELD_OUT = [
    *katas("val", SIZE, 0, LEVELS, ()),
    *katas("test", SIZE, 0, LEVELS, ()),
    *tier("longer", 1600, families=()),
]


def form(kata: Kata) -> str:
    """Return the normal form of a kata's program."""
    return normal_form(kata.program(kata.answer))


def test_no_composition_is_in_two_splits() -> None:
    """Neither a composition nor a normal form is in two splits, whatever the seed."""
    groups: dict[str, str] = {}
    for seed in (0, 1):
        forms: dict[str, str] = {}
        for split in SPLITS:
            for kata in katas(split, SIZE, seed, LEVELS, ()):
                assert groups.setdefault(kata.group, split) == split
                assert forms.setdefault(form(kata), split) == split


def test_longer_katas_are_longer() -> None:
    """They have more steps than any kata of training, each length as often, and no form of it."""
    found = tier("longer", 1600, families=())
    assert max(kata.length for kata in TRAIN) == LONGEST_TRAINED < min(LENGTHS)
    assert [sum(kata.length == n for kata in found) for n in LENGTHS] == [40, 40, 40, 40]
    assert not {*map(form, found)} & {*map(form, TRAIN)}
    assert len({kata.id for kata in found}) == len(found)


def shingles(text: str, size: int = 32) -> Counter[tuple[str, ...]]:
    """Return runs of tokens with their counts: longer than a step, so that order matters."""
    tokens = text.split()
    return Counter(tuple(tokens[at : at + size]) for at in range(max(1, len(tokens) - size + 1)))


def test_no_near_duplicate_is_in_two_splits() -> None:
    """No held-out program shares over nine tenths of its runs of 32 tokens with one of training."""
    owners: dict[tuple[str, ...], set[int]] = {}
    train = [shingles(text) for text in {normal_form(k.prompt + k.answer) for k in TRAIN}]
    for number, runs in enumerate(train):
        for run in runs:
            owners.setdefault(run, set()).add(number)
    for kata in HELD_OUT:
        runs = shingles(normal_form(kata.prompt + kata.answer))
        rare = sorted(runs, key=lambda run: len(owners.get(run, ())))[: len(runs) // 20 + 1]
        near = {number for run in rare for number in owners.get(run, ())}
        shared = max(
            ((runs & train[n]).total() / (runs | train[n]).total() for n in near), default=0.0
        )
        assert shared <= 0.9, kata.prompt + kata.answer


KEYWORDS = {*re.findall(r"\w+", "do end fn else in true false nil and or not when")}


def renamed(program: str, rng: random.Random) -> str:
    """Return a program with other names of variables and of what it defines."""
    names = set(re.findall(r"(?:def|defp|defmodule) ([A-Za-z_]+)", program))
    names |= set(re.findall(r"(?<![\w.@:&?~%])([a-z]+)(?= =|,| <-|\)| ->)", program))
    names -= KEYWORDS
    for name in sorted(names):
        if re.search(rf"[.:@&]{name}\b|\b{name}:|/{name}", program):
            continue
        if f"{name}(" in program and not re.search(rf"def(p|module)? {name}\b", program):
            continue
        new = ("V" if name[0].isupper() else "v") + f"q{rng.randrange(10**6)}"
        program = re.sub(rf"(?<![\w.:@]){name}\b(?![?!])", new, program)
    return program


def reformatted(program: str, rng: random.Random) -> str:
    """Return a program with other blanks, empty lines and comments; lines stay lines."""
    lines = []
    for line in program.splitlines():
        pad = " " * rng.randint(0, 6)
        lines.append(pad + line.strip() + rng.choice(("", "  ", " # note")))
        lines += [""] * rng.randint(0, 2)
    return "\n".join(lines)


@given(st.sampled_from([k for k in TRAIN if not k.facts]), st.integers(0, 999))
def test_layout_does_not_count(kata: Kata, seed: int) -> None:
    """Blanks, empty lines and comments change no normal form."""
    program = kata.program(kata.answer)
    assert normal_form(reformatted(program, random.Random(seed))) == normal_form(program)


@given(st.sampled_from([k for k in TRAIN if not k.facts]), st.integers(0, 999))
def test_names_do_not_count(kata: Kata, seed: int) -> None:
    """Other names of variables, of the module and its functions change no normal form."""
    program = kata.program(kata.answer).partition('@doc "')
    program_ = program[0] + program[2].partition('"\n')[2]
    assert normal_form(renamed(program_, random.Random(seed))) == normal_form(program_)


def test_numbers_and_texts_do_not_count_but_calls_do() -> None:
    """Literals are equal to each other; what is called, and what is kept, is not."""
    one = 'defmodule A do\n  def f(x), do: {:ok, String.trim(x, "a") + 1}\nend'
    assert normal_form(one) == normal_form(one.replace('"a"', '"b"').replace("1", "22"))
    assert normal_form(one) != normal_form(one.replace("trim", "slice"))
    assert normal_form(one) != normal_form(one.replace(":ok", ":error"))
