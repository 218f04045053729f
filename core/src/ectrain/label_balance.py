"""How many texts without a label there are to each with one, where training is to be balanced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from ectrain.order import permuted


class HasValues(Protocol):
    """An example with labels."""

    @property
    def values(self) -> NDArray[np.float32]:
        """One number a label: above 0 where it has it, `[w]`."""


T = TypeVar("T", bound=HasValues)


class Balanced(Sequence[T]):
    """Examples of which so many without any label are left out that a ratio holds.

    Which are left out is decided by hash, the same always; all others keep their order, and none
    is taken twice. Every example is read once. Where none has a label, all stay.

    Args:
        examples: All of them.
        ratio: Most examples without any label, to one that has some.
    """

    def __init__(self, examples: Sequence[T], ratio: float) -> None:
        has = np.array([bool((example.values > 0).any()) for example in examples])
        clean = np.flatnonzero(~has)
        count = min(len(clean), round(ratio * int(has.sum()))) if has.any() else len(clean)
        order = [permuted(place, len(clean), "balance") for place in range(count)]
        self._places = np.sort(np.concatenate([np.flatnonzero(has), clean[order]]).astype(int))
        self._examples = examples
        own = getattr(examples, "fingerprint", None)
        if isinstance(own, str):
            self.fingerprint = f"{own}/{ratio}"

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
        return self._examples[int(self._places[at])]
