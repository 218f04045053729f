"""Families over keyed values: keyword lists, nested maps, rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    assigned,
    choice_of,
    composed,
    drawn,
    of,
    picked,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.records import KEYS
from ectrain_elixir.katas.values import Atom

Pairs = list[tuple[Atom, int]]


def keywords(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over options."""
    keys = [Atom(key) for key in rng.sample(KEYS, 4)]

    def without(pairs: Pairs, key: Atom) -> Pairs:
        return [(k, v) for k, v in pairs if k != key]

    def put(draw: random.Random) -> Step:
        k, n = draw.choice(keys), draw.randint(1, 20)
        code = f"Keyword.put(:{k}, {n})"
        return Step("put", f"sets :{k} to {n}", code, lambda ps: [(k, n), *without(ps, k)])

    def delete(draw: random.Random) -> Step:
        k = draw.choice(keys)
        return Step("delete", f"drops :{k}", f"Keyword.delete(:{k})", lambda ps: without(ps, k))

    def default(draw: random.Random) -> Step:
        k, n = draw.choice(keys), draw.randint(1, 20)
        say = f"adds :{k} as {n} unless it is there"
        code = f"Keyword.put_new(:{k}, {n})"
        return Step("put_new", say, code, lambda ps: ps if k in dict(ps) else [(k, n), *ps])

    def change(draw: random.Random) -> Step:
        k, n, inner = (draw.choice(keys), draw.randint(1, 9), draw.choice(steps.TRANSFORMS)(draw))
        code = f"Keyword.update(:{k}, {n}, &({of(inner, '&1')}))"

        def run(ps: Pairs) -> Pairs:
            if k not in dict(ps):
                return [*ps, (k, n)]
            return [(a, inner.run(v) if a == k else v) for a, v in ps]

        return Step(f"update_{inner.kind}", f"{told(inner, f':{k}')}, or puts {n}", code, run)

    def only(draw: random.Random) -> Step:
        some = draw.sample(keys, 3)
        listed = ", ".join(f":{k}" for k in some)
        code = f"Keyword.take([{listed}])"
        return Step(
            "take", f"keeps only {listed}", code, lambda ps: [p for p in ps if p[0] in some]
        )

    ending = choice_of(
        {
            "keys": ("lists the keys", "Keyword.keys()", lambda ps: [k for k, _ in ps]),
            "values": ("lists the values", "Keyword.values()", lambda ps: [v for _, v in ps]),
            "map": ("turns it into a map", "Map.new()", dict),
        }
    )
    stages: tuple[Maker, ...] = (put, delete, default, change, change, only)
    count = length or rng.choice((2, 2, 3))
    chosen, pools = drawn(rng, stages, count, distinct=length is None), [stages] * count
    if length is None and rng.random() < 0.5:
        chosen, pools = [*chosen, ending(rng)], [*pools, (ending,)]
    inputs = [[(k, rng.randint(1, 20)) for k in rng.sample(keys, n)] for n in (4, 3, 2, 0)]
    return composed(
        rng,
        chosen,
        pools,
        (
            lambda made: piped("opts", [step.code for step in made]),
            lambda made: assigned("opts", [step.code for step in made], "opts"),
        ),
        request=said([step.say for step in chosen]),
        spec="(keyword()) :: term()",
        head="(opts)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((pairs,) for pairs in inputs),
    )


