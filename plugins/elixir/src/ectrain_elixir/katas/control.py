"""Families of control flow: comprehensions, recursion, reductions, `cond` and guards."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, drawn, grouped, misses_of, of, told
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import Atom, integers


def comprehension(rng: random.Random) -> Draft:
    """A `for` with conditions and a change."""
    count = rng.choice((1, 2, 2))
    chosen = [*drawn(rng, steps.CONDITIONS, count), rng.choice(steps.TRANSFORMS)(rng)]
    pools: list[Sequence[Maker]] = [*[steps.CONDITIONS] * count, steps.TRANSFORMS]
    conditions = " and ".join(step.say for step in chosen[:-1])

    def body(made: Sequence[Step]) -> list[str]:
        filters = ", ".join(of(step, "x") for step in made[:-1])
        return [f"for x <- list, {filters}, do: {of(made[-1], 'x')}"]

    def flat(made: Sequence[Step]) -> list[str]:
        kept = " and ".join(of(step, "x") for step in made[:-1])
        return [
            "Enum.flat_map(list, fn x ->",
            f"  if {kept}, do: [{of(made[-1], 'x')}], else: []",
            "end)",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        kept = [x for x in arguments[0] if all(step.run(x) for step in made[:-1])]
        return [made[-1].run(x) for x in kept]

    return Draft(
        steps=tuple(chosen),
        request=f"For each number that is {conditions}, {told(chosen[-1], 'it')}.",
        spec="([integer()]) :: [integer()]",
        head="(list)",
        body=body,
        idioms=(flat,),
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
        misses=misses_of(rng, chosen, pools),
    )


def recursion(rng: random.Random) -> Draft:
    """Clauses over a list: a condition, a change, and how results come together."""
    name = "run"
    ways: dict[str, tuple[str, Callable[[Any, Any], Any], Any, str]] = {
        "collect": ("[{} | {}]", lambda x, rest: [x, *rest], [], "[]"),
        "sum": ("{} + {}", lambda x, rest: x + rest, 0, "0"),
        "largest": ("max({}, {})", max, 0, "0"),
    }
    say = {"collect": "collects them", "sum": "sums them", "largest": "finds the largest, or 0"}

    def gather(draw: random.Random) -> Step:
        kind = draw.choice(list(ways))
        return Step(kind, say[kind], kind, lambda x: x)

    pools: list[Sequence[Maker]] = [steps.CONDITIONS[:3], steps.TRANSFORMS, (gather,)]
    chosen = [rng.choice(pool)(rng) for pool in pools]

    def body(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        joined, _, _, empty = ways[way.code]
        result = joined.format(of(change, "h"), f"{name}(t)")
        return [
            f"def {name}([]), do: {empty}",
            f"def {name}([h | t]) when {of(condition, 'h')}, do: {result}",
            f"def {name}([_ | t]), do: {name}(t)",
        ]

    def folded(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        joined, _, _, empty = ways[way.code]
        return [
            f"def {name}(list) do",
            f"  List.foldr(list, {empty}, fn x, acc ->",
            f"    if {of(condition, 'x')}, do: {joined.format(of(change, 'x'), 'acc')}, else: acc",
            "  end)",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        _, combine, result, _ = ways[way.code]
        for x in reversed(arguments[0]):
            if condition.run(x):
                result = combine(change.run(x), result)
        return result

    return Draft(
        steps=tuple(chosen),
        request=f"Of numbers that are {chosen[0].say}, {told(chosen[1], 'each')} and "
        f"{chosen[2].say}.",
        spec="([integer()]) :: term()",
        head=None,
        body=body,
        idioms=(folded,),
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
        misses=misses_of(rng, chosen, pools),
    )


def reduction(rng: random.Random) -> Draft:
    """`Enum.reduce` with a condition and a change."""
    ways: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
        "plus": ("acc + {}", lambda acc, x: acc + x),
        "minus": ("acc - {}", lambda acc, x: acc - x),
        "highest": ("max(acc, {})", max),
        "lowest": ("min(acc, {})", min),
    }
    say = {"plus": "adds it", "minus": "subtracts it"}
    say |= {"highest": "keeps the highest", "lowest": "keeps the lowest"}
    start = rng.randint(0, 9)

    def gather(draw: random.Random) -> Step:
        kind = draw.choice(list(ways))
        return Step(kind, say[kind], kind, lambda x: x)

    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (gather,)]
    chosen = [rng.choice(pool)(rng) for pool in pools]

    def body(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        changed = of(change, "x")
        result = ways[way.code][0].format(grouped(changed) if way.code == "minus" else changed)
        return [
            f"Enum.reduce(list, {start}, fn x, acc ->",
            f"  if {of(condition, 'x')}, do: {result}, else: acc",
            "end)",
        ]

    def staged(made: Sequence[Step]) -> list[str]:
        condition, change, way = made
        return [
            "list",
            f"|> Enum.filter(&({of(condition, '&1')}))",
            f"|> Enum.map(&({of(change, '&1')}))",
            f"|> Enum.reduce({start}, fn x, acc -> {ways[way.code][0].format('x')} end)",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, way = made
        acc = start
        for x in arguments[0]:
            if condition.run(x):
                acc = ways[way.code][1](acc, change.run(x))
        return acc

    return Draft(
        steps=tuple(chosen),
        request=f"From {start}, for numbers that are {chosen[0].say}, "
        f"{told(chosen[1], 'each')} and {chosen[2].say}.",
        spec="([integer()]) :: integer()",
        head="(list)",
        body=body,
        idioms=(staged,),
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([],)),
        misses=misses_of(rng, chosen, pools),
    )


def decisions(rng: random.Random) -> Draft:
    """`cond` with conditions and changes."""
    pools: list[Sequence[Maker]] = [
        steps.CONDITIONS, steps.TRANSFORMS, steps.CONDITIONS, steps.TRANSFORMS
    ]  # fmt: skip
    chosen = [rng.choice(pool)(rng) for pool in pools]

    def body(made: Sequence[Step]) -> list[str]:
        first, one, second, other = made
        return [
            "cond do",
            f"  {of(first, 'n')} -> {of(one, 'n')}",
            f"  {of(second, 'n')} -> {of(other, 'n')}",
            "  true -> n",
            "end",
        ]

    def branches(made: Sequence[Step]) -> list[str]:
        first, one, second, other = made
        return [
            f"if {of(first, 'n')} do",
            f"  {of(one, 'n')}",
            "else",
            f"  if {of(second, 'n')}, do: {of(other, 'n')}, else: n",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        first, one, second, other = made
        (n,) = arguments
        return one.run(n) if first.run(n) else other.run(n) if second.run(n) else n

    first, one, second, other = chosen
    return Draft(
        steps=tuple(chosen),
        request=f"If n is {first.say}, {told(one, 'it')}; else if {second.say}, "
        f"{told(other, 'it')}; else n.",
        spec="(integer()) :: integer()",
        head="(n)",
        body=body,
        idioms=(branches,),
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-6, 16), 5)),
        misses=misses_of(rng, chosen, pools),
    )


def guards(rng: random.Random) -> Draft:
    """Clauses with guards that name a number."""
    labels = rng.sample(("low", "high", "odd", "even", "big", "small", "good", "bad"), 3)
    count = rng.choice((1, 2, 2))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS] * count
    chosen = drawn(rng, steps.CONDITIONS, count)
    name = "label"

    def body(made: Sequence[Step]) -> list[str]:
        clauses = [
            f"def {name}(n) when {of(step, 'n')}, do: :{label}"
            for step, label in zip(made, labels, strict=False)
        ]
        return [*clauses, f"def {name}(_), do: :{labels[-1]}"]

    def conditions(made: Sequence[Step]) -> list[str]:
        lines = [
            f"    {of(step, 'n')} -> :{label}" for step, label in zip(made, labels, strict=False)
        ]
        last = [f"    true -> :{labels[-1]}", "  end", "end"]
        return [f"def {name}(n) do", "  cond do", *lines, *last]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        for step, label in zip(made, labels, strict=False):
            if step.run(arguments[0]):
                return Atom(label)
        return Atom(labels[-1])

    parts = [f":{label} if n is {s.say}" for s, label in zip(chosen, labels, strict=False)]
    return Draft(
        steps=tuple(chosen),
        request=f"Returns {', '.join(parts)}, else :{labels[-1]}.",
        spec="(integer()) :: atom()",
        head=None,
        body=body,
        idioms=(conditions,),
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-6, 16), 6)),
        misses=misses_of(rng, chosen, pools),
    )
