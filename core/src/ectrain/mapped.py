"""A sequence whose items are made of another one's when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

S = TypeVar("S")
T = TypeVar("T")


class Mapped(Sequence[T], Generic[S, T]):
    """Each item of a sequence, turned into another when it is asked for.

    Args:
        source: The sequence; where it knows its fingerprint, this one has it, too.
        make: From its item to one of these.
        facets: What `Task.facets` says of each item, by name, `[items]`, where that is known
            without making them.
    """

    def __init__(
        self,
        source: Sequence[S],
        make: Callable[[S], T],
        facets: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> None:
        self._source, self._make = source, make
        self.fingerprint: Any = getattr(source, "fingerprint", None)
        self.facets = facets

    def __len__(self) -> int:
        return len(self._source)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Make an item, or several."""
        if isinstance(at, slice):
            return [self._make(item) for item in self._source[at]]
        return self._make(self._source[at])
