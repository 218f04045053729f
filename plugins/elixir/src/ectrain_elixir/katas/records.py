"""Families over values with parts: maps, results, options, tuples, structs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    assigned,
    drawn,
    grouped,
    misses_of,
    of,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import Atom

KEYS = ("size", "age", "price", "count", "level", "score", "width", "total")


def maps(rng: random.Random, length: int | None = None) -> Draft:
    """A pipe over a map."""
    keys = rng.sample(KEYS, 4)

    def key(draw: random.Random) -> Atom:
        return Atom(draw.choice(keys))

    def put(draw: random.Random) -> Step:
        k, n = key(draw), draw.randint(1, 20)
        return Step("put", f"sets :{k} to {n}", f"Map.put(:{k}, {n})", lambda m: {**m, k: n})

    def delete(draw: random.Random) -> Step:
        k = key(draw)
        say = f"removes :{k}"
        return Step(
            "delete", say, f"Map.delete(:{k})", lambda m: {a: b for a, b in m.items() if a != k}
        )

    def update(draw: random.Random) -> Step:
        k, n, change = (key(draw), draw.randint(1, 9), draw.choice(steps.TRANSFORMS)(draw))
        code = f"Map.update(:{k}, {n}, &({of(change, '&1')}))"
        say = f"{told(change, f':{k}')}, or puts {n}"
        return Step(
            f"update_{change.kind}",
            say,
            code,
            lambda m: {**m, k: change.run(m[k]) if k in m else n},
        )

    def only(draw: random.Random) -> Step:
        a, b = draw.sample(keys, 2)
        code = f"Map.take([:{a}, :{b}])"
        say = f"keeps only :{a} and :{b}"
        return Step("take", say, code, lambda m: {k: v for k, v in m.items() if k in (a, b)})

    def size(draw: random.Random) -> Step:
        return Step("size", "returns its size", "map_size()", len)

    def values(draw: random.Random) -> Step:
        code = "Map.values()\n    |> Enum.sum()"
        return Step("sum", "returns the sum of its values", code, lambda m: sum(m.values()))

    stages: tuple[Maker, ...] = (put, delete, update, update, only)
    count = length or rng.choice((1, 2, 2, 3))
    chosen = drawn(rng, stages, count)
    pools: list[Sequence[Maker]] = [stages] * count
    if length is None and rng.random() < 0.4:
        chosen.append(rng.choice((size, values))(rng))
        pools.append((size, values))
    inputs = [{Atom(k): rng.randint(1, 20) for k in sorted(rng.sample(keys, n))} for n in (4, 3, 2)]
    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec="(map()) :: term()",
        head="(map)",
        body=lambda made: ["map", *(f"|> {step.code}" for step in made)],
        idioms=(lambda made: assigned("map", [step.code for step in made], "map"),),
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=(*((m,) for m in inputs), ({},)),
        misses=misses_of(rng, chosen, pools),
    )


def results(rng: random.Random) -> Draft:
    """A `with` over lookups and conditions."""
    one, other = rng.sample(KEYS, 2)

    def check(draw: random.Random) -> Step:
        return draw.choice(steps.CONDITIONS)(draw)

    pools: list[Sequence[Maker]] = [(check,), steps.TRANSFORMS]
    chosen = [check(rng), rng.choice(steps.TRANSFORMS)(rng)]
    both = rng.random() < 0.5
    if both:
        chosen.insert(1, check(rng))
        pools.insert(1, (check,))

    def body(made: Sequence[Step]) -> list[str]:
        *checks, change = made
        lines = [f"with {{:ok, a}} <- Map.fetch(map, :{one}),"]
        lines += [f"     {{:ok, b}} <- Map.fetch(map, :{other}),"] if both else []
        lines += [
            f"     true <- {of(step, name)}{',' if n < len(checks) - 1 else ' do'}"
            for n, (step, name) in enumerate(zip(checks, "ab", strict=False))
        ]
        result = f"a + {grouped(of(change, 'b'))}" if both else of(change, "a")
        return [*lines, f"  {{:ok, {result}}}", "else", "  _ -> :error", "end"]

    def cases(made: Sequence[Step]) -> list[str]:
        *checks, change = made
        pattern = f"%{{{one}: a, {other}: b}}" if both else f"%{{{one}: a}}"
        kept = " and ".join(of(step, n) for step, n in zip(checks, "ab", strict=False))
        result = f"a + {grouped(of(change, 'b'))}" if both else of(change, "a")
        return [
            "case map do",
            f"  {pattern} when {kept} -> {{:ok, {result}}}",
            "  _ -> :error",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        *checks, change = made
        (m,) = arguments
        wanted = [one, other][: len(checks)]
        if any(k not in m for k in wanted):
            return Atom("error")
        if not all(step.run(m[k]) for step, k in zip(checks, wanted, strict=True)):
            return Atom("error")
        last = change.run(m[wanted[-1]])
        return (Atom("ok"), m[one] + last if both else last)

    named = zip(chosen[:-1], (one, other), strict=False)
    conditions = " and ".join(f":{k} is {step.say}" for step, k in named)
    result = told(chosen[-1], f":{other if both else one}") + (f" and adds :{one}" if both else "")
    return Draft(
        steps=tuple(chosen),
        request=f"If {conditions}, {result} as {{:ok, n}}, else :error.",
        spec="(map()) :: {:ok, integer()} | :error",
        head="(map)",
        body=body,
        idioms=(cases,),
        run=run,
        inputs=(
            *(
                ({Atom(one): rng.randint(-3, 14), Atom(other): rng.randint(-3, 14)},)
                for _ in range(5)
            ),
            ({},),
        ),
        misses=misses_of(rng, chosen, pools),
    )


def options(rng: random.Random) -> Draft:
    """A function with options and their defaults."""
    one, other = rng.sample(KEYS, 2)
    first, second = rng.randint(1, 9), rng.randint(1, 9)
    forms: dict[str, tuple[str, Any, str]] = {
        "times_plus": ("n * a + b", lambda n, a, b: n * a + b, "n times :{0} plus :{1}"),
        "plus_times": ("(n + a) * b", lambda n, a, b: (n + a) * b, "n plus :{0}, times :{1}"),
        "clamp": ("max(a, min(n, b))", lambda n, a, b: max(a, min(n, b)), "n in :{0}..:{1}"),
        "minus": ("n - a - b", lambda n, a, b: n - a - b, "n minus :{0} minus :{1}"),
        "product": ("n * a * b", lambda n, a, b: n * a * b, "n times :{0} times :{1}"),
        "spread": ("abs(n - a) + b", lambda n, a, b: abs(n - a) + b, "n's gap to :{0} plus :{1}"),
    }  # fmt: skip

    def form(draw: random.Random) -> Step:
        kind = draw.choice(list(forms))
        code, run_form, say = forms[kind]
        return Step(kind, say.format(one, other), code, lambda nab: run_form(*nab))

    chosen = [form(rng), rng.choice(steps.TRANSFORMS)(rng)]
    pools: list[Sequence[Maker]] = [(form,), steps.TRANSFORMS]

    def body(made: Sequence[Step]) -> list[str]:
        return [
            f"a = Keyword.get(opts, :{one}, {first})",
            f"b = Keyword.get(opts, :{other}, {second})",
            f"x = {made[0].code}",
            of(made[1], "x"),
        ]

    def merged(made: Sequence[Step]) -> list[str]:
        return [
            f"all = Keyword.merge([{one}: {first}, {other}: {second}], opts)",
            f"{{a, b}} = {{all[:{one}], all[:{other}]}}",
            f"x = {made[0].code}",
            of(made[1], "x"),
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        n, opts = arguments
        given = {str(k): v for k, v in opts}
        return made[1].run(made[0].run((n, given.get(one, first), given.get(other, second))))

    return Draft(
        steps=tuple(chosen),
        request=f"Takes {chosen[0].say} (defaults {first} and {second}), "
        f"then {told(chosen[1], 'it')}.",
        spec="(integer(), keyword()) :: integer()",
        head="(n, opts \\\\ [])",
        body=body,
        idioms=(merged,),
        run=run,
        inputs=(
            (rng.randint(-5, 12), []),
            (rng.randint(-5, 12), [(Atom(one), rng.randint(1, 9))]),
            (rng.randint(-5, 12), [(Atom(other), rng.randint(1, 9)), (Atom(one), 4)]),
        ),
        misses=misses_of(rng, chosen, pools),
    )


def tuples(rng: random.Random) -> Draft:
    """A tuple into another one, part by part."""
    forms: dict[str, tuple[str, Any, str]] = {
        "sum": ("a + b", lambda a, b: a + b, "the sum"),
        "difference": ("a - b", lambda a, b: a - b, "the difference"),
        "product": ("a * b", lambda a, b: a * b, "the product"),
        "larger": ("max(a, b)", max, "the larger"),
        "smaller": ("min(a, b)", min, "the smaller"),
        "equal": ("a == b", lambda a, b: a == b, "whether both are equal"),
        "ordered": ("a < b", lambda a, b: a < b, "whether a is below b"),
        "square_plus": ("a * a + b", lambda a, b: a * a + b, "a squared plus b"),
        "distance": ("abs(a - b)", lambda a, b: abs(a - b), "the distance"),
    }

    def part(draw: random.Random) -> Step:
        kind = draw.choice(list(forms))
        code, run_part, say = forms[kind]
        return Step(kind, say, code, lambda ab: run_part(*ab))

    count = rng.choice((2, 2, 3))
    chosen = drawn(rng, (part,), count)
    parts = [step.say for step in chosen]

    def bound(made: Sequence[Step]) -> list[str]:
        lines = [f"{x} = {step.code}" for x, step in zip("xyz", made, strict=False)]
        return [*lines, f"{{{', '.join('xyz'[: len(made)])}}}"]

    return Draft(
        steps=tuple(chosen),
        request=f"Returns a tuple of {', '.join(parts[:-1])} and {parts[-1]}.",
        spec="({integer(), integer()}) :: tuple()",
        head="({a, b})",
        body=lambda made: [f"{{{', '.join(step.code for step in made)}}}"],
        idioms=(bound,),
        run=lambda made, arguments: tuple(step.run(arguments[0]) for step in made),
        inputs=(*(((rng.randint(-5, 9), rng.randint(-5, 9)),) for _ in range(3)), ((3, 3),)),
        misses=misses_of(rng, chosen, [(part,)] * count),
    )
