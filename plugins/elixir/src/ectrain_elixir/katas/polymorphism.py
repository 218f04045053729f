"""Families of protocols and behaviours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, choice_of, composed, drawn, of, picked, told
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import Atom, integers, words

of_list = choice_of(
    {
        "sum": ("the sum of a list", "Enum.sum(value)", sum),
        "length": ("the length of a list", "length(value)", len),
        "max": ("the largest of a list (0 if empty)", "Enum.max(value, fn -> 0 end)",
                lambda xs: max(xs, default=0)),
        "first": ("the first of a list (0 if empty)", "List.first(value, 0)",
                  lambda xs: xs[0] if xs else 0),
    }
)  # fmt: skip
of_text = choice_of(
    {
        "length": ("the length of a text", "String.length(value)", len),
        "bytes": ("8 times the length of a text", "bit_size(value)", lambda t: 8 * len(t)),
        "words": ("the number of words in a text", "length(String.split(value))",
                  lambda t: len(t.split())),
    }
)  # fmt: skip


def protocols(rng: random.Random) -> Draft:
    """A protocol implemented for numbers, lists and texts."""
    name, function = rng.choice((("Weight", "weigh"), ("Measure", "size"), ("Cost", "price")))
    pools: list[Sequence[Maker]] = [steps.TRANSFORMS, (of_list,), (of_text,)]
    chosen = picked(rng, pools)

    def impls(made: Sequence[Step]) -> list[tuple[str, str]]:
        number, listed, text = made
        types = (("Integer", of(number, "value")), ("List", listed.code), ("BitString", text.code))
        return [*types]

    def short(made: Sequence[Step]) -> list[str]:
        lines = ["def run(value), do: " + f"{name}.{function}(value)"]
        for type_, code in impls(made):
            head = f"defimpl {name}, for: {type_} do"
            lines += ["", head, f"  def {function}(value), do: {code}", "end"]
        return lines

    def long(made: Sequence[Step]) -> list[str]:
        lines = []
        for type_, code in impls(made):
            head = f"defimpl {name}, for: {type_} do"
            lines += [head, f"  def {function}(value) do", f"    {code}", "  end", "end", ""]
        return ["def run(value) do", f"  {name}.{function}(value)", "end", "", *lines[:-1]]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        (value,) = arguments
        turn = 0 if isinstance(value, int) else 1 if isinstance(value, list) else 2
        return made[turn].run(value)

    number, listed, text = chosen
    return composed(
        rng,
        chosen,
        pools,
        (short, long),
        request=f"Returns {name}.{function} of a value, which is implemented here: for an integer "
        f"it {told(number, 'it')}; otherwise {listed.say}, or {text.say}.",
        preamble=(f"defprotocol {name} do", f"  def {function}(value)", "end", ""),
        spec="(integer() | list() | String.t()) :: integer()",
        head=None,
        run=run,
        inputs=(
            *((n,) for n in rng.sample(range(-9, 15), 3)),
            *((integers(rng),), ([],)),
            *((" ".join(words(rng)),), ("oak",)),
        ),
    )


def behaviours(rng: random.Random) -> Draft:
    """The callbacks of a behaviour: which numbers, what becomes of them, and a name."""
    behaviour = rng.choice(("Rule", "Policy", "Filter", "Stage"))
    accept, change, label = rng.choice(
        (("accept?", "apply_to", "name"), ("fits?", "convert", "label"), ("match?", "handle", "id"))
    )
    named = rng.choice(("basic", "strict", "plain", "gold"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, steps.TRANSFORMS]
    chosen = [rng.choice(steps.CONDITIONS)(rng), *drawn(rng, steps.TRANSFORMS, 2)]

    def short(made: Sequence[Step]) -> list[str]:
        twice = f"({of(made[1], 'n')}) |> then(&({of(made[2], '&1')}))"
        return [
            "@impl true",
            f"def {label}, do: :{named}",
            "",
            "@impl true",
            f"def {accept}(n), do: {of(made[0], 'n')}",
            "",
            "@impl true",
            f"def {change}(n), do: {twice}",
        ]

    def long(made: Sequence[Step]) -> list[str]:
        return [
            "@impl true",
            f"def {label} do",
            f"  :{named}",
            "end",
            "",
            "@impl true",
            f"def {accept}(n) do",
            f"  {of(made[0], 'n')}",
            "end",
            "",
            "@impl true",
            f"def {change}(n) do",
            f"  n = {of(made[1], 'n')}",
            f"  {of(made[2], 'n')}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        (n,) = arguments
        return Atom(named), made[0].run(n), made[2].run(made[1].run(n))

    def call(function: str, values: tuple[Any, ...]) -> list[str]:
        module, (n,) = function.rpartition(".")[0], values
        return [f"{{{module}.{label}(), {module}.{accept}({n}), {module}.{change}({n})}}"]

    condition, one, other = chosen
    return composed(
        rng,
        chosen,
        pools,
        (long, short),
        request=f"The {behaviour} :{named}: {accept} tells whether n is {condition.say}, {change} "
        f"{told(one, 'n')}, then {told(other, 'it')}.",
        preamble=(
            f"defmodule {behaviour} do",
            f"  @callback {label}() :: atom()",
            f"  @callback {accept}(integer()) :: boolean()",
            f"  @callback {change}(integer()) :: integer()",
            "end",
            "",
            f"@behaviour {behaviour}",
            "",
        ),
        spec="() :: atom()",
        head=None,
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-6, 16), 5)),
        call=call,
    )
