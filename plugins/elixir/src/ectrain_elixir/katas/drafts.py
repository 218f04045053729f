"""From a kata back to the draft that it was written from."""

from __future__ import annotations

import random
from functools import lru_cache

from ectrain_elixir.katas.families import LONGER
from ectrain_elixir.katas.kata import Draft, Kata
from ectrain_elixir.katas.splits import families_of, finished


def draft_of(kata: Kata) -> Draft:
    """Return the draft of a kata that was drawn: it is drawn again."""
    return _drawn(kata.origin, kata.family, kata.level, kata.length)


@lru_cache(maxsize=64)
def _drawn(origin: str, family: str, level: int, length: int) -> Draft:
    rng = random.Random(origin)
    if origin.startswith("longer/"):
        draft = LONGER[family](rng, length)
    else:
        draft = families_of(level, (family,))[family](rng)
    return finished(family, draft, rng)[2]
