"""Values on both sides: drawn in Python, written as Elixir."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from typing import Any

import attrs


class Atom(str):
    """An atom."""

    __slots__ = ()


@attrs.frozen
class Struct:
    """A struct of a module."""

    module: str
    fields: tuple[tuple[str, Any], ...]


def literal(value: Any) -> str:
    """Return a value as Elixir writes it."""
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, Atom):
        return f":{value}"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("#{", "\\#{")
        return f'"{escaped}"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"<<{', '.join(map(str, value))}>>"
    if isinstance(value, datetime.datetime):
        return f"~N[{value:%Y-%m-%d %H:%M:%S}]"
    if isinstance(value, datetime.date):
        return f"~D[{value:%Y-%m-%d}]"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"{{{', '.join(map(literal, value))}}}"
    if isinstance(value, Struct):
        return f"%{value.module}{{{', '.join(f'{k}: {literal(v)}' for k, v in value.fields)}}}"
    if isinstance(value, Mapping):
        pairs = (f"{literal(k)} => {literal(v)}" for k, v in value.items())
        return f"%{{{', '.join(pairs)}}}"
    raise TypeError(f"no Elixir for {value!r}")


WORDS = (
    "amber", "Birch", "cedar", "Delta", "echo", "fern", "Grove", "hazel", "iris", "Jade", "kelp",
    "lotus", "Maple", "noon", "olive", "Pine", "quartz", "reed", "Sage", "tide", "ash", "oak",
)  # fmt: skip


def integers(rng: random.Random, low: int = -9, high: int = 20) -> list[int]:
    """Draw a list of integers, some of them twice."""
    found = [rng.randint(low, high) for _ in range(rng.randint(4, 7))]
    return [*found, found[rng.randrange(len(found))]]


def words(rng: random.Random) -> list[str]:
    """Draw a list of words."""
    found = rng.sample(WORDS, rng.randint(3, 5))
    return [*found, found[0]]


def sentence(rng: random.Random) -> str:
    """Draw a text of a few words with blanks around it."""
    text = " ".join(rng.sample(WORDS, rng.randint(2, 3)))
    return f" {text} " if rng.random() < 0.5 else text
