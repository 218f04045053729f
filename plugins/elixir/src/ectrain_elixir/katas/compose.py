"""Putting steps together: drawing them, saying them, and getting them nearly right."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ectrain_elixir.katas.kata import Body, Draft, Step

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


def choice_of(ways: Mapping[str, tuple[str, str, Callable[..., Any]]]) -> Maker:
    """Return a maker of steps that differ in kind alone: from kind to words, code and meaning."""

    def make(rng: random.Random) -> Step:
        kind = rng.choice(list(ways))
        return Step(kind, *ways[kind])

    return make


def picked(rng: random.Random, pools: Sequence[Sequence[Maker]]) -> list[Step]:
    """Draw a step from each pool."""
    return [rng.choice(pool)(rng) for pool in pools]


def composed(
    rng: random.Random,
    chosen: Sequence[Step],
    pools: Sequence[Sequence[Maker]],
    idioms: Sequence[Body],
    **parts: Any,
) -> Draft:
    """Return a draft of steps drawn from pools; the first idiom is the one it is split by."""
    body, *others = idioms
    misses = misses_of(rng, chosen, pools)
    return Draft(tuple(chosen), body=body, idioms=tuple(others), misses=misses, **parts)


def piped(subject: str, codes: Sequence[str]) -> list[str]:
    """Return a pipe's lines."""
    return [subject, *(f"|> {stage}" for stage in stages_of(codes))]


def stages_of(codes: Sequence[str]) -> list[str]:
    """Return a pipe's stages one by one: a step may be several."""
    return [stage for code in codes for stage in re.split(r"\n *\|> ", code)]


def applied(code: str, subject: str) -> str:
    """Return a pipe's stage as a call: its subject is the first argument."""
    name, rest = code.split("(", 1)
    return f"{name}({subject})" if rest == ")" else f"{name}({subject}, {rest}"


def assigned(subject: str, codes: Sequence[str], name: str = "found") -> list[str]:
    """Return a pipe's stages as one assignment after another."""
    parts, lines = stages_of(codes), []
    for part in parts[:-1]:
        lines.append(f"{name} = {applied(part, subject)}")
        subject = name
    return [*lines, applied(parts[-1], subject)]


def truncated(a: int, b: int) -> int:
    """Divide as Elixir's `div` does: towards zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
