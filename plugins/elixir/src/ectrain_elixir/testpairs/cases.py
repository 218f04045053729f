"""What a suite can check: calls of a kata's function with their results, small ones first."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import attrs

from ectrain_elixir.katas import Kata
from ectrain_elixir.katas.kata import Draft
from ectrain_elixir.katas.values import Struct
from ectrain_elixir.testpairs.shown import shown

TRIES = 24  # inputs that are made smaller for each suite
LONGEST_LIST = 3
FEWEST, MOST = 2, 4  # cases, where no near miss asks for more


@attrs.frozen(eq=False)
class Case:
    """A call and what it gives.

    Attributes:
        values: The arguments.
        before: Lines that come before the call.
        call: An expression.
        result: Its value.
        tells: Numbers of the near misses that give something else.
    """

    values: tuple[Any, ...]
    before: tuple[str, ...]
    call: str
    result: Any
    tells: frozenset[int]

    @property
    def size(self) -> int:
        """Characters of it all: how hard it is to read."""
        return len(self.call) + len(shown(self.result)) + sum(map(len, self.before))


def cases_of(kata: Kata, rng: random.Random, prefix: str) -> list[Case]:
    """Return cases that together tell all near misses of a kata, the smallest first.

    Args:
        kata: One with a draft.
        rng: What is drawn with.
        prefix: What stands before the function's name: "Mixer.", or "" where it is imported.
    """
    draft = kata.draft
    assert draft is not None
    maker = _Maker(draft, prefix, f"{kata.module}.{kata.function}")
    every = [maker.case(values) for values in draft.inputs]
    given = [case for case in every if case is not None]
    made: dict[str, Case] = {}
    for values in _smaller_inputs(draft.inputs, rng):
        case = maker.case(values)
        if case is not None:
            made.setdefault(case.call + "".join(case.before), case)
    small = sorted(made.values(), key=lambda case: case.size * rng.uniform(1, 1.3))
    chosen = _telling(small, given)
    for case in small:
        if len(chosen) >= rng.randint(FEWEST, MOST):
            break
        if all(case is not other for other in chosen):
            chosen.append(case)
    return sorted(chosen, key=lambda case: case.size)


def _telling(small: Sequence[Case], given: Sequence[Case]) -> list[Case]:
    """Return few cases that tell all that the kata's own inputs tell."""
    untold = frozenset[int]().union(*(case.tells for case in given))
    chosen = []
    for case in (*small, *given):
        if case.tells & untold:
            chosen.append(case)
            untold -= case.tells
    return chosen


@attrs.frozen
class _Maker:
    draft: Draft
    prefix: str
    function: str

    def case(self, values: tuple[Any, ...]) -> Case | None:
        """Return the case of an input, None for one that the function was not made for."""
        draft = self.draft
        try:
            result = draft.run(draft.steps, values)
        except Exception:  # arbitrary code of a family, on an input it may not know
            return None
        tells = frozenset(
            n for n, miss in enumerate(draft.misses) if _result(draft, miss, values) != (result,)
        )
        if draft.call is not None:
            *before, call = draft.call(self.function, values)
            return Case(values, tuple(before), call, result, tells)
        name = self.function.rpartition(".")[2]
        call = f"{self.prefix}{name}({', '.join(map(shown, values))})"
        return Case(values, (), call, result, tells)


def _result(draft: Draft, steps: Sequence[Any], values: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return (draft.run(steps, values),)
    except Exception:  # as above: it raises, so it is told apart
        return ()


def _smaller_inputs(inputs: Sequence[tuple[Any, ...]], rng: random.Random) -> list[tuple[Any, ...]]:
    """Return inputs like the given ones, with fewer and smaller parts."""
    chosen = [inputs[n % len(inputs)] for n in range(TRIES)]
    return [tuple(smaller(value, rng) for value in values) for values in chosen]


def smaller(value: Any, rng: random.Random) -> Any:
    """Return a value of the same shape: lists are shorter, numbers have one digit or two."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return _smaller_number(value, rng)
    if isinstance(value, list):
        kept = sorted(rng.sample(range(len(value)), min(len(value), rng.randint(1, LONGEST_LIST))))
        return [smaller(value[at], rng) for at in kept]
    if isinstance(value, tuple):
        return tuple(smaller(part, rng) for part in value)
    if isinstance(value, Struct):
        return Struct(value.module, tuple((k, smaller(v, rng)) for k, v in value.fields))
    if isinstance(value, dict):
        return {key: smaller(inner, rng) for key, inner in value.items()}
    return value


def _smaller_number(number: int, rng: random.Random) -> int:
    size = abs(number)
    if size >= 100:
        size = int(str(size)[: rng.randint(1, 2)])
    elif size >= 10 and rng.random() < 0.6:
        size = size % 10 or 1
    return -size if number < 0 else size
