"""How recursion makes the results of parts one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ectrain_elixir.katas.kata import Step


@attrs.frozen
class Way:
    """How the results of parts become one.

    Attributes:
        say: In words.
        empty: Of nothing, in Elixir.
        one: Elixir of a value and a rest: V and R.
        two: Elixir of two results: L and R.
        join: From a list of values, in Python.
        fold: A reduction over a list of values, as a pipe's last stages.
    """

    say: str
    empty: str
    one: str
    two: str
    join: Callable[[list[int]], Any]
    fold: str = ""


WAYS: Mapping[str, Way] = {
    "sum": Way("sums them up", "0", "V + R", "L + R", sum, "|> Enum.sum()"),
    "largest": Way(
        "finds the largest, at least 0",
        "0",
        "max(V, R)",
        "max(L, R)",
        lambda xs: max([0, *xs]),
        "|> Enum.reduce(0, &max/2)",
    ),
    "collect": Way("collects them in order", "[]", "[V | R]", "L ++ R", lambda xs: xs),
}


def gather(rng: random.Random) -> Step:
    """Draw a way in which the results of parts become one."""
    kind = rng.choice(list(WAYS))
    return Step(kind, WAYS[kind].say, kind, WAYS[kind].join)
