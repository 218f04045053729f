"""Families over sequences of numbers: generated, in windows, accumulated, in runs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    applied,
    choice_of,
    composed,
    drawn,
    of,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.parts import gathered, pair
from ectrain_elixir.katas.values import integers

NUMBERS = "([integer()]) :: term()"


def sequences(rng: random.Random, length: int | None = None) -> Draft:
    """The first terms of a sequence, from `Stream.iterate` or `Stream.unfold`, through stages."""
    size = rng.randint(3, 7)
    count = length - 1 if length else rng.choice((1, 2, 2))
    growths: Sequence[Maker] = (steps.add, steps.subtract, steps.multiply)
    chosen = [rng.choice(growths)(rng), *drawn(rng, steps.STAGES, count)]
    pools: list[Sequence[Maker]] = [growths, *[steps.STAGES] * count]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        terms = [arguments[0]]
        while len(terms) < size:
            terms.append(made[0].run(terms[-1]))
        return through(made[1:], terms)

    def iterated(made: Sequence[Step]) -> list[str]:
        start = [f"Stream.iterate(&({of(made[0], '&1')}))", f"Enum.take({size})"]
        return piped("n", [*start, *(step.code for step in made[1:])])

    def unfolded(made: Sequence[Step]) -> list[str]:
        start = [f"Stream.unfold(fn x -> {{x, {of(made[0], 'x')}}} end)", f"Stream.take({size})"]
        return piped("n", [*start, *(step.code for step in made[1:])])

    first = f"lists {size} numbers from n on, each of which {told(chosen[0], 'the one before')}"
    return composed(
        rng,
        chosen,
        pools,
        (iterated, unfolded),
        request=said([first, *(step.say for step in chosen[1:])]),
        spec="(integer()) :: term()",
        head="(n)",
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-4, 12), 4)),
    )


def windows(rng: random.Random) -> Draft:
    """What lies side by side, from `Enum.chunk_every` or `Enum.zip`."""
    count = rng.choice((1, 1, 2))
    chosen = [pair(rng), *drawn(rng, steps.STAGES, count)]
    pools: list[Sequence[Maker]] = [(pair,), *[steps.STAGES] * count]

    def chunked(made: Sequence[Step]) -> list[str]:
        first = ["Enum.chunk_every(2, 1, :discard)", f"Enum.map(fn [a, b] -> {made[0].code} end)"]
        return piped("list", [*first, *(step.code for step in made[1:])])

    def zipped(made: Sequence[Step]) -> list[str]:
        first = ["Enum.zip(Enum.drop(list, 1))", f"Enum.map(fn {{a, b}} -> {made[0].code} end)"]
        return piped("list", [*first, *(step.code for step in made[1:])])

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        (xs,) = arguments
        return through(made[1:], [made[0].run(a, b) for a, b in pairwise(xs)])

    first = f"takes {chosen[0].say} of neighbours a and b"
    return composed(
        rng,
        chosen,
        pools,
        (chunked, zipped),
        request=said([first, *(step.say for step in chosen[1:])]),
        spec=NUMBERS,
        head="(list)",
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([3],)),
    )


scan = choice_of(
    {
        "plus": ("replaces each by the sum so far", "acc + x", lambda acc, x: acc + x),
        "highest": ("replaces each by the largest so far", "max(acc, x)", max),
        "lowest": ("replaces each by the smallest so far", "min(acc, x)", min),
        "less": ("subtracts from each the result before it", "x - acc", lambda acc, x: x - acc),
    }
)


def scans(rng: random.Random) -> Draft:
    """Running results, from `Enum.scan` or a reduction that keeps them."""
    count = rng.choice((1, 2, 2))
    chosen = [scan(rng), *drawn(rng, steps.STAGES, count)]
    pools: list[Sequence[Maker]] = [(scan,), *[steps.STAGES] * count]

    def scanned(made: Sequence[Step]) -> list[str]:
        first = f"Enum.scan(fn x, acc -> {made[0].code} end)"
        return piped("list", [first, *(step.code for step in made[1:])])

    def reduced(made: Sequence[Step]) -> list[str]:
        return [
            "list",
            "|> Enum.reduce([], fn",
            "  x, [] -> [x]",
            f"  x, [acc | _] = found -> [{made[0].code} | found]",
            "end)",
            "|> Enum.reverse()",
            *(f"|> {step.code}" for step in made[1:]),
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found: list[int] = []
        for x in arguments[0]:
            found.append(made[0].run(found[-1], x) if found else x)
        return through(made[1:], found)

    return composed(
        rng,
        chosen,
        pools,
        (scanned, reduced),
        request=said([step.say for step in chosen]),
        spec=NUMBERS,
        head="(list)",
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
    )


def alike(rng: random.Random) -> Step:
    """Draw what neighbours of one run have in common."""
    k = rng.randint(2, 9)
    ways: dict[str, tuple[str, str, Any]] = {
        "remainder": (f"the remainder modulo {k}", f"Integer.mod(X, {k})", lambda x: x % k),
        "above": (f"whether they are above {k}", f"X > {k}", lambda x: x > k),
        "sign": ("whether they are negative", "X < 0", lambda x: x < 0),
    }
    kind = rng.choice(list(ways))
    return Step(kind, *ways[kind])


def runs(rng: random.Random) -> Draft:
    """Neighbours that are alike, from `Enum.chunk_by`, each run made one number."""
    chosen = [alike(rng), gathered(rng), rng.choice(steps.STAGES)(rng)]
    pools: list[Sequence[Maker]] = [(alike,), (gathered,), steps.STAGES]

    def chunked(made: Sequence[Step]) -> list[str]:
        key, way, stage = made
        first = [f"Enum.chunk_by(&({of(key, '&1')}))", f"Enum.map(fn xs -> {way.code} end)"]
        return piped("list", [*first, stage.code])

    def listed(made: Sequence[Step]) -> list[str]:
        key, way, stage = made
        return [
            f"runs = Enum.chunk_by(list, fn x -> {of(key, 'x')} end)",
            f"results = for xs <- runs, do: {way.code}",
            applied(stage.code, "results"),
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found: list[list[int]] = []
        for x in arguments[0]:
            if found and made[0].run(found[-1][0]) == made[0].run(x):
                found[-1].append(x)
            else:
                found.append([x])
        return made[2].run([made[1].run(xs) for xs in found])

    first = f"splits the list where neighbours differ in {chosen[0].say}"
    return composed(
        rng,
        chosen,
        pools,
        (chunked, listed),
        request=said([first, f"takes {chosen[1].say} of each run", chosen[2].say]),
        spec=NUMBERS,
        head="(list)",
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
    )
