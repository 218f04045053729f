"""Pairs of real code and its tests, from a dataset that `ectrain data build` made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

from ectrain.errors import DataError
from ectrain.task import Split
from ectrain_elixir.datasets import Row, Rows, open_split
from ectrain_elixir.datasets.row import BITS, TestStyle
from ectrain_elixir.testpairs.kinds import TYPES, TestType
from ectrain_elixir.testpairs.pair import TestPair
from ectrain_elixir.testpairs.reading import read_suite
from ectrain_elixir.testpairs.verification import read_quarantine

MOST_OFTEN = 4  # times that a pair of a rare type comes in one pass

_TYPES: Mapping[TestStyle, TestType] = {
    "exunit": "exunit",
    "property": "streamdata",
    "liveview": "liveview",
}


class StoredPairs(Sequence[TestPair]):
    """The pairs of a split, each read when it is asked for.

    A suite is paired with each file of code that it tests and names a module of. Types have equal
    shares as far as no pair comes more than `MOST_OFTEN` times; what comes again has a mark behind
    its id.

    Args:
        rows: The split.
        types: Of suites.
        left_out: Ids of pairs that are known to be wrong.
    """

    def __init__(
        self, rows: Rows, types: Sequence[TestType], left_out: frozenset[str] = frozenset()
    ) -> None:
        self._rows = rows
        found: dict[TestType, list[tuple[int, int]]] = {kind: [] for kind in types}
        for kind, test, source in _places(rows):
            if kind in found and _id(rows[test], rows[source]) not in left_out:
                found[kind].append((test, source))
        most = max(map(len, found.values()))
        self._order = [
            (kind, *own[number % len(own)], number // len(own))
            for kind, own in found.items()
            for number in range(min(most, MOST_OFTEN * len(own)))
        ]
        self.fingerprint = f"{rows.fingerprint}/pairs/{','.join(types)}/{sorted(left_out)}"

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, at: int) -> TestPair: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[TestPair]: ...
    def __getitem__(self, at: int | slice) -> TestPair | Sequence[TestPair]:
        """Return a pair, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        kind, test, source, again = self._order[at]
        return _pair(kind, self._rows[test], self._rows[source], again)


def stored_pairs(folder: Path, split: Split, types: Sequence[TestType] = TYPES) -> StoredPairs:
    """Return the pairs of a split of a built dataset, without those in quarantine.

    Raises:
        DataError: There is no dataset, or no pair of these types in it.
    """
    found = StoredPairs(open_split(folder, split), types, read_quarantine(folder))
    if not len(found):
        raise DataError(
            f"{folder}: no file of split {split} has tests of type {' or '.join(types)}; build it "
            "from projects with their test folders"
        )
    return found


def _places(rows: Rows) -> Iterator[tuple[TestType, int, int]]:
    """Yield type, place of the suite and place of the code of each pair."""
    sources: dict[str, int] = {}
    suites: list[tuple[int, Row]] = []
    for place, mark in enumerate(rows.marks.tolist()):
        if mark & BITS["source"]:
            sources[rows[place].id] = place
        elif mark & BITS["test"]:
            suites.append((place, rows[place]))
    for place, suite in suites:
        for name in suite.pairs:
            source = sources.get(name)
            if source is not None and _names_a_module(suite, rows[source]):
                yield _TYPES.get(suite.style, "exunit"), place, source


def _names_a_module(suite: Row, source: Row) -> bool:
    return any(name.rpartition(".")[2] in suite.code for name in source.modules)


def _id(suite: Row, source: Row) -> str:
    return f"{source.id}#{suite.id}"


def _pair(kind: TestType, suite: Row, source: Row, again: int) -> TestPair:
    names = tuple(test.name for test in read_suite(suite.code).tests)
    return TestPair(
        id=f"{_id(suite, source)}{f'~{again}' if again else ''}",
        group=source.group,
        kind=kind,
        code=source.code,
        tests=suite.code,
        test_names=names if all(names) and len(set(names)) == len(names) else (),
    )
