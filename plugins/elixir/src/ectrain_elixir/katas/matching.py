"""Families of matching: commands, chains of checks, pins."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    applied,
    choice_of,
    composed,
    drawn,
    of,
    picked,
    told,
    truncated,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.records import KEYS
from ectrain_elixir.katas.values import Atom

TAGS = ("push", "drop", "scale", "cap", "raise", "lower", "turn", "set", "move")

command = choice_of(
    {
        "add": ("adds k", "acc + k", lambda acc, k: acc + k),
        "take": ("subtracts k", "acc - k", lambda acc, k: acc - k),
        "times": ("multiplies by k", "acc * k", lambda acc, k: acc * k),
        "most": ("limits to at most k", "min(acc, k)", min),
        "least": ("lifts to at least k", "max(acc, k)", max),
        "share": ("divides by k, towards 0", "div(acc, k)", truncated),
    }
)


def commands(rng: random.Random) -> Draft:
    """Commands with and without a number, applied in order by matching on them."""
    one, other, plain = rng.sample(TAGS, 3)
    start = rng.randint(0, 20)
    pools: list[Sequence[Maker]] = [(command,), (command,), steps.TRANSFORMS]
    chosen = [*drawn(rng, (command,), 2), rng.choice(steps.TRANSFORMS)(rng)]

    def clauses(made: Sequence[Step]) -> list[str]:
        return [
            f"Enum.reduce(commands, {start}, fn",
            f"  {{:{one}, k}}, acc -> {made[0].code}",
            f"  {{:{other}, k}}, acc -> {made[1].code}",
            f"  :{plain}, acc -> {of(made[2], 'acc')}",
            "end)",
        ]

    def cases(made: Sequence[Step]) -> list[str]:
        return [
            f"Enum.reduce(commands, {start}, fn command, acc ->",
            "  case command do",
            f"    {{:{one}, k}} -> {made[0].code}",
            f"    {{:{other}, k}} -> {made[1].code}",
            f"    :{plain} -> {of(made[2], 'acc')}",
            "  end",
            "end)",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        acc = start
        for each in arguments[0]:
            if isinstance(each, tuple):
                acc = made[each[0] == other].run(acc, each[1])
            else:
                acc = made[2].run(acc)
        return acc

    def some(number: int) -> list[Any]:
        tags = [rng.choice((one, other, plain)) for _ in range(number)]
        return [Atom(t) if t == plain else (Atom(t), rng.randint(1, 9)) for t in tags]

    each = ((Atom(one), 4),), ((Atom(other), rng.randint(1, 9)),), (Atom(plain),)
    return composed(
        rng,
        chosen,
        pools,
        (clauses, cases),
        request=f"Applies commands to {start}: {{:{one}, k}} {chosen[0].say}, "
        f"{{:{other}, k}} {chosen[1].say}, :{plain} {told(chosen[2], 'the number')}.",
        spec="(list()) :: integer()",
        head="(commands)",
        run=run,
        inputs=((some(4),), (some(5),), *(([*c],) for c in each), ([],)),
    )


def checks(rng: random.Random) -> Draft:
    """A value fetched, checked twice with an error each, and changed: by `with` or by `cond`."""
    key, (first, second) = (
        rng.choice(KEYS),
        rng.sample(("low", "high", "odd", "invalid", "bad"), 2),
    )
    name = rng.choice(("charge", "accept", "admit", "settle"))
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.CONDITIONS, steps.TRANSFORMS]
    chosen = [*drawn(rng, steps.CONDITIONS, 2), rng.choice(steps.TRANSFORMS)(rng)]

    def chain(made: Sequence[Step]) -> list[str]:
        return [
            f"def {name}(map) do",
            f"  with {{:ok, n}} <- fetch(map), :ok <- {first}(n), :ok <- {second}(n) do",
            f"    {{:ok, {of(made[2], 'n')}}}",
            "  end",
            "end",
            "",
            f"defp fetch(%{{{key}: n}}), do: {{:ok, n}}",
            "defp fetch(_), do: {:error, :missing}",
            "",
            f"defp {first}(n), do: if({of(made[0], 'n')}, do: :ok, else: {{:error, :{first}}})",
            f"defp {second}(n), do: if({of(made[1], 'n')}, do: :ok, else: {{:error, :{second}}})",
        ]

    def conditions(made: Sequence[Step]) -> list[str]:
        return [
            f"def {name}(%{{{key}: n}}) do",
            "  cond do",
            f"    not ({of(made[0], 'n')}) -> {{:error, :{first}}}",
            f"    not ({of(made[1], 'n')}) -> {{:error, :{second}}}",
            f"    true -> {{:ok, {of(made[2], 'n')}}}",
            "  end",
            "end",
            "",
            f"def {name}(_), do: {{:error, :missing}}",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        n = arguments[0].get(Atom(key))
        if n is None:
            return Atom("error"), Atom("missing")
        for check, label in ((made[0], first), (made[1], second)):
            if not check.run(n):
                return Atom("error"), Atom(label)
        return Atom("ok"), made[2].run(n)

    one, other, change = chosen
    return composed(
        rng,
        chosen,
        pools,
        (chain, conditions),
        request=f"Takes :{key} of a map as n and {told(change, 'it')}: {{:ok, n}}. Else "
        f"{{:error, reason}}: :missing without :{key}, :{first} unless n is {one.say}, "
        f":{second} unless n is {other.say}.",
        spec="(map()) :: {:ok, integer()} | {:error, atom()}",
        head=None,
        run=run,
        inputs=(*(({Atom(key): n},) for n in rng.sample(range(-5, 16), 7)), ({},)),
    )


def pins(rng: random.Random) -> Draft:
    """Values of one key among pairs, by a pinned pattern or a filter."""
    keys = [Atom(key) for key in rng.sample(KEYS, 3)]
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, steps.ENDINGS]
    chosen = picked(rng, pools)

    def pinned(made: Sequence[Step]) -> list[str]:
        condition, change, ending = made
        return [
            f"found = for {{^key, n}} <- pairs, {of(condition, 'n')}, do: {of(change, 'n')}",
            applied(ending.code, "found"),
        ]

    def filtered(made: Sequence[Step]) -> list[str]:
        condition, change, ending = made
        return [
            "pairs",
            f"|> Enum.filter(fn {{k, n}} -> k == key and {of(condition, 'n')} end)",
            f"|> Enum.map(fn {{_, n}} -> {of(change, 'n')} end)",
            f"|> {ending.code}",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        pairs, key = arguments
        return made[2].run([made[1].run(n) for k, n in pairs if k == key and made[0].run(n)])

    def some() -> list[Any]:
        return [(rng.choice(keys[:2]), rng.randint(-4, 15)) for _ in range(8)]

    condition, change, ending = chosen
    return composed(
        rng,
        chosen,
        pools,
        (pinned, filtered),
        request=f"Takes the values of a key among pairs that are {condition.say}, then "
        f"{told(change, 'each')}, then {ending.say}.",
        spec="([{atom(), integer()}], atom()) :: term()",
        head="(pairs, key)",
        run=run,
        inputs=((some(), keys[0]), (some(), keys[1]), (some(), keys[2])),
    )
