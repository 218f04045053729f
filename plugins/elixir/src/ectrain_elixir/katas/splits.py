"""Katas of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import Literal

from ectrain_elixir.katas import facts
from ectrain_elixir.katas.families import FAMILIES
from ectrain_elixir.katas.kata import Draft, Kata, written

Split = Literal["train", "val", "test"]

LEAST = 64  # katas of val and of test
HELD_OUT = 5  # one composition in so many goes to val or test

MODULES = ("Shaper", "Sieve", "Ledger", "Mixer", "Gauge", "Folder", "Weaver", "Press", "Tally")
FUNCTIONS = ("run", "build", "process", "compute", "convert", "handle", "solve")


def katas(
    split: Split, size: int = 4000, seed: int = 0, levels: tuple[int, ...] = (0,)
) -> tuple[Kata, ...]:
    """Return the katas of a split, the same ones for the same arguments, always.

    Args:
        split: Which; a composition (family and kinds of steps) is in one split only, whatever
            the seed. Single steps are all in train.
        size: Katas of train; val and test have a tenth, at least 64.
        seed: Of what is drawn.
        levels: Of facts that katas need, 0, 1 or 2 (see `Kata.level`); each has an equal share.
    """
    return _drawn(size, seed, tuple(sorted(set(levels))))[split]


@cache
def _drawn(size: int, seed: int, levels: tuple[int, ...]) -> dict[Split, tuple[Kata, ...]]:
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
    families = [[*(facts.families(level) if level else FAMILIES).items()] for level in levels]
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
        kata = written(name, _module(draft, rng), _function(draft, rng), draft)
        if kata is not None and kata.prompt not in seen:
            seen.add(kata.prompt)
            found[split].append(kata)
            left[split, turn] -= 1
    return {split: tuple(drawn) for split, drawn in found.items()}


def split_of(family: str, draft: Draft) -> Split:
    """Return the split of a composition: by the shape of its answer, names and numbers apart."""
    kinds = {step.kind for step in draft.steps}
    if len(kinds) < 2:
        return "train"
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
    return rng.choice(MODULES)


def _function(draft: Draft, rng: random.Random) -> str:
    """Return a name; a program that writes its own clauses has named itself."""
    if draft.head is None:
        return draft.body(draft.steps)[0].removeprefix("def ").partition("(")[0]
    return rng.choice(FUNCTIONS)
