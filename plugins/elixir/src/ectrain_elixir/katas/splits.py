"""Katas of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import difflib
import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import attrs

from ectrain.errors import DataError
from ectrain.kept import kept
from ectrain.shards import Shards
from ectrain.task import Split
from ectrain_elixir.katas import facts
from ectrain_elixir.katas.families import FACT_FAMILIES, FAMILIES, FIRST_FAMILIES, Family
from ectrain_elixir.katas.kata import Draft, Kata, written
from ectrain_elixir.katas.normal import normal_form
from ectrain_elixir.katas.stored import recipe
from ectrain_elixir.katas.voices import VOICES

LEAST = 64  # katas of val and of test
HELD_OUT = 5  # one composition in so many goes to val or test
MOST_IN_VAIN = 50_000  # draws without a new kata

MODULES = ("Shaper", "Sieve", "Ledger", "Mixer", "Gauge", "Folder", "Weaver", "Press", "Tally")
FUNCTIONS = ("run", "build", "process", "compute", "convert", "handle", "solve")


def katas(
    split: Split,
    size: int = 4000,
    seed: int = 0,
    levels: Sequence[int] = (0,),
    families: Sequence[str] = FIRST_FAMILIES,
) -> Shards[Kata]:
    """Return the katas of a split, the same ones for the same arguments, always.

    They are drawn once and kept in the user's cache; each is read when it is asked for.

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
        DataError: The families have not so many katas.
        ResourceError: There is no room for them on the disk.
    """
    chosen = tuple(sorted(set(levels)))
    for level in chosen:
        families_of(level, families)
    return _kept(size, seed, chosen, tuple(families))[split]


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
def _kept(
    size: int, seed: int, levels: tuple[int, ...], names: tuple[str, ...]
) -> dict[Split, Shards[Kata]]:
    """Return the katas of all splits, from the user's cache if they were drawn before."""
    settings = {"size": size, "seed": seed, "levels": levels, "families": names}
    return kept(recipe("katas", settings, lambda: drawn(size, seed, levels, names)))


def drawn(
    size: int, seed: int, levels: tuple[int, ...], names: tuple[str, ...]
) -> Iterator[tuple[Split, Kata]]:
    """Draw katas of all levels and families in turn, each to its split, until all are full.

    Raises:
        DataError: The families have no more katas that differ.
    """
    held_out = max(LEAST, size // 10)
    counts: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    left = {
        (split, n): len(range(n, counts[split], len(levels)))
        for split in counts
        for n in range(len(levels))
    }
    seen: set[bytes] = set()
    owners: dict[bytes, Split] = {}
    families = [[*families_of(level, names).items()] for level in levels]
    number, in_vain = 0, 0
    while any(left.values()):
        turn, place = number % len(levels), number // len(levels)
        name, family = families[turn][place % len(families[turn])]
        origin = f"kata/{seed}/{number}"
        rng = random.Random(origin)
        number, in_vain = number + 1, in_vain + 1
        if in_vain > MOST_IN_VAIN:
            raise DataError(f"there are no {size} katas of {_described(levels, names)}")
        draft = family(rng)
        split = split_of(name, draft)
        if not left[split, turn]:
            continue
        kata = completed(name, draft, rng, origin)
        if kata is None or (mark := _mark(kata.prompt)) in seen:
            continue
        form = _mark(normal_form(kata.program(kata.answer)))
        if owners.setdefault(form, split) != split:
            continue
        seen.add(mark)
        left[split, turn] -= 1
        in_vain = 0
        yield split, kata


def _mark(text: str) -> bytes:
    """Return a hash to remember a text by."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _described(levels: Sequence[int], names: Sequence[str]) -> str:
    among = f"the families {', '.join(names)}" if names else "all families"
    return f"{among}, level {' and '.join(map(str, levels))}; choose a smaller size"


def completed(name: str, draft: Draft, rng: random.Random, origin: str) -> Kata | None:
    """Return the kata of a draft with names; None if its tests are too weak."""
    module, function, draft = finished(name, draft, rng)
    return written(name, module, function, draft, origin)


def finished(name: str, draft: Draft, rng: random.Random) -> tuple[str, str, Draft]:
    """Return a module's and a function's name, and the draft in a voice and an idiom.

    The first families speak in one voice and have one idiom as their answer: their texts stay as
    they were when results were measured on them. Their other idioms are among `alternatives`.
    """
    module, function = _module(draft, rng), _function(draft, rng)
    if name not in FIRST_FAMILIES:
        idioms = [draft.body, *draft.idioms]
        body = idioms.pop(rng.randrange(len(idioms)))
        request = rng.choice(VOICES)(draft.request)
        draft = attrs.evolve(draft, body=body, idioms=tuple(idioms), request=request)
    return module, function, draft


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
