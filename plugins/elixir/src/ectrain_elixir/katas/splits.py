"""Katas of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import Literal

from ectrain_elixir.katas.families import FAMILIES
from ectrain_elixir.katas.kata import Draft, Kata, written

Split = Literal["train", "val", "test"]

LEAST = 64  # katas of val and of test
HELD_OUT = 5  # one composition in so many goes to val or test

MODULES = ("Shaper", "Sieve", "Ledger", "Mixer", "Gauge", "Folder", "Weaver", "Press", "Tally")
FUNCTIONS = ("run", "build", "process", "compute", "convert", "handle", "solve")


def katas(split: Split, size: int = 4000, seed: int = 0) -> tuple[Kata, ...]:
    """Return the katas of a split, the same ones for the same arguments, always.

    Args:
        split: Which; a composition (family and kinds of steps) is in one split only, whatever
            the seed. Single steps are all in train.
        size: Katas of train; val and test have a tenth, at least 64.
        seed: Of what is drawn.
    """
    return _drawn(size, seed)[split]


@cache
def _drawn(size: int, seed: int) -> dict[Split, tuple[Kata, ...]]:
    """Draw katas of all families in turn, each to its own split, until every split is full."""
    held_out = max(LEAST, size // 10)
    wanted: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    found: dict[Split, list[Kata]] = {split: [] for split in wanted}
    seen: set[str] = set()
    families = list(FAMILIES.items())
    number = 0
    while any(len(found[split]) < count for split, count in wanted.items()):
        name, family = families[number % len(families)]
        rng = random.Random(f"kata/{seed}/{number}")
        number += 1
        draft = family(rng)
        split = split_of(name, draft)
        if len(found[split]) >= wanted[split]:
            continue
        kata = written(name, _module(draft, rng), _function(draft, rng), draft)
        if kata is not None and kata.prompt not in seen:
            seen.add(kata.prompt)
            found[split].append(kata)
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
    """Return code with numbers, texts, atoms, field names and a pipe's subject made equal."""
    code = re.sub(r"\A\w+$", "x", code, flags=re.MULTILINE)
    code = re.sub(r'"[^"]*"', '""', code)
    code = re.sub(r"(?<![\w&:]):(?!desc\b|ok\b|error\b)\w+", ":a", code)
    code = re.sub(r"\bs\.\w+", "s.f", re.sub(r"\| \w+:", "| f:", code))
    return re.sub(r"(?<![\w&])\d+", "0", code)


def _module(draft: Draft, rng: random.Random) -> str:
    """Return a name; a struct's is its own."""
    for argument, *_ in draft.inputs:
        if hasattr(argument, "module"):
            return str(argument.module)
    return rng.choice(MODULES)


def _function(draft: Draft, rng: random.Random) -> str:
    """Return a name; a program that writes its own clauses has named itself."""
    if draft.head is None:
        return draft.body(draft.steps)[0].removeprefix("def ").partition("(")[0]
    return rng.choice(FUNCTIONS)
