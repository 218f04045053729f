"""What the figures need to know of each target, as one number: made here and read here."""

from __future__ import annotations

from typing import get_args

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain_codegen.objectives import Objective

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
DELIMITER = 15  # the class of a target that only says where a span ends

_CLASS, _FIRST, _BYTES = 2, 6, 7  # first bits; the objective has the two below


@attrs.frozen(eq=False)
class Notes:
    """Of some targets, `[m]` each.

    Attributes:
        objective: Place in `OBJECTIVES`.
        kind: Class of the token, a place in `ectrain_elixir.classes.CLASSES`, or `DELIMITER`.
        first: Whether a span or a middle begins with it.
        bytes: How many bytes of text it is.
    """

    objective: NDArray[np.int64]
    kind: NDArray[np.int64]
    first: NDArray[np.bool_]
    bytes: NDArray[np.int64]

    def at(self, chosen_m: NDArray[np.bool_]) -> Notes:
        """Return those of some of the targets."""
        return Notes(
            self.objective[chosen_m],
            self.kind[chosen_m],
            self.first[chosen_m],
            self.bytes[chosen_m],
        )


def noted(
    objective: Objective,
    length: int,
    kind: NDArray[np.int64] | int = 0,
    first: NDArray[np.int64] | int = 0,
    lengths: NDArray[np.int64] | int = 0,
) -> NDArray[np.int64]:
    """Return the notes of a segment, `[length]`; what a target is has the target's own place."""
    number = np.full(length, OBJECTIVES.index(objective), dtype=np.int64)
    found: NDArray[np.int64] = number + (kind << _CLASS) + (first << _FIRST) + (lengths << _BYTES)
    return found


def read_notes(notes_m: NDArray[np.int64]) -> Notes:
    """Return what `noted` took."""
    return Notes(
        notes_m & 3,
        (notes_m >> _CLASS) & 15,
        (notes_m >> _FIRST & 1).astype(bool),
        notes_m >> _BYTES,
    )
