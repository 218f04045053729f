"""Pairs of code and a suite that the code passes and what is nearly the code fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import overload

import attrs

from ectrain.task import Split
from ectrain_elixir.katas import Kata, katas
from ectrain_elixir.katas.kata import facts_line
from ectrain_elixir.testpairs.exunit import Suite, exunit_suite
from ectrain_elixir.testpairs.kinds import TestType

Writer = Callable[[random.Random], Suite]


@attrs.frozen
class TestPair:
    """Some code and a suite of it.

    Attributes:
        id: Stable, unique among the pairs of its type.
        group: What is never split: a composition, a package.
        kind: The type of the suite.
        code: The program.
        tests: The suite.
        test_names: Of its tests, as they are run; empty where that is not known.
        near_misses: Programs that the suite must fail.
        family: Of the program; "" for real code.
        writer: Writes another suite of the same code; None where there is this one only.
    """

    __test__ = False

    id: str
    group: str
    kind: TestType
    code: str
    tests: str
    test_names: tuple[str, ...]
    near_misses: tuple[str, ...] = ()
    family: str = ""
    writer: Writer | None = attrs.field(default=None, eq=False, repr=False)

    def another(self, rng: random.Random) -> TestPair:
        """Return the pair of the same code with another suite, where there can be one."""
        if self.writer is None:
            return self
        suite = self.writer(rng)
        return attrs.evolve(self, tests=suite.text, test_names=suite.names)


class Pairs(Sequence[TestPair]):
    """The pairs of some katas, each made when it is asked for, the same ones always.

    Args:
        katas: With drafts.
        make: From a kata to its pair, with what is drawn with.
        seed: Of the suites.
    """

    def __init__(
        self,
        katas: Sequence[Kata],
        make: Callable[[Kata, random.Random], TestPair],
        seed: int,
    ) -> None:
        self._katas, self._make, self._seed = katas, make, seed

    def __len__(self) -> int:
        return len(self._katas)

    @overload
    def __getitem__(self, at: int) -> TestPair: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[TestPair]: ...
    def __getitem__(self, at: int | slice) -> TestPair | Sequence[TestPair]:
        """Return a pair, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        kata = self._katas[at]
        return self._make(kata, random.Random(f"pair/{self._seed}/{kata.id}"))


def exunit_pairs(
    split: Split,
    size: int = 4000,
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
    return Pairs(katas(split, size, seed, levels, families), exunit_pair, seed)


def exunit_pair(kata: Kata, rng: random.Random) -> TestPair:
    """Return a kata's code with a suite of ExUnit."""
    suite = exunit_suite(kata, rng)
    return TestPair(
        id=f"exunit-{kata.id}",
        group=kata.group,
        kind="exunit",
        code=code_of(kata, kata.answer),
        tests=suite.text,
        test_names=suite.names,
        near_misses=tuple(code_of(kata, miss) for miss in kata.near_misses),
        family=kata.family,
        writer=lambda again: exunit_suite(kata, again),
    )


def code_of(kata: Kata, answer: str) -> str:
    """Return the whole program of an answer, without the line of facts that prompts begin with."""
    return kata.surroundings + kata.prompt.removeprefix(facts_line(kata.facts)) + answer
