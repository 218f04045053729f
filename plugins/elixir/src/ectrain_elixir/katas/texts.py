"""Families over texts that are read: numbers, assignments, what a pattern finds."""

from __future__ import annotations

import random
import re
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
from ectrain_elixir.katas.values import WORDS, Atom

cleaning = choice_of(
    {
        "trim": ("trims the text", "String.trim(X)", str.strip),
        "underscores": (
            "drops underscores from the text",
            'String.replace(X, "_", "")',
            lambda t: t.replace("_", ""),
        ),
        "sharp": (
            "drops leading # from the text",
            'String.trim_leading(X, "#")',
            lambda t: t.lstrip("#"),
        ),
    }
)


def parsing(rng: random.Random) -> Draft:
    """A number read from a text, with an error for what is none and for what is out of bounds."""
    bad, low = rng.sample(("invalid", "syntax", "nan", "range", "bounds", "limit"), 2)
    pools: list[Sequence[Maker]] = [(cleaning,), steps.CONDITIONS, steps.TRANSFORMS]
    chosen = picked(rng, pools)

    def cases(made: Sequence[Step]) -> list[str]:
        clean, condition, change = made
        return [
            f"case Integer.parse({of(clean, 'text')}) do",
            f'  {{n, ""}} when {of(condition, "n")} -> {{:ok, {of(change, "n")}}}',
            f'  {{_, ""}} -> {{:error, :{low}}}',
            f"  _ -> {{:error, :{bad}}}",
            "end",
        ]

    def chain(made: Sequence[Step]) -> list[str]:
        clean, condition, change = made
        return [
            f'with {{n, ""}} <- Integer.parse({of(clean, "text")}),',
            f"     true <- {of(condition, 'n')} do",
            f"  {{:ok, {of(change, 'n')}}}",
            "else",
            f"  false -> {{:error, :{low}}}",
            f"  _ -> {{:error, :{bad}}}",
            "end",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        clean, condition, change = made
        text = clean.run(arguments[0])
        if not re.fullmatch(r"[+-]?\d+", text):
            return Atom("error"), Atom(bad)
        n = int(text)
        return (Atom("ok"), change.run(n)) if condition.run(n) else (Atom("error"), Atom(low))

    clean, condition, change = chosen
    numbers = rng.sample(range(-4, 16), 4)
    texts = [f" {numbers[0]} ", f"1_{abs(numbers[1])}", f"##{numbers[2]}", str(numbers[3])]
    request = said([clean.say, "reads an integer from all of it", told(change, "it")])
    return composed(
        rng,
        chosen,
        pools,
        (cases, chain),
        request=f"{request} Returns {{:ok, n}}; {{:error, :{low}}} unless the integer is "
        f"{condition.say}; {{:error, :{bad}}} if there is none.",
        spec="(String.t()) :: {:ok, integer()} | {:error, atom()}",
        head="(text)",
        run=run,
        inputs=tuple((text,) for text in (*texts, str(rng.randint(-3, 14)), "12x", "")),
    )


def assignments(rng: random.Random) -> Draft:
    """A text like "a=1;b=2" as a map."""
    mark, equal = rng.sample((";", ",", "|", "=", ":"), 2)
    key = choice_of(
        {
            "upcase": ("upcases keys", "String.upcase(k)", str.upper),
            "downcase": ("downcases keys", "String.downcase(k)", str.lower),
            "trim": ("trims keys", "String.trim(k)", str.strip),
            "first": ("takes the first letter of keys", "String.first(k)", lambda k: k[0]),
        }
    )
    end = choice_of(
        {
            "map": ("returns the map", "", lambda m: m),
            "keys": ("returns the sorted keys", "Map.keys()\n|> Enum.sort()", sorted),
            "sum": (
                "returns the sum of the values",
                "Map.values()\n|> Enum.sum()",
                lambda m: sum(m.values()),
            ),
            "size": ("returns its size", "map_size()", len),
        }
    )
    pools: list[Sequence[Maker]] = [(key,), steps.TRANSFORMS, (end,)]
    chosen = picked(rng, pools)

    def value(made: Sequence[Step]) -> str:
        return of(made[1], "n")

    def ending(made: Sequence[Step]) -> list[str]:
        return [made[2].code] if made[2].code else []

    def mapped(made: Sequence[Step]) -> list[str]:
        return [
            "text",
            f'|> String.split("{mark}")',
            "|> Map.new(fn part ->",
            f'  [k, v] = String.split(part, "{equal}")',
            "  n = String.to_integer(v)",
            f"  {{{made[0].code}, {value(made)}}}",
            "end)",
            *piped("", ending(made))[1:],
        ]

    def comprehension(made: Sequence[Step]) -> list[str]:
        lines = [
            "map =",
            f'  for part <- String.split(text, "{mark}"),',
            f'      [k, v] = String.split(part, "{equal}"),',
            "      n = String.to_integer(v),",
            "      into: %{},",
            f"      do: {{{made[0].code}, {value(made)}}}",
            "",
        ]
        return [*lines, *(assigned("map", ending(made)) if made[2].code else ["map"])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        parts = [part.split(equal) for part in arguments[0].split(mark)]
        return made[2].run({made[0].run(k): made[1].run(int(v)) for k, v in parts})

    def text(number: int) -> str:
        keys = [w if rng.random() < 0.6 else f" {w} " for w in rng.sample(WORDS, number)]
        return mark.join(f"{k}{equal}{rng.randint(-5, 20)}" for k in keys)

    key_step, change, last = chosen
    return composed(
        rng,
        chosen,
        pools,
        (mapped, comprehension),
        request=said(
            [
                f"reads keys and integers like 'a{equal}1{mark}b{equal}2' from a text",
                key_step.say,
                told(change, "each value"),
                last.say,
            ]
        ),
        spec="(String.t()) :: term()",
        head="(text)",
        run=run,
        inputs=((text(3),), (text(4),), (text(1),)),
    )


pattern = choice_of(
    {
        "digits": ("numbers", r"\d+", None),  # type: ignore[dict-item]
        "lower": ("runs of lower-case letters", "[a-z]+", None),  # type: ignore[dict-item]
        "upper": ("upper-case letters", "[A-Z]", None),  # type: ignore[dict-item]
        "vowels": ("vowels", "[aeiou]", None),  # type: ignore[dict-item]
        "names": ("words with a capital", r"[A-Z]\w*", None),  # type: ignore[dict-item]
        "words": ("words", r"\w+", None),  # type: ignore[dict-item]
    }
)


def regexes(rng: random.Random) -> Draft:
    """What a regular expression finds in a text, through stages."""
    count = rng.choice((1, 2, 2))
    chosen = [pattern(rng), *drawn(rng, steps.WORD_STAGES, count)]
    pools: list[Sequence[Maker]] = [(pattern,), *[steps.WORD_STAGES] * count]

    def scanned(made: Sequence[Step]) -> list[str]:
        first = ["Regex.scan(text)", "List.flatten()"]
        return piped(f"~r/{made[0].code}/", [*first, *(step.code for step in made[1:])])

    def matched(made: Sequence[Step]) -> list[str]:
        first = f"found = for [part] <- Regex.scan(~r/{made[0].code}/, text), do: part"
        return [first, *assigned("found", [step.code for step in made[1:]])]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        return through(made[1:], re.findall(made[0].code, arguments[0], re.ASCII))

    def text() -> str:
        return " ".join(f"{w}{rng.choice(('', rng.randint(1, 99)))}" for w in rng.sample(WORDS, 4))

    return composed(
        rng,
        chosen,
        pools,
        (scanned, matched),
        request=said([f"finds all {chosen[0].say} in a text", *(s.say for s in chosen[1:])]),
        spec="(String.t()) :: [String.t()]",
        head="(text)",
        run=run,
        inputs=((text(),), (text(),), ("-",)),
    )
