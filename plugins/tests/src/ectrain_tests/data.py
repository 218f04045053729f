"""What is learned from: embedded pairs, or those of a built dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import attrs

from ectrain.mapped import Mapped
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


def embedded(
    split: Split, size: int, seed: int, types: tuple[TestType, ...], levels: tuple[int, ...]
) -> Sequence[TestSample]:
    """Return embedded pairs; each type has an equal share."""
    return Mapped(pairs(split, size, seed, types, levels), TestSample)


@cache
def stored(folder: Path, types: tuple[TestType, ...]) -> Mapping[Split, Sequence[TestSample]]:
    """Return the pairs of a dataset that `ectrain data build` made.

    Raises:
        DataError: It is none, or has no pair of these types.
    """
    return {split: Mapped(stored_pairs(folder, split, types), TestSample) for split in SPLITS}
