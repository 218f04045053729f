"""Families over what can be: errors that are raised, and predicates of two conditions."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import Maker, choice_of, composed, drawn, of, told
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import Atom, integers

# what raises on a list: words, code, exception, the same without raising, and in Python
RAISING: Mapping[str, tuple[str, str, str, str, Callable[[list[int]], Any]]] = {
    "head": (
        "takes the first number", "hd(list)", "ArgumentError",
        "case List.first(list, :none) do", lambda xs: xs[0]
    ),
    "max": (
        "takes the largest number", "Enum.max(list)", "Enum.EmptyError",
        "case Enum.max(list, fn -> :none end) do", max
    ),
    "min": (
        "takes the smallest number", "Enum.min(list)", "Enum.EmptyError",
        "case Enum.min(list, fn -> :none end) do", min
    ),
    "third": (
        "takes the third number", "Enum.fetch!(list, 2)", "Enum.OutOfBoundsError",
        "case Enum.at(list, 2, :none) do", lambda xs: xs[2]
    ),
    "last": (
        "takes the last number", "List.last(list) + 0", "ArithmeticError",
        "case List.last(list, :none) do", lambda xs: xs[-1]
    ),
}  # fmt: skip


def risky(rng: random.Random) -> Step:
    """Draw a call that raises on some lists."""
    kind = rng.choice(list(RAISING))
    say, code, _, _, run = RAISING[kind]
    return Step(kind, say, code, run)


def exceptions(rng: random.Random) -> Draft:
    """A call that may raise, rescued as an error; or avoided."""
    label = rng.choice(("empty", "missing", "short", "none"))
    pools: list[Sequence[Maker]] = [(risky,), steps.TRANSFORMS, steps.TRANSFORMS]
    chosen = [risky(rng), *drawn(rng, steps.TRANSFORMS, 2)]

    def result(made: Sequence[Step]) -> list[str]:
        return [f"n = {of(made[1], 'n')}", f"{{:ok, {of(made[2], 'n')}}}"]

    def rescued(made: Sequence[Step]) -> list[str]:
        lines = ["try do", f"  n = {made[0].code}", *(f"  {line}" for line in result(made))]
        return [*lines, "rescue", f"  {RAISING[made[0].kind][2]} -> {{:error, :{label}}}", "end"]

    def avoided(made: Sequence[Step]) -> list[str]:
        lines = [RAISING[made[0].kind][3], "  :none ->", f"    {{:error, :{label}}}", "", "  n ->"]
        return [*lines, *(f"    {line}" for line in result(made)), "end"]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        try:
            n = made[0].run(arguments[0])
        except (IndexError, ValueError):
            return Atom("error"), Atom(label)
        return Atom("ok"), made[2].run(made[1].run(n))

    return composed(
        rng,
        chosen,
        pools,
        (rescued, avoided),
        request=f"From a list {chosen[0].say}, then {told(chosen[1], 'it')}, then "
        f"{told(chosen[2], 'it')}. Returns {{:ok, n}}, or {{:error, :{label}}} if there is none.",
        spec="([integer()]) :: {:ok, integer()} | {:error, atom()}",
        head="(list)",
        run=run,
        inputs=((integers(rng),), (integers(rng),), ([7, 2],), ([],)),
    )


junction = choice_of(
    {
        "and": ("and", "{} and {}", lambda a, b: a and b),
        "or": ("or", "{} or {}", lambda a, b: a or b),
        "but_not": ("but not", "{} and not ({})", lambda a, b: a and not b),
        "same": ("exactly if", "({}) == ({})", lambda a, b: a == b),
    }
)


def predicates(rng: random.Random) -> Draft:
    """Whether two conditions hold together: an expression, or clauses with a guard."""
    name = rng.choice(("valid?", "allowed?", "good?", "matches?", "ready?"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, (junction,), steps.CONDITIONS]
    one, other = drawn(rng, steps.CONDITIONS, 2)
    chosen = [one, junction(rng), other]

    def joined(made: Sequence[Step]) -> str:
        return made[1].code.format(of(made[0], "n"), of(made[2], "n"))

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        return made[1].run(made[0].run(arguments[0]), made[2].run(arguments[0]))

    return composed(
        rng,
        chosen,
        pools,
        (
            lambda made: [f"def {name}(n), do: {joined(made)}"],
            lambda made: [
                f"def {name}(n) when {joined(made)}, do: true",
                f"def {name}(_), do: false",
            ],
        ),
        request=f"Tells whether n is {one.say} {chosen[1].say} {other.say}.",
        spec="(integer()) :: boolean()",
        head=None,
        run=run,
        inputs=tuple((n,) for n in rng.sample(range(-4, 16), 8)),
    )
