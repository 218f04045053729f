"""What a pair of code and tests is."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from ectrain_elixir.testpairs.exunit import Suite
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
