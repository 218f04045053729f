"""Where in a text its labels stand, and what a part of the text says of them.

Shape suffixes: w labels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.order import keyed_random


@attrs.frozen
class Place:
    """Where one label stands in a text.

    Attributes:
        label: Number of the label.
        first: The line that it is about, from 1.
        last: The line down to which the text must be seen to judge it.
    """

    label: int
    first: int
    last: int


@attrs.frozen
class Part:
    """What is seen of a text.

    Attributes:
        first: First line that is seen whole, from 1.
        last: Last one.
        whole: Whether nothing else is left out.
    """

    first: int
    last: int
    whole: bool = False


def judged(
    values_w: NDArray[np.float32],
    places: Iterable[Place],
    part: Part,
    ends: Collection[int] = (),
) -> NDArray[np.float32]:
    """Return the labels that a part of a text has, `[w]`, NaN for what can't be judged from it.

    A label stays where one of its places is seen down to its last line. One that stands in what is
    left out no longer counts, for either side: the part may show it or not. What the text does not
    have, no part of it has.

    Args:
        values_w: Labels of the whole text.
        places: Where they stand; a label without a place is judged from the whole text alone.
        part: What is seen.
        ends: Labels about how a text ends, which no part shows.
    """
    if part.whole:
        return values_w
    seen = {p.label for p in places if part.first <= p.first and p.last <= part.last}
    found = values_w.copy()
    for label in np.flatnonzero(found > 0):
        if int(label) not in seen:
            found[label] = np.nan
    found[list(ends)] = np.nan
    return found


def cut_at_random(text: str, key: str) -> tuple[str, Part]:
    """Return the beginning of a text, up to a character that its key alone decides, and the part.

    At least one character is left out, and one is left in where there are two. Blanks that the cut
    leaves at the end of a line are left out, too: they would be taken for the author's.
    """
    if len(text) < 2:
        return text, Part(1, text.count("\n") + 1, whole=True)
    end = keyed_random("cut", key).randint(1, len(text) - 1)
    return text[:end].rstrip(" \t"), Part(1, text.count("\n", 0, end))
