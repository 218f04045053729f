"""Katas of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import difflib
import hashlib
import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import attrs

from ectrain_elixir.katas import facts
from ectrain_elixir.katas.families import FACT_FAMILIES, FAMILIES, FIRST_FAMILIES, Family
from ectrain_elixir.katas.kata import Draft, Kata, written
from ectrain_elixir.katas.normal import normal_form
from ectrain_elixir.katas.voices import VOICES

Split = Literal["train", "val", "test"]

LEAST = 64  # katas of val and of test
HELD_OUT = 5  # one composition in so many goes to val or test

MODULES = ("Shaper", "Sieve", "Ledger", "Mixer", "Gauge", "Folder", "Weaver", "Press", "Tally")
FUNCTIONS = ("run", "build", "process", "compute", "convert", "handle", "solve")


def katas(
    split: Split,
    size: int = 4000,
    seed: int = 0,
    levels: Sequence[int] = (0,),
    families: Sequence[str] = FIRST_FAMILIES,
) -> tuple[Kata, ...]:
    """Return the katas of a split, the same ones for the same arguments, always.

    Args:
        split: Which; a composition (family and kinds of steps) is in one split only, whatever
            the seed. Single steps are all in train.
        size: Katas of train; val and test have a tenth, at least 64.
        seed: Of what is drawn.
        levels: Of facts that katas need, 0, 1 or 2 (see `Kata.level`); each has an equal share.
        families: Their names, each with an equal share of its level; by default the first ones,
            () for all.

    Raises:
        ValueError: There is no such family, or none of a level.
    """
    chosen = tuple(sorted(set(levels)))
    return _drawn(size, seed, chosen, tuple(families))[split]


def families_of(level: int, names: Sequence[str] = ()) -> dict[str, Family]:
    """Return the families of a level with these names, () for all.

    Raises:
        ValueError: There is no such family, or none of them is of this level.
    """
    known = {*FAMILIES, *FACT_FAMILIES}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"there is no family of katas {name!r}{hint}")
    every: dict[str, Family] = {**FAMILIES}
    if level:
        every = {name: _of_level(family, level) for name, family in FACT_FAMILIES.items()}
    found = {name: family for name, family in every.items() if not names or name in names}
    if not found:
        raise ValueError(
            f"none of the families {', '.join(names)} has katas of level {level}; "
            f"expected one of {', '.join(every)}"
        )
    return found


def _of_level(family: Callable[[random.Random, int], Draft], level: int) -> Family:
    return lambda rng: family(rng, level)


@cache
def _drawn(
    size: int, seed: int, levels: tuple[int, ...], names: tuple[str, ...]
) -> dict[Split, tuple[Kata, ...]]:
    """Draw katas of all levels and families in turn, each to its split, until all are full."""
    held_out = max(LEAST, size // 10)
    counts: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    left = {
        (split, n): len(range(n, counts[split], len(levels)))
        for split in counts
        for n in range(len(levels))
    }
    found: dict[Split, list[Kata]] = {split: [] for split in counts}
    seen: set[str] = set()
    owners: dict[str, Split] = {}
    families = [[*families_of(level, names).items()] for level in levels]
    number = 0
    while any(left.values()):
        turn, place = number % len(levels), number // len(levels)
        name, family = families[turn][place % len(families[turn])]
        rng = random.Random(f"kata/{seed}/{number}")
        number += 1
        draft = family(rng)
        split = split_of(name, draft)
        if not left[split, turn]:
            continue
        kata = completed(name, draft, rng)
        if kata is None or kata.prompt in seen:
            continue
        if owners.setdefault(normal_form(kata.program(kata.answer)), split) != split:
            continue
        seen.add(kata.prompt)
        found[split].append(kata)
        left[split, turn] -= 1
    return {split: tuple(drawn) for split, drawn in found.items()}


def completed(name: str, draft: Draft, rng: random.Random) -> Kata | None:
    """Return the kata of a draft with names, in a voice and an idiom; None if tests are too weak.

    The first families speak in one voice and have one idiom as their answer: their texts stay as
    they were when results were measured on them. Their other idioms are among `alternatives`.
    """
    module, function = _module(draft, rng), _function(draft, rng)
    if name not in FIRST_FAMILIES:
        idioms = [draft.body, *draft.idioms]
        body = idioms.pop(rng.randrange(len(idioms)))
        request = rng.choice(VOICES)(draft.request)
        draft = attrs.evolve(draft, body=body, idioms=tuple(idioms), request=request)
    return written(name, module, function, draft)


def split_of(family: str, draft: Draft) -> Split:
    """Return the split of a composition: by the shape of its answer, names and numbers apart.

    Of families with several idioms as answers, it is the shape of the first one.
    """
    kinds = [step.kind for step in draft.steps]
    if len(set(kinds)) < 2:
        return "train"
    shape = "+".join(kinds)
    if family in FIRST_FAMILIES:
        shape = skeleton("\n".join(draft.body(draft.steps)))
    point = int.from_bytes(hashlib.sha256(f"{family}/{shape}".encode()).digest()[:8], "big")
    return "train" if point % HELD_OUT else ("val", "test")[point // HELD_OUT % 2]


def skeleton(code: str) -> str:
    """Return code with numbers, texts, atoms, names from facts and a pipe's subject made equal."""
    code = re.sub(rf"\b({'|'.join(facts.RULES)})\.\w+", "R.f", code)
    code = re.sub(r"\A\w+$", "x", code, flags=re.MULTILINE)
    code = re.sub(r'"[^"]*"', '""', code)
    code = re.sub(r"(?<![\w&:]):(?!desc\b|ok\b|error\b)\w+", ":a", code)
    code = re.sub(r"\bs(\.\w+)+", "s.f", re.sub(r"\| \w+:", "| f:", code))
    return re.sub(r"(?<![\w&])\d+", "0", code)


def _module(draft: Draft, rng: random.Random) -> str:
    """Return a name; a struct's is its own, where it doesn't lie around."""
    for argument, *_ in draft.inputs:
        if hasattr(argument, "module") and not draft.surroundings:
            return str(argument.module)
    return draft.module or rng.choice(MODULES)


def _function(draft: Draft, rng: random.Random) -> str:
    """Return a name; a program that writes its own clauses has named itself."""
    if draft.head is None:
        return next(
            found[1]
            for line in draft.body(draft.steps)
            if (found := re.match(r"def ([\w?!]+)", line))
        )
    return rng.choice(FUNCTIONS)
