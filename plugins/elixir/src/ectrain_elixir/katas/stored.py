"""Katas on disk: how one is written, and what is known of it without reading it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.kept import Recipe
from ectrain.shards import Shards
from ectrain.task import Split
from ectrain_elixir.katas.kata import Fact, Kata

_NAMES = tuple(field.name for field in attrs.fields(Kata))
_FACTS = ("facts", "needed")
_TUPLES = ("steps", "test_names", "near_misses", "alternatives")

_BITS = {"level": (0, 4), "facts": (4, 12), "steps": (16, 16)}  # of a mark: from where, how many


def recipe(
    kind: str, settings: Mapping[str, object], make: Callable[[], Iterator[tuple[Split, Kata]]]
) -> Recipe[Kata]:
    """Return how katas are made, to be kept.

    Args:
        kind: What they are called.
        settings: All that they depend on but their generator's source.
        make: Makes them.
    """
    parser = {name: version(name) for name in ("tree-sitter", "tree-sitter-elixir")}
    return Recipe(
        kind,
        {name: repr(value) for name, value in settings.items()} | parser,
        ("ectrain_elixir.katas", "ectrain_elixir.syntax"),
        make,
        pack,
        unpack,
        _mark,
    )


def pack(kata: Kata) -> dict[str, Any]:
    """Return a kata as plain data."""
    found = {name: getattr(kata, name) for name in _NAMES}
    for name in _FACTS:
        found[name] = [(fact.subject, fact.property, fact.object) for fact in found[name]]
    return found


def unpack(data: dict[str, Any]) -> Kata:
    """Return the kata that `pack` was given."""
    for name in _FACTS:
        data[name] = tuple(Fact(*fact) for fact in data[name])
    for name in _TUPLES:
        data[name] = tuple(data[name])
    return Kata(**data)


def _mark(kata: Kata) -> int:
    known = {"level": kata.level, "facts": len(kata.facts), "steps": kata.length}
    return sum(known[name] << start for name, (start, _) in _BITS.items())


def columns(katas: Shards[Kata]) -> dict[str, NDArray[np.float64]]:
    """Return level, number of facts and number of steps of all katas, `[katas]`; none is read."""
    marks = katas.marks
    return {
        name: ((marks >> start) & ((1 << bits) - 1)).astype(np.float64)
        for name, (start, bits) in _BITS.items()
    }
