"""Families over tables: a module attribute, counts of words, sets of numbers, merged maps."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    applied,
    assigned,
    choice_of,
    composed,
    of,
    picked,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.parts import pair
from ectrain_elixir.katas.records import KEYS
from ectrain_elixir.katas.values import Atom, words


def lookups(rng: random.Random) -> Draft:
    """A table in a module attribute, and what becomes of what it holds."""
    table = {Atom(key): rng.randint(2, 9) for key in sorted(rng.sample(KEYS, 3))}
    default = rng.randint(0, 9)
    pools: list[Sequence[Maker]] = [(pair,), steps.TRANSFORMS, steps.TRANSFORMS]
    chosen = picked(rng, pools)

    def results(made: Sequence[Step]) -> list[str]:
        return [f"n = {made[0].code}", f"n = {of(made[1], 'n')}", of(made[2], "n")]

    def got(made: Sequence[Step]) -> list[str]:
        return [f"b = Map.get(@table, key, {default})", *results(made)]

    def matched(made: Sequence[Step]) -> list[str]:
        lines = ["b =", "  case @table do", "    %{^key => found} -> found", f"    _ -> {default}"]
        return [*lines, "  end", "", *results(made)]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        key, a = arguments
        return through(made[1:], made[0].run(a, table.get(key, default)))

    entries = ", ".join(f"{key}: {n}" for key, n in table.items())
    way, one, other = chosen
    return composed(
        rng,
        chosen,
        pools,
        (got, matched),
        request=said(
            [
                f"takes {way.say}, where b is what the table holds for the key, or {default}",
                told(one, "it"),
                told(other, "it"),
            ]
        ),
        preamble=(f"@table %{{{entries}}}",),
        spec="(atom(), integer()) :: integer()",
        head="(key, a)",
        run=run,
        inputs=tuple((key, rng.randint(-4, 15)) for key in (*table, Atom("other"))),
    )


key_of = choice_of(
    {
        "word": ("each word", "X", lambda w: w),
        "first": ("each first letter", "String.first(X)", lambda w: w[0]),
        "length": ("each length", "String.length(X)", len),
        "downcase": ("each word in lower case", "String.downcase(X)", str.lower),
    }
)
counted = choice_of(
    {
        "list": ("returns sorted pairs", "Enum.sort()", lambda ps: sorted(ps)),
        "map": ("returns a map", "Map.new()", dict),
        "keys": (
            "returns what was counted, sorted",
            "Enum.map(&elem(&1, 0))\n|> Enum.sort()",
            lambda ps: sorted(k for k, _ in ps),
        ),
        "total": (
            "returns the sum of the counts",
            "Enum.map(&elem(&1, 1))\n|> Enum.sum()",
            lambda ps: sum(n for _, n in ps),
        ),
        "size": ("returns how many there are", "Enum.count()", len),
    }
)


def frequencies(rng: random.Random) -> Draft:
    """How often each kind of word occurs, from `Enum.frequencies_by` or a reduction."""
    counts: Sequence[Maker] = (steps.above, steps.below, steps.unlike, steps.remainder)

    def often(draw: random.Random) -> Step:
        step = draw.choice(counts)(draw)
        while not step.run(1) ^ step.run(2):
            step = draw.choice(counts)(draw)
        return step

    pools: list[Sequence[Maker]] = [(key_of,), (often,), (counted,)]
    chosen = picked(rng, pools)

    def rest(made: Sequence[Step]) -> list[str]:
        return [f"Enum.filter(fn {{_, n}} -> {of(made[1], 'n')} end)", made[2].code]

    def by(made: Sequence[Step]) -> list[str]:
        key = "Enum.frequencies()"
        if made[0].kind != "word":
            key = f"Enum.frequencies_by(fn word -> {of(made[0], 'word')} end)"
        return piped("words", [key, *rest(made)])

    def reduced(made: Sequence[Step]) -> list[str]:
        change = f"Map.update(acc, {of(made[0], 'word')}, 1, &(&1 + 1))"
        first = f"counts = Enum.reduce(words, %{{}}, fn word, acc -> {change} end)"
        return [first, *assigned("counts", rest(made))]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found: dict[Any, int] = {}
        for word in arguments[0]:
            key = made[0].run(word)
            found[key] = found.get(key, 0) + 1
        return made[2].run([(k, n) for k, n in found.items() if made[1].run(n)])

    return composed(
        rng,
        chosen,
        pools,
        (by, reduced),
        request=said(
            [
                f"counts how often {chosen[0].say} occurs",
                f"keeps counts that are {chosen[1].say}",
                chosen[2].say,
            ]
        ),
        spec="([String.t()]) :: term()",
        head="(words)",
        run=run,
        inputs=(([*words(rng), *words(rng)],), ([*words(rng), "Oak"],), ([],)),
    )


def sets(rng: random.Random) -> Draft:
    """Two lists as sets: joined in some way, filtered, and made one value."""
    join = choice_of(
        {
            "union": ("joins both", "union", lambda a, b: a | b),
            "both": ("keeps what is in both", "intersection", lambda a, b: a & b),
            "rest": ("drops from left what is in right", "difference", lambda a, b: a - b),
        }
    )
    end = choice_of(
        {
            "list": ("returns them sorted", "Enum.sort()", sorted),
            "down": ("returns them sorted down", "Enum.sort(:desc)", lambda s: sorted(s)[::-1]),
            "size": ("returns how many there are", "Enum.count()", len),
            "sum": ("returns their sum", "Enum.sum()", sum),
        }
    )
    lists = {
        "union": "Enum.uniq(left ++ right)",
        "both": "left |> Enum.filter(&(&1 in right)) |> Enum.uniq()",
        "rest": "left |> Enum.reject(&(&1 in right)) |> Enum.uniq()",
    }
    pools: list[Sequence[Maker]] = [(join,), steps.CONDITIONS, (end,)]
    chosen = picked(rng, pools)

    def mapset(made: Sequence[Step]) -> list[str]:
        way, condition, ending = made
        stages = [
            f"MapSet.{way.code}(MapSet.new(right))",
            f"MapSet.filter(&({of(condition, '&1')}))",
        ]
        return piped("left", ["MapSet.new()", *stages, ending.code])

    def listed(made: Sequence[Step]) -> list[str]:
        way, condition, ending = made
        kept = applied(f"Enum.filter(&({of(condition, '&1')}))", "found")
        return [f"found = {lists[way.kind]}", f"found = {kept}", applied(ending.code, "found")]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        way, condition, ending = made
        both = way.run(*map(set, arguments))
        return ending.run({x for x in both if condition.run(x)})

    def some() -> list[int]:
        return [rng.randint(-4, 12) for _ in range(7)]

    way, condition, ending = chosen
    return composed(
        rng,
        chosen,
        pools,
        (mapset, listed),
        request=said([way.say, f"keeps numbers that are {condition.say}", ending.say]),
        spec="([integer()], [integer()]) :: term()",
        head="(left, right)",
        run=run,
        inputs=((some(), some()), (some(), some()), ([], some())),
    )


def merges(rng: random.Random) -> Draft:
    """Two maps of numbers made one: keys in both, some of the values, and what becomes of them."""
    pools: list[Sequence[Maker]] = [(pair,), steps.CONDITIONS, steps.TRANSFORMS]
    chosen = picked(rng, pools)

    def rest(made: Sequence[Step]) -> list[str]:
        return [
            f"Map.filter(fn {{_, n}} -> {of(made[1], 'n')} end)",
            f"Map.new(fn {{k, n}} -> {{k, {of(made[2], 'n')}}} end)",
        ]

    def merged(made: Sequence[Step]) -> list[str]:
        first = f"Map.merge(right, fn _, a, b -> {made[0].code} end)"
        return piped("left", [first, *rest(made)])

    def reduced(made: Sequence[Step]) -> list[str]:
        return [
            "right",
            "|> Enum.reduce(left, fn {k, b}, acc ->",
            f"  Map.update(acc, k, b, fn a -> {made[0].code} end)",
            "end)",
            *(f"|> {code}" for code in rest(made)),
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        left, right = arguments
        both = {
            **left,
            **{k: made[0].run(left[k], v) if k in left else v for k, v in right.items()},
        }
        return {k: made[2].run(v) for k, v in both.items() if made[1].run(v)}

    def some(number: int) -> Any:
        return {Atom(k): rng.randint(-3, 15) for k in sorted(rng.sample(KEYS[:5], number))}

    way, condition, change = chosen
    return composed(
        rng,
        chosen,
        pools,
        (merged, reduced),
        request=said(
            [
                "merges both maps",
                f"takes {way.say} where a key has a in left and b in right",
                f"keeps values that are {condition.say}",
                told(change, "each value"),
            ]
        ),
        spec="(map(), map()) :: map()",
        head="(left, right)",
        run=run,
        inputs=((some(4), some(4)), (some(3), some(4)), (some(4), some(3)), ({}, some(2))),
    )
