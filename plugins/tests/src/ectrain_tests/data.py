"""What is learned from: embedded pairs, or those of a built dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import overload

import attrs

from ectrain.task import SPLITS, Split
from ectrain_elixir.testpairs import Direction, TestPair, TestType, pairs, stored_pairs


@attrs.frozen
class TestSample:
    """A pair in one of its directions.

    Attributes:
        pair: Code and tests.
        direction: Which of them is written.
    """

    __test__ = False

    pair: TestPair
    direction: Direction = "to_test"

    @property
    def id(self) -> str:
        """The pair's."""
        return self.pair.id

    @property
    def group(self) -> str:
        """The pair's: both directions are in one split."""
        return self.pair.group

    @property
    def given(self) -> str:
        """What is written after."""
        return self.pair.code if self.direction == "to_test" else self.pair.tests

    @property
    def wanted(self) -> str:
        """What is to be written."""
        return self.pair.tests if self.direction == "to_test" else self.pair.code


class Samples(Sequence[TestSample]):
    """Pairs as samples, each made when it is asked for.

    Args:
        found: The pairs.
    """

    def __init__(self, found: Sequence[TestPair]) -> None:
        self._pairs = found
        mark = getattr(found, "fingerprint", None)
        if isinstance(mark, str):
            self.fingerprint = mark

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, at: int) -> TestSample: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[TestSample]: ...
    def __getitem__(self, at: int | slice) -> TestSample | Sequence[TestSample]:
        """Return a sample, or several."""
        if isinstance(at, slice):
            return [TestSample(pair) for pair in self._pairs[at]]
        return TestSample(self._pairs[at])


def embedded(
    split: Split, size: int, seed: int, types: tuple[TestType, ...], levels: tuple[int, ...]
) -> Samples:
    """Return embedded pairs; each type has an equal share."""
    return Samples(pairs(split, size, seed, types, levels))


@cache
def stored(folder: Path, types: tuple[TestType, ...]) -> Mapping[Split, Samples]:
    """Return the pairs of a dataset that `ectrain data build` made.

    Raises:
        DataError: It is none, or has no pair of these types.
    """
    return {split: Samples(stored_pairs(folder, split, types)) for split in SPLITS}
