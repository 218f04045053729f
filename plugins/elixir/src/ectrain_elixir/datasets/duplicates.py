"""Files that are the same: to the letter, but for layout and names of variables, or nearly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

BANDS = 16  # of a signature; two files that share one are compared

How = Literal["exact duplicate", "duplicate but for layout and variables", "near duplicate"]
EXACT: How = "exact duplicate"
NORMAL: How = "duplicate but for layout and variables"
NEAR: How = "near duplicate"


@attrs.frozen
class Twin:
    """A file that repeats an earlier one.

    Attributes:
        place: Of the file.
        of: Place of the earlier one.
        how: In what way.
        likeness: Jaccard similarity of their shingles, estimated; 1 where it is not only near.
    """

    place: int
    of: int
    how: How
    likeness: float = 1.0


def twins(
    exact: Sequence[str],
    normal: Sequence[str],
    signatures: NDArray[np.uint32],
    least: float,
) -> Iterator[Twin]:
    """Yield the files that repeat an earlier one, each once, in order.

    Args:
        exact: Hash of each file's text.
        normal: Hash of each file without layout and names of variables.
        signatures: MinHash of each, `[files, permutations]`.
        least: Likeness from which two files are near duplicates; above 1 for none.

    Source: Leskovec, Rajaraman & Ullman, Mining of massive datasets, 3.4 (banding).
    """
    first: dict[tuple[How, str], int] = {}
    near = _Bands(signatures, least)
    for place in range(len(exact)):
        found = None
        for how, mark in ((EXACT, exact[place]), (NORMAL, normal[place])):
            if (how, mark) in first:
                found = found or Twin(place, first[how, mark], how)
        if found is None and least <= 1:
            found = near.twin(place)
        if found is None:
            first[EXACT, exact[place]] = place
            first[NORMAL, normal[place]] = place
            near.add(place)
        else:
            yield found


class _Bands:
    def __init__(self, signatures: NDArray[np.uint32], least: float) -> None:
        self._signatures, self._least = signatures, least
        self._buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        width = signatures.shape[1] // BANDS
        self._cuts = [slice(n * width, (n + 1) * width) for n in range(BANDS)]

    def add(self, place: int) -> None:
        for key in self._keys(place):
            self._buckets[key].append(place)

    def twin(self, place: int) -> Twin | None:
        """Return the most alike earlier file, if it is alike enough."""
        others = sorted(
            {other for key in self._keys(place) for other in self._buckets.get(key, ())}
        )
        if not others:
            return None
        like = (self._signatures[others] == self._signatures[place]).mean(1)
        best = int(like.argmax())
        if like[best] < self._least:
            return None
        return Twin(place, others[best], NEAR, float(like[best]))

    def _keys(self, place: int) -> Iterator[tuple[int, bytes]]:
        row = self._signatures[place]
        for number, cut in enumerate(self._cuts):
            yield number, row[cut].tobytes()


class Groups:
    """Names that become one when they must not be split: union by the smallest name."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the name that stands for all that were joined with this one."""
        root = name
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(name, name) != root:
            self._parent[name], name = root, self._parent.get(name, name)
        return root

    def join(self, one: str, other: str) -> None:
        """Keep two together from now on."""
        small, large = sorted((self.of(one), self.of(other)))
        self._parent[large] = small
        self._parent.setdefault(small, small)
