"""Families over how texts are spelt: ranks of words, ciphers, numbers in a base."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    assigned,
    choice_of,
    composed,
    drawn,
    of,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.values import WORDS, Atom, sentence

normal = choice_of(
    {
        "trim": ("trims a text", "String.trim(X)", str.strip),
        "downcase": ("downcases a text", "String.downcase(X)", str.lower),
        "reverse": ("reverses a text", "String.reverse(X)", lambda t: t[::-1]),
        "suffix": (
            "drops a text's trailing exclamation mark",
            'String.trim_trailing(X, "!")',
            lambda t: t.rstrip("!"),
        ),
    }
)


def ranks(rng: random.Random) -> Draft:
    """A word's place in a list that a sigil writes, and what becomes of it."""
    scale = rng.sample([word.lower() for word in WORDS], 4)
    pools: list[Sequence[Maker]] = [(normal,), steps.TRANSFORMS, steps.TRANSFORMS]
    chosen = [normal(rng), *drawn(rng, steps.TRANSFORMS, 2)]
    sigil = f"~w({' '.join(scale)})"

    def cases(made: Sequence[Step]) -> list[str]:
        return [
            f"text = {of(made[0], 'text')}",
            "",
            f"case Enum.find_index({sigil}, &(&1 == text)) do",
            "  nil -> :error",
            f"  n -> {of(made[1], 'n')} |> then(&({of(made[2], '&1')}))",
            "end",
        ]

    def table(made: Sequence[Step]) -> list[str]:
        return [
            f"places = {sigil} |> Enum.with_index() |> Map.new()",
            "",
            f"with {{:ok, n}} <- Map.fetch(places, {of(made[0], 'text')}) do",
            f"  n = {of(made[1], 'n')}",
            f"  {of(made[2], 'n')}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        text = made[0].run(arguments[0])
        return through(made[1:], scale.index(text)) if text in scale else Atom("error")

    words = [f" {scale[1]} ", scale[2].upper(), scale[3][::-1], f"{scale[3]}!", scale[0], scale[2]]
    listed = ", ".join(scale)
    return composed(
        rng,
        chosen,
        pools,
        (cases, table),
        request=said(
            [
                chosen[0].say,
                f"finds its place (from 0) among {listed} or returns :error",
                *(told(step, "the place") for step in chosen[1:]),
            ]
        ),
        spec="(String.t()) :: integer() | :error",
        head="(text)",
        run=run,
        inputs=tuple((word,) for word in words),
    )


def shift(rng: random.Random) -> Step:
    """Draw a class of characters and how far they move."""
    first, size, name = rng.choice((("a", 26, "lower"), ("A", 26, "upper"), ("0", 10, "digit")))
    last, k = chr(ord(first) + size - 1), rng.randint(1, size - 1)
    say = f"moves each of {first} to {last} on by {k} (after {last} comes {first})"
    code = f"?{first} + rem(c - ?{first} + {k}, {size})"

    def moved(c: str) -> str:
        return chr(ord(first) + (ord(c) - ord(first) + k) % size) if first <= c <= last else c

    return Step(name, say, f"c when c in ?{first}..?{last} -> {code}", _each(moved))


def _each(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(map(change, text))


def ciphers(rng: random.Random) -> Draft:
    """Characters of a class moved, then stages over the text."""
    count = rng.choice((1, 2))
    chosen = [shift(rng), *drawn(rng, steps.TEXT_STAGES, count)]
    pools: list[Sequence[Maker]] = [(shift,), *[steps.TEXT_STAGES] * count]

    def charlist(made: Sequence[Step]) -> list[str]:
        return [
            "text",
            "|> String.to_charlist()",
            "|> Enum.map(fn",
            f"  {made[0].code}",
            "  c -> c",
            "end)",
            "|> List.to_string()",
            *(f"|> {step.code}" for step in made[1:]),
        ]

    def bytes_(made: Sequence[Step]) -> list[str]:
        guard, code = made[0].code.split(" -> ")
        moved = f"if {guard.removeprefix('c when ')}, do: <<{code}>>, else: <<c>>"
        block = ['  for <<c <- text>>, into: "" do', f"    {moved}", "  end", ""]
        return ["text =", *block, *assigned("text", [step.code for step in made[1:]], "text")]

    def text() -> str:
        return f"{sentence(rng)}{rng.randint(10, 999)}"

    return composed(
        rng,
        chosen,
        pools,
        (charlist, bytes_),
        request=said([step.say for step in chosen]),
        spec="(String.t()) :: String.t()",
        head="(text)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=((text(),), (text(),), ("Az9",)),
    )


def based(rng: random.Random) -> Step:
    """Draw a base to write a number in."""
    base, name = rng.choice(((2, "binary"), (8, "octal"), (16, "hexadecimal"), (36, "base 36")))

    def run(n: int) -> str:
        digits, left = "", abs(n)
        while left or not digits:
            left, digit = divmod(left, base)
            digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
        return f"-{digits}" if n < 0 else digits

    return Step("base", f"writes it in {name}", f"Integer.to_string({base})", run)


def formats(rng: random.Random, length: int | None = None) -> Draft:
    """A number changed, written in a base, and its text through stages."""
    stages = [maker for maker in steps.TEXT_STAGES if maker is not steps.TEXT_STAGES[0]]
    count = length - 2 if length else rng.choice((1, 2, 2))
    chosen = [rng.choice(steps.TRANSFORMS)(rng), based(rng), *drawn(rng, stages, count)]
    pools: list[Sequence[Maker]] = [steps.TRANSFORMS, (based,), *[stages] * count]

    def codes(made: Sequence[Step]) -> list[str]:
        return [f"then(&({of(made[0], '&1')}))", *(step.code for step in made[1:])]

    def bound(made: Sequence[Step]) -> list[str]:
        rest = [step.code for step in made[1:]]
        return [f"number = {of(made[0], 'n')}", *assigned("number", rest, "text")]

    return composed(
        rng,
        chosen,
        pools,
        (lambda made: piped("n", codes(made)), bound),
        request=said([told(chosen[0], "n"), *(step.say for step in chosen[1:])]),
        spec="(integer()) :: String.t()",
        head="(n)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((n,) for n in (*rng.sample(range(8, 400), 4), -5)),
    )
