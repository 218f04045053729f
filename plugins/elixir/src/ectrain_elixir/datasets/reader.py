"""Rows of a built dataset, as tasks read them: lazily, and by pieces where a file is long."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import DataError
from ectrain.shards import Shards, read_manifest
from ectrain.task import Split
from ectrain_elixir.datasets.row import BITS, KIND, LEVEL_BITS, VERSION, Row, made_row
from ectrain_elixir.katas import Fact

T = TypeVar("T")
Rows = Shards[Row]


def open_split(folder: Path, split: Split) -> Rows:
    """Return a split of a dataset of Elixir files.

    Raises:
        DataError: The folder holds none, or one of another kind or version.
    """
    manifest = read_manifest(folder)
    if (manifest.kind, manifest.version) != (KIND, VERSION):
        raise DataError(
            f"{folder}: holds {manifest.kind} {manifest.version}, expected {KIND} {VERSION}; "
            "build it anew"
        )
    return Shards(folder, manifest, split, made_row)


class Viewed(Sequence[T], Generic[T]):
    """Chosen rows of a split, each turned into an example when it is asked for.

    Args:
        rows: The split.
        make: From a row to an example.
        places: Of the chosen rows; all where None.
    """

    def __init__(
        self, rows: Rows, make: Callable[[Row], T], places: Sequence[int] | None = None
    ) -> None:
        self._rows, self._make = rows, make
        self._places = range(len(rows)) if places is None else places
        self.fingerprint = rows.fingerprint

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Return an example, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        return self._make(self._rows[self._places[at]])


@attrs.frozen
class Piece:
    """A part of a row's text.

    Attributes:
        row: The row.
        number: Of the piece, from 0.
        text: Its text, whole lines where lines are short enough.
        whole: Whether the file ends where it ends.
    """

    row: Row
    number: int
    text: str
    whole: bool

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The row's facts that this part is about: of modules that it names, and what they lead to.

        All of them where it is the whole file, or names none of those modules.
        """
        if self.number == 0 and self.whole:
            return self.row.facts
        words = set(re.findall(r"\w+", self.text))
        near = [fact for fact in self.row.facts if _last(fact.subject) in words]
        reached = {fact.object for fact in near}
        far = {fact for fact in self.row.facts if fact.subject in reached}
        return tuple(f for f in self.row.facts if f in far or f in near) or self.row.facts


def _last(name: str) -> str:
    """Return the last part of a module's name, by which an alias calls it."""
    return name.rpartition(".")[2]


class Pieces(Sequence[T], Generic[T]):
    """Every file of a split cut into pieces, each made when it is asked for.

    How many pieces a file has is known from its size alone, so opening reads no text.

    Args:
        rows: The split.
        limit: Characters from which a file is cut; a piece has less than twice as many.
        make: From a piece to an example.
        places: Of the files that are cut; all where None.
    """

    def __init__(
        self,
        rows: Rows,
        limit: int,
        make: Callable[[Piece], T],
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self._rows, self._limit, self._make = rows, limit, make
        self._places = np.arange(len(rows)) if places is None else places
        counts = np.maximum(1, -(-rows.sizes[self._places] // limit))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.fingerprint = f"{rows.fingerprint}/{limit}"

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Return an example, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(f"piece {at} of {len(self)}")
        at_row = int(np.searchsorted(self._starts, place, side="right")) - 1
        row = self._rows[int(self._places[at_row])]
        number = place - int(self._starts[at_row])
        last = place + 1 == int(self._starts[at_row + 1])
        start = boundary(row.code, number, self._limit)
        end = len(row.code) if last else boundary(row.code, number + 1, self._limit)
        return self._make(Piece(row, number, row.code[start:end], last))


def with_facts(rows: Rows, level: int = 1) -> NDArray[np.int64]:
    """Return the places of the files around which facts of a level or above are known."""
    wanted = sum(bit for known, bit in LEVEL_BITS.items() if known >= level)
    return np.flatnonzero(rows.marks & wanted)


class Joined(Sequence[T], Generic[T]):
    """Sequences one after another, each as lazy as it was.

    Args:
        parts: With a `fingerprint` each.
    """

    def __init__(self, *parts: Pieces[T]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *map(len, parts)])
        self.fingerprint = "+".join(part.fingerprint for part in parts)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Return an example, or several."""
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(f"example {at} of {len(self)}")
        part = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._parts[part][place - int(self._starts[part])]


def boundary(text: str, number: int, limit: int) -> int:
    """Return where a piece begins: the first line from its share on, or mid-line if none does.

    Consecutive boundaries never meet, so no piece is empty.
    """
    if number == 0:
        return 0
    earliest = number * limit
    line = text.find("\n", earliest - 1, earliest + limit - 1) + 1
    return line if 0 < line < len(text) else earliest


def labelled(folder: Path, split: Split, tool: str, make: Callable[[Row], T]) -> Viewed[T]:
    """Return an example for each row whose labels of a tool are known.

    Args:
        folder: A built dataset.
        split: Which.
        tool: "credo" or "sobelow".
        make: From a row to an example.

    Raises:
        DataError: There is no such row, or no dataset.
    """
    rows = open_split(folder, split)
    places = np.flatnonzero(rows.marks & BITS[tool]).tolist()
    if not places:
        raise DataError(
            f"{folder}: no file of split {split} has labels of {tool}; build it with saved output "
            f"of {tool} beside the projects, or with --tools run"
        )
    return Viewed(rows, make, places)
