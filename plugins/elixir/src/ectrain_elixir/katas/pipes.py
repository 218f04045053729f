"""Families of pipes: over lists, texts, words, digits, chunks, groups and pairs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    applied,
    assigned,
    drawn,
    misses_of,
    piped,
    said,
    through,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import integers, sentence, words


def _piped(
    rng: random.Random,
    subject: str,
    spec: str,
    inputs: Sequence[Any],
    stages: Sequence[Maker],
    endings: Sequence[Maker],
    before: Sequence[str] = (),
    length: int | None = None,
) -> Draft:
    """Return a program that is one pipe over its argument."""
    count = length or rng.choice((1, 2, 2, 3, 3))
    chosen = drawn(rng, stages, count)
    pools: list[Sequence[Maker]] = [stages] * count
    if length is None and rng.random() < 0.5:
        chosen.append(rng.choice(endings)(rng))
        pools.append(endings)
    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec=spec,
        head=f"({subject})",
        body=lambda made: piped(subject, [*before, *(step.code for step in made)]),
        idioms=(lambda made: assigned(subject, [*before, *(step.code for step in made)]),),
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((value,) for value in inputs),
        misses=misses_of(rng, chosen, pools),
    )


def pipeline(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over a list of integers."""
    name = rng.choice(("list", "numbers", "values", "items"))
    inputs = [integers(rng), integers(rng), []]
    return _piped(rng, name, "(list()) :: term()", inputs, steps.STAGES, steps.ENDINGS, (), length)


def strings(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over a text."""
    name = rng.choice(("text", "string", "input"))
    inputs = [sentence(rng), sentence(rng), "x"]
    stages, endings = steps.TEXT_STAGES, steps.TEXT_ENDINGS
    return _piped(rng, name, "(String.t()) :: term()", inputs, stages, endings, (), length)


def word_lists(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over a list of words."""
    name = rng.choice(("words", "names", "terms"))
    inputs = [words(rng), words(rng), []]
    stages, endings = steps.WORD_STAGES, steps.WORD_ENDINGS
    return _piped(rng, name, "([String.t()]) :: term()", inputs, stages, endings, (), length)


def digits(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over the digits of a number."""
    inputs = [[int(d) for d in str(rng.randint(10_000, 9_999_999))] for _ in range(2)] + [[7]]
    spec, before = "(integer()) :: term()", ["Integer.digits()"]
    draft = _piped(rng, "n", spec, inputs, steps.STAGES, steps.ENDINGS, before, length)
    return attrs.evolve(
        draft,
        request=f"Of the digits of n: {draft.request[0].lower()}{draft.request[1:]}",
        run=lambda made, arguments: through(made, [int(d) for d in str(arguments[0])]),
        inputs=tuple((int("".join(map(str, ds))),) for (ds,) in draft.inputs),
    )


def chunks(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over sums of chunks."""
    size = rng.randint(2, 3)
    inputs = [integers(rng), integers(rng), []]
    before = [f"Enum.chunk_every({size})", "Enum.map(&Enum.sum/1)"]
    spec = "(list()) :: term()"
    draft = _piped(rng, "list", spec, inputs, steps.STAGES, steps.ENDINGS, before, length)

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        (xs,) = arguments
        return through(made, [sum(xs[at : at + size]) for at in range(0, len(xs), size)])

    request = f"Of the sums of chunks of {size}: {draft.request[0].lower()}{draft.request[1:]}"
    return attrs.evolve(draft, request=request, run=run)


def groups(rng: random.Random) -> Draft:
    """Group numbers by a remainder and sum each group up in some way."""
    size = rng.randint(2, 4)
    ways: dict[str, tuple[str, Callable[[Any], Any], str]] = {
        "sums": ("Enum.sum(xs)", sum, "the sum"),
        "counts": ("length(xs)", len, "the count"),
        "maxima": ("Enum.max(xs)", max, "the largest"),
        "minima": ("Enum.min(xs)", min, "the smallest"),
    }

    def gather(draw: random.Random) -> Step:
        kind = draw.choice(list(ways))
        return Step(kind, ways[kind][2], ways[kind][0], ways[kind][1])

    stages = steps.STAGES
    chosen = [rng.choice(stages)(rng), gather(rng)]
    pools: list[Sequence[Maker]] = [stages, (gather,)]

    def body(made: Sequence[Step]) -> list[str]:
        stage, way = made
        return [
            "list",
            f"|> {stage.code}",
            f"|> Enum.group_by(&Integer.mod(&1, {size}))",
            f"|> Map.new(fn {{k, xs}} -> {{k, {way.code}}} end)",
        ]

    def comprehension(made: Sequence[Step]) -> list[str]:
        stage, way = made
        return [
            f"groups = Enum.group_by({applied(stage.code, 'list')}, &Integer.mod(&1, {size}))",
            f"for {{k, xs}} <- groups, into: %{{}}, do: {{k, {way.code}}}",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        stage, way = made
        found: dict[int, list[int]] = {}
        for x in stage.run(arguments[0]):
            found.setdefault(x % size, []).append(x)
        return {k: way.run(xs) for k, xs in found.items()}

    return Draft(
        steps=tuple(chosen),
        request=f"{said([chosen[0].say])[:-1]}, then maps each remainder modulo {size} to "
        f"{chosen[1].say} of its numbers.",
        spec="([integer()]) :: map()",
        head="(list)",
        body=body,
        idioms=(comprehension,),
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
        misses=misses_of(rng, chosen, pools),
    )


def zips(rng: random.Random) -> Draft:
    """Two lists, pair by pair."""
    pairs: dict[str, tuple[str, Callable[[int, int], int], str]] = {
        "sum": ("a + b", lambda a, b: a + b, "adds pairs"),
        "difference": ("a - b", lambda a, b: a - b, "subtracts pairs"),
        "product": ("a * b", lambda a, b: a * b, "multiplies pairs"),
        "larger": ("max(a, b)", max, "takes the larger of pairs"),
        "smaller": ("min(a, b)", min, "takes the smaller of pairs"),
    }

    def pair(draw: random.Random) -> Step:
        kind = draw.choice(list(pairs))
        code, run_pair, say = pairs[kind]
        return Step(kind, say, code, lambda ab: run_pair(*ab))

    count = rng.choice((1, 1, 2))
    chosen = [pair(rng), *drawn(rng, steps.STAGES, count)]
    pools: list[Sequence[Maker]] = [(pair,), *[steps.STAGES] * count]

    def body(made: Sequence[Step]) -> list[str]:
        first, *rest = made
        stages = [f"|> {step.code}" for step in rest]
        pairs_stage = f"|> Enum.map(fn {{a, b}} -> {first.code} end)"
        return ["left", "|> Enum.zip(right)", pairs_stage, *stages]

    def zipped(made: Sequence[Step]) -> list[str]:
        first, *rest = made
        pairs_stage = f"pairs = Enum.zip_with(left, right, fn a, b -> {first.code} end)"
        return [pairs_stage, *assigned("pairs", [step.code for step in rest])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        first, *rest = made
        return through(rest, [first.run(ab) for ab in zip(*arguments, strict=False)])

    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec="(list(), list()) :: list()",
        head="(left, right)",
        body=body,
        idioms=(zipped,),
        run=run,
        inputs=((integers(rng), integers(rng)), (integers(rng), integers(rng)), ([], [1])),
        misses=misses_of(rng, chosen, pools),
    )
