"""Putting steps together: drawing them, saying them, and getting them nearly right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from ectrain_elixir.katas.kata import Step

Maker = Callable[[random.Random], Step]


def told(step: Step, name: str) -> str:
    """Return a number step's words about something."""
    return step.say.replace("@", name)


def of(step: Step, name: str) -> str:
    """Return a number step's code about a variable, or about `&1`."""
    return step.code.replace("X", name)


def said(parts: Sequence[str]) -> str:
    """Return phrases as one sentence."""
    text = ", then ".join(parts)
    return text[0].upper() + text[1:] + "."


def through(chosen: Sequence[Step], value: Any) -> Any:
    """Return a value after all steps."""
    for step in chosen:
        value = step.run(value)
    return value


def misses_of(
    rng: random.Random, chosen: Sequence[Step], pools: Sequence[Sequence[Maker]]
) -> tuple[tuple[Step, ...], ...]:
    """Return compositions that are nearly the chosen one: one step is another."""
    found = []
    for _ in range(3):
        at = rng.randrange(len(chosen))
        other = again(rng, pools[at], chosen[at])
        found.append((*chosen[:at], other, *chosen[at + 1 :]))
    return tuple(found)


def drawn(
    rng: random.Random, makers: Sequence[Maker], count: int, distinct: bool = True
) -> list[Step]:
    """Draw steps, no kind twice (or not twice in a row)."""
    found: list[Step] = []
    while len(found) < count:
        step = rng.choice(makers)(rng)
        before = {s.kind for s in (found if distinct else found[-1:])}
        if step.kind not in before:
            found.append(step)
    return found


def again(rng: random.Random, makers: Sequence[Maker], step: Step) -> Step:
    """Draw a step that is nearly the given one: of its kind with another code, or another."""
    for _ in range(40):
        other = rng.choice(makers)(rng)
        if other.kind == step.kind and other.code != step.code:
            return other
    while True:
        other = rng.choice(makers)(rng)
        if other.kind != step.kind:
            return other


def grouped(code: str) -> str:
    """Return an expression that can stand after an operator."""
    return code if code.startswith(("abs", "min", "max")) else f"({code})"
