"""Pairs of code and a suite that the code passes and what is nearly the code fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

from ectrain.task import Split
from ectrain_elixir.katas import Kata, katas
from ectrain_elixir.katas.kata import facts_line
from ectrain_elixir.testpairs.exunit import exunit_suite
from ectrain_elixir.testpairs.kinds import TYPES, TestType
from ectrain_elixir.testpairs.liveviews import liveview_pairs
from ectrain_elixir.testpairs.pair import TestPair, Writer
from ectrain_elixir.testpairs.properties import PROPERTY_FAMILIES, property_suite

T = TypeVar("T")


class Made(Sequence[T], Generic[T]):
    """A sequence whose members are made when they are asked for.

    Args:
        count: How many there are.
        make: From a place to the member.
    """

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Return a member, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(f"place {at} of {len(self)}")
        return self._make(place)


def pairs(
    split: Split,
    size: int = 6000,
    seed: int = 0,
    types: Sequence[TestType] = TYPES,
    levels: Sequence[int] = (0,),
) -> Sequence[TestPair]:
    """Return pairs of these types, in turn, so that each type has an equal share.

    The same arguments give the same pairs, always. A composition is in one split only, whatever
    the type, and so both directions of a pair are.

    Args:
        split: Which.
        size: Pairs of train; val and test have a tenth, at least 64 of each type.
        seed: Of what is drawn.
        types: Each once.
        levels: Of facts that the katas of plain ExUnit suites need, see `katas`.
    """
    each = -(-size // len(types))
    makers: dict[TestType, Callable[[], Sequence[TestPair]]] = {
        "exunit": lambda: exunit_pairs(split, each, seed, levels),
        "streamdata": lambda: property_pairs(split, each, seed),
        "liveview": lambda: liveview_pairs(split, each, seed),
    }
    found = [makers[kind]() for kind in types]
    count = size if split == "train" else sum(map(len, found))
    return Made(count, lambda at: found[at % len(found)][at // len(found)])


def exunit_pairs(
    split: Split,
    size: int = 2000,
    seed: int = 0,
    levels: Sequence[int] = (0,),
    families: Sequence[str] = (),
) -> Sequence[TestPair]:
    """Return pairs with suites of ExUnit, in the splits of the katas that they are made of.

    Args:
        split: Which.
        size: Pairs of train; val and test have a tenth, at least 64.
        seed: Of what is drawn.
        levels: Of facts that the katas need, see `katas`.
        families: Of katas; () for all.
    """
    every = katas(split, size, seed, levels, families)
    return Made(len(every), lambda at: exunit_pair(every[at], _rng(every[at], seed)))


def property_pairs(split: Split, size: int = 2000, seed: int = 0) -> Sequence[TestPair]:
    """Return pairs with suites of properties; arguments as of `exunit_pairs`."""
    every = katas(split, size, seed, (0,), PROPERTY_FAMILIES)
    return Made(len(every), lambda at: property_pair(every[at], _rng(every[at], seed)))


def _rng(kata: Kata, seed: int) -> random.Random:
    return random.Random(f"pair/{seed}/{kata.id}")


def exunit_pair(kata: Kata, rng: random.Random) -> TestPair:
    """Return a kata's code with a suite of ExUnit."""
    return _pair("exunit", kata, rng, lambda again: exunit_suite(kata, again))


def property_pair(kata: Kata, rng: random.Random) -> TestPair:
    """Return a kata's code with a suite of properties.

    Raises:
        ValueError: None is known of this kata; see `has_properties`.
    """
    return _pair("streamdata", kata, rng, lambda again: property_suite(kata, again))


def _pair(kind: TestType, kata: Kata, rng: random.Random, writer: Writer) -> TestPair:
    suite = writer(rng)
    return TestPair(
        id=f"{kind}-{kata.id}",
        group=kata.group,
        kind=kind,
        code=code_of(kata, kata.answer),
        tests=suite.text,
        test_names=suite.names,
        near_misses=tuple(code_of(kata, miss) for miss in kata.near_misses),
        family=kata.family,
        writer=writer,
    )


def code_of(kata: Kata, answer: str) -> str:
    """Return the whole program of an answer, without the line of facts that prompts begin with."""
    return kata.surroundings + kata.prompt.removeprefix(facts_line(kata.facts)) + answer
