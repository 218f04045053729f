"""Families of recursion over one list or number: accumulators, countdowns, stopping early."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, composed, of, picked, said, told
from ectrain_elixir.katas.gathers import WAYS, gather
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.parts import gathering
from ectrain_elixir.katas.values import integers


def _gathered(way: Step, change: Step, name: str) -> str:
    return way.code.replace("X", of(change, name))


def accumulators(rng: random.Random) -> Draft:
    """Clauses with an accumulator, which is changed at the end; or a reduction."""
    name, start = rng.choice(("walk", "total", "sweep", "gather")), rng.randint(0, 12)
    pools: list[Sequence[Maker]] = [
        steps.CONDITIONS, steps.TRANSFORMS, (gathering,), steps.TRANSFORMS
    ]  # fmt: skip
    chosen = picked(rng, pools)

    def clauses(made: Sequence[Step]) -> list[str]:
        condition, change, way, last = made
        return [
            f"def {name}(list), do: {name}(list, {start})",
            "",
            f"defp {name}([], acc), do: {of(last, 'acc')}",
            f"defp {name}([h | t], acc) when {of(condition, 'h')}, do: "
            f"{name}(t, {_gathered(way, change, 'h')})",
            f"defp {name}([_ | t], acc), do: {name}(t, acc)",
        ]

    def reduced(made: Sequence[Step]) -> list[str]:
        condition, change, way, last = made
        return [
            f"def {name}(list) do",
            "  acc =",
            f"    Enum.reduce(list, {start}, fn",
            f"      x, acc when {of(condition, 'x')} -> {_gathered(way, change, 'x')}",
            "      _, acc -> acc",
            "    end)",
            "",
            f"  {of(last, 'acc')}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way, last = made
        acc = start
        for x in arguments[0]:
            acc = way.run(acc, change.run(x)) if condition.run(x) else acc
        return last.run(acc)

    condition, change, way, last = chosen
    return composed(
        rng,
        chosen,
        pools,
        (clauses, reduced),
        request=f"Begins with {start} as the result; for each number that is {condition.say}: "
        f"{told(change, 'it')} and {way.say}. At the end {told(last, 'the result')}.",
        spec="([integer()]) :: integer()",
        head=None,
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
    )


def countdowns(rng: random.Random) -> Draft:
    """Recursion over an integer down to 0; or a range."""
    name = rng.choice(("climb", "steps_to", "fold_to", "down"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (gather,)]
    chosen = picked(rng, pools)

    def clauses(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        one = WAYS[way.kind].one.replace("V", of(change, "n")).replace("R", f"{name}(n - 1)")
        return [
            f"def {name}(0), do: {WAYS[way.kind].empty}",
            f"def {name}(n) when n > 0 and {of(condition, 'n')}, do: {one}",
            f"def {name}(n) when n > 0, do: {name}(n - 1)",
        ]

    def ranged(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        lines = [
            f"def {name}(n) when n >= 0 do",
            "  n..1//-1",
            f"  |> Enum.filter(&({of(condition, '&1')}))",
            f"  |> Enum.map(&({of(change, '&1')}))",
        ]
        return [*lines, *([f"  {WAYS[way.kind].fold}"] if WAYS[way.kind].fold else []), "end"]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        return way.run([change.run(n) for n in range(arguments[0], 0, -1) if condition.run(n)])

    condition, change, way = chosen
    return composed(
        rng,
        chosen,
        pools,
        (clauses, ranged),
        request=said(
            [
                f"counts from n down to 1 over numbers that are {condition.say}",
                told(change, "each"),
                way.say,
            ]
        ),
        spec="(non_neg_integer()) :: term()",
        head=None,
        run=run,
        inputs=tuple((n,) for n in (0, 1, *rng.sample(range(4, 14), 3))),
    )


def halting(rng: random.Random) -> Draft:
    """A reduction that stops early, from `Enum.reduce_while` or `Enum.take_while`."""
    start = rng.randint(0, 9)
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (gathering,)]
    chosen = picked(rng, pools)

    def halted(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        return [
            f"Enum.reduce_while(list, {start}, fn x, acc ->",
            f"  if {of(condition, 'x')}, do: {{:cont, {_gathered(way, change, 'x')}}}, "
            "else: {:halt, acc}",
            "end)",
        ]

    def taken(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        return [
            "list",
            f"|> Enum.take_while(&({of(condition, '&1')}))",
            f"|> Enum.reduce({start}, fn x, acc -> {_gathered(way, change, 'x')} end)",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        acc = start
        for x in arguments[0]:
            if not condition.run(x):
                return acc
            acc = way.run(acc, change.run(x))
        return acc

    condition, change, way = chosen
    return composed(
        rng,
        chosen,
        pools,
        (halted, taken),
        request=f"Begins with {start} as the result; as long as numbers are {condition.say}: "
        f"{told(change, 'each')} and {way.say}. Stops at the first that is not.",
        spec="([integer()]) :: integer()",
        head="(list)",
        run=run,
        inputs=(*((integers(rng, 0, 12),) for _ in range(4)), ([],)),
    )
