"""Families of several lists: two parts of one, and every pair of two."""

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
    said,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.parts import pair
from ectrain_elixir.katas.values import integers

part = choice_of(
    {
        "sum": ("the sum", "Enum.sum()", sum),
        "count": ("the count", "length()", len),
        "max": (
            "the largest (or nil)",
            "Enum.max(fn -> nil end)",
            lambda xs: max(xs, default=None),
        ),
        "sort": ("the sorted list", "Enum.sort()", sorted),
        "reverse": ("the reversed list", "Enum.reverse()", lambda xs: [*reversed(xs)]),
    }
)


def partitions(rng: random.Random) -> Draft:
    """Two parts of a list, from `Enum.split_with` or two filters, each made one value."""
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, (part,), (part,)]
    chosen = picked(rng, pools)

    def split(made: Sequence[Step]) -> list[str]:
        condition, one, other = made
        return [
            f"{{yes, no}} = Enum.split_with(list, &({of(condition, '&1')}))",
            f"{{{applied(one.code, 'yes')}, {applied(other.code, 'no')}}}",
        ]

    def filtered(made: Sequence[Step]) -> list[str]:
        condition, one, other = made
        return [
            f"yes = Enum.filter(list, fn x -> {of(condition, 'x')} end)",
            f"no = Enum.reject(list, fn x -> {of(condition, 'x')} end)",
            f"{{{applied(one.code, 'yes')}, {applied(other.code, 'no')}}}",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, one, other = made
        yes = [x for x in arguments[0] if condition.run(x)]
        no = [x for x in arguments[0] if not condition.run(x)]
        return one.run(yes), other.run(no)

    condition, one, other = chosen
    return composed(
        rng,
        chosen,
        pools,
        (split, filtered),
        request=f"Returns a tuple of {one.say} of numbers that are {condition.say} and "
        f"{other.say} of the rest.",
        spec="([integer()]) :: {term(), term()}",
        head="(list)",
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
    )


relation = choice_of(
    {
        "below": ("a is less than b", "a < b", lambda a, b: a < b),
        "unlike": ("a and b differ", "a != b", lambda a, b: a != b),
        "even": ("a plus b is even", "rem(a + b, 2) == 0", lambda a, b: (a + b) % 2 == 0),
        "above": ("a is at least b", "a >= b", lambda a, b: a >= b),
    }
)


def products(rng: random.Random) -> Draft:
    """Every pair of two lists, from a comprehension with two generators or `Enum.flat_map`."""
    pools: list[Sequence[Maker]] = [(relation,), (pair,), steps.STAGES]
    chosen = picked(rng, pools)

    def comprehension(made: Sequence[Step]) -> list[str]:
        condition, way, stage = made
        first = f"pairs = for a <- left, b <- right, {condition.code}, do: {way.code}"
        return [first, *assigned("pairs", [stage.code])]

    def flat(made: Sequence[Step]) -> list[str]:
        condition, way, stage = made
        return [
            "left",
            "|> Enum.flat_map(fn a ->",
            f"  right |> Enum.filter(fn b -> {condition.code} end)"
            f" |> Enum.map(fn b -> {way.code} end)",
            "end)",
            f"|> {stage.code}",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, way, stage = made
        left, right = arguments
        return stage.run([way.run(a, b) for a in left for b in right if condition.run(a, b)])

    condition, way, stage = chosen
    first = f"takes {way.say} for all a in left and b in right for which {condition.say}"
    return composed(
        rng,
        chosen,
        pools,
        (comprehension, flat),
        request=said([first, stage.say]),
        spec="([integer()], [integer()]) :: [integer()]",
        head="(left, right)",
        run=run,
        inputs=tuple(([*{*integers(rng)}][:3], integers(rng)[:3]) for _ in range(3)),
    )
