"""A family over structs: updates of their fields."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import drawn, misses_of, of, piped, said, through, told
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.records import KEYS
from ectrain_elixir.katas.values import Struct


def structs(rng: random.Random, length: int | None = None) -> Draft:
    """A struct through updates of its fields."""
    module = rng.choice(("Account", "Player", "Basket", "Sensor"))
    fields = rng.sample(KEYS, 2)

    def change(draw: random.Random) -> Step:
        field, inner = draw.choice(fields), draw.choice(steps.TRANSFORMS)(draw)
        code = f"%{{s | {field}: {of(inner, f's.{field}')}}}"
        return Step(
            inner.kind, told(inner, field), code, lambda s: {**s, field: inner.run(s[field])}
        )

    count = length or rng.choice((1, 2, 2))
    chosen = drawn(rng, (change,), count, distinct=length is None)

    def body(made: Sequence[Step]) -> list[str]:
        return [*(f"s = {step.code}" for step in made[:-1]), made[-1].code]

    def updates(made: Sequence[Step]) -> list[str]:
        parts = [re.fullmatch(r"%\{s \| (\w+): (.*)\}", step.code, re.DOTALL) for step in made]
        found = [(part[1], part[2]) for part in parts if part]
        codes = [f"Map.update!(:{k}, fn n -> {v.replace(f's.{k}', 'n')} end)" for k, v in found]
        return piped("s", codes)

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        (struct,) = arguments
        return Struct(module, tuple(through(made, dict(struct.fields)).items()))

    def value() -> Struct:
        return Struct(module, tuple((field, rng.randint(-6, 15)) for field in fields))

    return Draft(
        steps=tuple(chosen),
        request=said([step.say for step in chosen]),
        spec="(struct()) :: struct()",
        head="(s)",
        body=body,
        idioms=(updates,),
        run=run,
        inputs=((value(),), (value(),), (value(),)),
        misses=misses_of(rng, chosen, [(change,)] * count),
        preamble=(f"defstruct {fields[0]}: 0, {fields[1]}: 0",),
    )