def paths(rng: random.Random, length: int | None = None) -> Draft:
    """Changes deep in a nested map, by `update_in` and `put_in` or level by level."""
    outer, inner = (rng.sample(("user", "limits", "stock", "plan"), 2), rng.sample(KEYS, 2))
    ways = [(o, i) for o in outer for i in inner]

    def changed(value: Any, o: str, i: str, to: Any) -> Any:
        part = value[Atom(o)]
        return {**value, Atom(o): {**part, Atom(i): to(part[Atom(i)])}}

    def update(draw: random.Random) -> Step:
        (o, i), change = draw.choice(ways), draw.choice(steps.TRANSFORMS)(draw)
        code = f"update_in([:{o}, :{i}], &({of(change, '&1')}))"
        say = told(change, f":{i} of :{o}")
        return Step(f"update_{change.kind}", say, code, lambda m: changed(m, o, i, change.run))

    def put(draw: random.Random) -> Step:
        (o, i), n = draw.choice(ways), draw.randint(1, 30)
        code = f"put_in([:{o}, :{i}], {n})"
        return Step(
            "put", f"sets :{i} of :{o} to {n}", code, lambda m: changed(m, o, i, lambda _: n)
        )

    def level_by_level(made: Sequence[Step]) -> list[str]:
        lines = []
        for step in made:
            o, i = step.code[step.code.index("[:") + 2 : step.code.index("]")].split(", :")
            change = step.code[step.code.index("], ") + 3 : -1]
            do = f"Map.put(inner, :{i}, {change})"
            if step.kind != "put":
                do = f"Map.update!(inner, :{i}, {change})"
            lines.append(f"map = Map.update!(map, :{o}, fn inner -> {do} end)")
        return [*lines, "map"]

    stages: tuple[Maker, ...] = (update, update, put)
    count = length or rng.choice((2, 2, 3))
    chosen = drawn(rng, stages, count, distinct=length is None)

    def value() -> Any:
        return {Atom(o): {Atom(i): rng.randint(-5, 20) for i in inner} for o in outer}

    return composed(
        rng,
        chosen,
        [stages] * count,
        (lambda made: piped("map", [step.code for step in made]), level_by_level),
        request=said([step.say for step in chosen]),
        spec="(map()) :: map()",
        head="(map)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=((value(),), (value(),), (value(),)),
    )


def rows(rng: random.Random) -> Draft:
    """A list of maps: some of them, in an order, and a part of each."""
    one, other = rng.sample(KEYS, 2)

    def order(draw: random.Random) -> Step:
        field, down = draw.choice((one, other)), draw.random() < 0.5
        code = f"Enum.sort_by(& &1.{field}{', :desc' if down else ''})"
        say = f"sorts them by :{field}{' downwards' if down else ''}"
        return Step(
            "sort_desc" if down else "sort",
            say,
            code,
            lambda ms: sorted(ms, key=lambda m: m[Atom(field)], reverse=down),
        )

    def pick(draw: random.Random) -> Step:
        field = draw.choice((one, other))
        return draw.choice(
            (
                Step(
                    "list",
                    f"lists :{field} of each",
                    f"Enum.map(& &1.{field})",
                    lambda ms: [m[Atom(field)] for m in ms],
                ),
                Step(
                    "only",
                    f"keeps only :{field} of each",
                    f"Enum.map(&Map.take(&1, [:{field}]))",
                    lambda ms: [{Atom(field): m[Atom(field)]} for m in ms],
                ),
                Step(
                    "total",
                    f"sums up :{field}",
                    f"Enum.map(& &1.{field})\n|> Enum.sum()",
                    lambda ms: sum(m[Atom(field)] for m in ms),
                ),
            )
        )

    pools: list[Sequence[Maker]] = [steps.CONDITIONS, (order,), (pick,)]
    chosen = picked(rng, pools)

    def body(made: Sequence[Step]) -> list[str]:
        condition, *rest = made
        first = f"Enum.filter(&({of(condition, f'&1.{one}')}))"
        return piped("rows", [first, *(step.code for step in rest)])

    def comprehension(made: Sequence[Step]) -> list[str]:
        condition, *rest = made
        first = f"found = for %{{{one}: x}} = row <- rows, {of(condition, 'x')}, do: row"
        return [first, *assigned("found", [step.code for step in rest])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, *rest = made
        return through(rest, [m for m in arguments[0] if condition.run(m[Atom(one)])])

    def some(number: int) -> list[Any]:
        return [{Atom(k): rng.randint(0, 15) for k in sorted((one, other))} for _ in range(number)]

    first = f"keeps rows whose :{one} is {chosen[0].say}"
    return composed(
        rng,
        chosen,
        pools,
        (body, comprehension),
        request=said([first, *(step.say for step in chosen[1:])]),
        spec="([map()]) :: term()",
        head="(rows)",
        run=run,
        inputs=((some(5),), (some(4),), ([],)),
    )
