"""Families that make something: functions as values, structs from options."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    choice_of,
    composed,
    drawn,
    of,
    picked,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.records import KEYS
from ectrain_elixir.katas.values import Atom, Struct

taking = choice_of(
    {
        "plus": ("adds k to a number", "x + k", lambda x, k: x + k),
        "times": ("multiplies a number by k", "x * k", lambda x, k: x * k),
        "minus": ("subtracts k from a number", "x - k", lambda x, k: x - k),
        "most": ("limits a number to at most k", "min(x, k)", min),
        "least": ("lifts a number to at least k", "max(x, k)", max),
    }
)


def closures(rng: random.Random) -> Draft:
    """A function that returns a function."""
    count = rng.choice((1, 2))
    chosen = [taking(rng), *drawn(rng, steps.TRANSFORMS, count)]
    pools: list[Sequence[Maker]] = [(taking,), *[steps.TRANSFORMS] * count]

    def inline(made: Sequence[Step]) -> list[str]:
        first, *middle, last = made
        lines = [f"x = {first.code}", *(f"x = {of(step, 'x')}" for step in middle), of(last, "x")]
        return ["fn x ->", *(f"  {line}" for line in lines), "end"]

    def listed(made: Sequence[Step]) -> list[str]:
        rest = [f"  &({of(step, '&1')})" for step in made[1:]]
        first = f"  fn x -> {made[0].code} end"
        functions = [f"{line}," for line in (first, *rest[:-1])]
        return [
            "changes = [",
            *functions,
            rest[-1],
            "]",
            "",
            "fn x -> Enum.reduce(changes, x, fn change, acc -> change.(acc) end) end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        k, x = arguments
        return through(made[1:], made[0].run(x, k))

    rest = ", then ".join(told(step, "it") for step in chosen[1:])
    return composed(
        rng,
        chosen,
        pools,
        (inline, listed),
        request=f"Returns a function that {chosen[0].say}, then {rest}.",
        spec="(integer()) :: (integer() -> integer())",
        head="(k)",
        run=run,
        inputs=tuple((rng.randint(1, 8), rng.randint(-6, 14)) for _ in range(5)),
        call=lambda function, values: [f"{function}({values[0]}).({values[1]})"],
    )


def constructors(rng: random.Random) -> Draft:
    """A struct made from options, if they are good."""
    module = rng.choice(("Invoice", "Voucher", "Policy", "Booking"))
    one, other = rng.sample(KEYS, 2)
    first, second = rng.randint(0, 9), rng.randint(0, 9)
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, steps.TRANSFORMS]
    chosen = picked(rng, pools)

    def made_of(made: Sequence[Step], name: str) -> str:
        parts = of(made[1], f"{name}.{one}"), of(made[2], f"{name}.{other}")
        return f"%{{{name} | {one}: {parts[0]}, {other}: {parts[1]}}}"

    def branch(made: Sequence[Step]) -> list[str]:
        return [
            "new = struct!(__MODULE__, opts)",
            "",
            f"if {of(made[0], f'new.{one}')} do",
            f"  {{:ok, {made_of(made, 'new')}}}",
            "else",
            f"  {{:error, :{one}}}",
            "end",
        ]

    def cases(made: Sequence[Step]) -> list[str]:
        return [
            "case struct!(__MODULE__, opts) do",
            f"  %__MODULE__{{{one}: n}} = new when {of(made[0], 'n')} ->",
            f"    {{:ok, {made_of(made, 'new')}}}",
            "",
            "  _ ->",
            f"    {{:error, :{one}}}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        given = {str(k): v for k, v in arguments[0]}
        a, b = given.get(one, first), given.get(other, second)
        if not made[0].run(a):
            return Atom("error"), Atom(one)
        return Atom("ok"), Struct(module, ((one, made[1].run(a)), (other, made[2].run(b))))

    condition, change, change_other = chosen
    options = [
        [(Atom(one), n), (Atom(other), rng.randint(-4, 12))] for n in rng.sample(range(-4, 14), 4)
    ]
    return composed(
        rng,
        chosen,
        pools,
        (branch, cases),
        request=f"Makes a struct from options: {{:ok, struct}} if :{one} is {condition.say}, else "
        f"{{:error, :{one}}}. In it, {told(change, f':{one}')} and "
        f"{told(change_other, f':{other}')}.",
        preamble=(f"defstruct {one}: {first}, {other}: {second}", ""),
        spec="(keyword()) :: {:ok, struct()} | {:error, atom()}",
        head="(opts)",
        run=run,
        inputs=(*((o,) for o in options), ([],), ([(Atom(other), 5)],)),
        module=module,
    )
