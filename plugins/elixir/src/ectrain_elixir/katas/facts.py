"""Katas that only facts about their surroundings make solvable: one hop (level 1) or two (level 2).

A doc names a module, a struct or a field of the code around the target. What the answer must call
or update is told by facts in the prompt, among others that don't matter, in any order. Properties
are those of the elixir-ontologies vocabulary.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    assigned,
    drawn,
    misses_of,
    of,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Fact, Step
from ectrain_elixir.katas.values import Struct, integers

RULES = ("Tolls", "Rates", "Fees", "Tariffs", "Quotas", "Bonuses")
FUNCTIONS = ("levy", "cut", "lift", "adjust", "weigh", "shift", "settle", "bend")
OWNERS = ("Basket", "Player", "Garage", "Studio", "Harbor", "Depot")
STRUCTS = ("Account", "Wallet", "Tank", "Meter", "Ticket", "Parcel")
HOLDERS = ("owner", "backup", "source", "target", "first", "spare")
FIELDS = ("cents", "liters", "points", "grams", "hours", "seats", "miles", "volts")

MOST_OTHERS = 2  # things of the same kind that the answer does not need


def rules(rng: random.Random, level: int) -> Draft:
    """A pipe over numbers in which a function of another module is applied.

    Level 1 names the module and facts tell its function; level 2 names a module that imports it.
    """
    count = 1 + rng.randint(0, MOST_OTHERS)
    modules, functions = rng.sample(RULES, count), rng.sample(FUNCTIONS, count)
    owners = rng.sample(OWNERS, count)
    inner = [rng.choice(steps.TRANSFORMS)(rng) for _ in range(count)]
    told_as = (
        f"applies the rule of {owners[0]} to each"
        if level == 2
        else f"applies {modules[0]} to each"
    )

    def applied(draw: random.Random, number: int) -> Step:
        code = f"Enum.map(&{modules[number]}.{functions[number]}/1)"
        return Step("apply", told_as, code, lambda xs: [*map(inner[number].run, xs)])

    others: list[Maker] = [partial(applied, number=number) for number in range(1, count)]
    chosen = drawn(rng, steps.STAGES, rng.choice((1, 1, 2)))
    pools: list[Sequence[Maker]] = [steps.STAGES] * len(chosen)
    at = rng.randint(0, len(chosen))
    chosen.insert(at, applied(rng, 0))
    pools.insert(at, others or [steps.mapped])
    if rng.random() < 0.3:
        chosen.append(rng.choice(steps.ENDINGS)(rng))
        pools.append(steps.ENDINGS)
    facts = [Fact(m, "containsFunction", f"{f}/1") for m, f in zip(modules, functions, strict=True)]
    needed = facts[:1]
    code = [
        f"defmodule {m} do\n  def {f}(x), do: {of(step, 'x')}\nend\n"
        for m, f, step in zip(modules, functions, inner, strict=True)
    ]
    if level == 2:
        facts += [Fact(o, "importsFrom", m) for o, m in zip(owners, modules, strict=True)]
        needed = [facts[count], facts[0]]
        code += [
            f"defmodule {o} do\n  import {m}\n  def total(x), do: {f}(x)\nend\n"
            for o, m, f in zip(owners, modules, functions, strict=True)
        ]
    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec="([integer()]) :: term()",
        head="(list)",
        body=lambda made: piped("list", [step.code for step in made]),
        idioms=(lambda made: assigned("list", [step.code for step in made]),),
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=((integers(rng),), (integers(rng),), ([],)),
        misses=misses_of(rng, chosen, pools),
        level=level,
        facts=tuple(rng.sample(facts, len(facts))),
        surroundings="".join(code),
        needed=tuple(needed),
    )


def fields(rng: random.Random, level: int) -> Draft:
    """Updates of a value in a struct.

    Level 1 names the struct and facts tell its field; level 2 names a field that holds the struct.
    """
    count = 1 + rng.randint(0, MOST_OTHERS)
    structs, names = rng.sample(STRUCTS, count), rng.sample(FIELDS, count)
    holders, outer = rng.sample(HOLDERS, count), rng.choice(OWNERS)
    path = f"s.{holders[0]}.{names[0]}" if level == 2 else f"s.{names[0]}"
    thing = f"the value of the {holders[0]}" if level == 2 else f"the value of {structs[0]}"

    def change(draw: random.Random) -> Step:
        inner = draw.choice(steps.TRANSFORMS)(draw)
        code = f"update_in({path}, &({of(inner, '&1')}))"
        return Step(inner.kind, told(inner, thing), code, inner.run)

    chosen = drawn(rng, (change,), rng.choice((1, 2, 2, 3)))

    def body(made: Sequence[Step]) -> list[str]:
        return [*(f"s = {step.code}" for step in made[:-1]), made[-1].code]

    def keyed(made: Sequence[Step]) -> list[str]:
        keys = ", ".join(f"Access.key(:{key})" for key in path.split(".")[1:])
        return piped("s", [step.code.replace(f"{path}, ", f"[{keys}], ") for step in made])

    inner = [Struct(struct, ((name, 0),)) for struct, name in zip(structs, names, strict=True)]
    whole = Struct(outer, tuple(zip(holders, inner, strict=True))) if level == 2 else inner[0]
    way = path.split(".")[1:]

    def value(number: int) -> Struct:
        return updated(whole, way, lambda _: number)

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        return updated(arguments[0], way, lambda number: through(made, number))

    facts = [Fact(struct, "hasField", name) for struct, name in zip(structs, names, strict=True)]
    needed = facts[:1]
    code = [struct_module(struct, {name: "0"}) for struct, name in zip(structs, names, strict=True)]
    if level == 2:
        pairs = list(zip(holders, structs, strict=True))
        facts += [Fact(holder, "referencesType", struct) for holder, struct in pairs]
        needed = [facts[count], facts[0]]
        code.append(struct_module(outer, {holder: f"%{struct}{{}}" for holder, struct in pairs}))
    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec="(struct()) :: struct()",
        head="(s)",
        body=body,
        idioms=(keyed,),
        run=run,
        inputs=tuple((value(number),) for number in rng.sample(range(-6, 16), 3)),
        misses=misses_of(rng, chosen, [(change,)] * len(chosen)),
        level=level,
        facts=tuple(rng.sample(facts, len(facts))),
        surroundings="".join(code),
        needed=tuple(needed),
    )


def updated(struct: Struct, way: Sequence[str], change: Callable[[Any], Any]) -> Struct:
    """Return a struct in which what lies at the end of a way of fields is changed."""
    name, *rest = way
    found = [
        (
            field,
            (updated(value, rest, change) if rest else change(value)) if field == name else value,
        )
        for field, value in struct.fields
    ]
    return Struct(struct.module, tuple(found))


def struct_module(name: str, defaults: Mapping[str, str]) -> str:
    """Return a module with a struct, its defaults as Elixir."""
    fields = ", ".join(f"{field}: {default}" for field, default in defaults.items())
    return f"defmodule {name} do\n  defstruct {fields}\nend\n"
