"""A tier of longer compositions than any in training: every step of them shows in the tests."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache

import attrs

from ectrain.kept import kept
from ectrain.shards import Shards
from ectrain.task import Split
from ectrain_elixir.katas.families import LONGER
from ectrain_elixir.katas.kata import Draft, Kata
from ectrain_elixir.katas.splits import completed
from ectrain_elixir.katas.stored import recipe

LONGEST_TRAINED = 4  # steps
LENGTHS = (5, 6, 7, 8)


def longer(size: int = 160, seed: int = 0, families: Sequence[str] = ()) -> Shards[Kata]:
    """Return katas of 5 to 8 steps, equally many of each length (see `Kata.length`).

    Args:
        size: How many.
        seed: Of what is drawn.
        families: Their names; () for all that compose any number of steps. Names of others are
            left out, so that the families of training can be given.
    """
    return _kept(size, seed, tuple(name for name in LONGER if not families or name in families))


@cache
def _kept(size: int, seed: int, names: tuple[str, ...]) -> Shards[Kata]:
    settings = {"size": size, "seed": seed, "families": names}
    return kept(recipe("longer", settings, lambda: _drawn(size, seed, names)))["test"]


def _drawn(size: int, seed: int, names: tuple[str, ...]) -> Iterator[tuple[Split, Kata]]:
    seen: set[str] = set()
    number = 0
    while names and len(seen) < size:
        length = LENGTHS[len(seen) % len(LENGTHS)]
        name = names[len(seen) // len(LENGTHS) % len(names)]
        origin = f"longer/{seed}/{number}"
        rng = random.Random(origin)
        number += 1
        draft = LONGER[name](rng, length)
        kata = completed(name, draft, rng, origin) if _whole(draft) else None
        if kata is not None and kata.prompt not in seen:
            seen.add(kata.prompt)
            yield "test", attrs.evolve(kata, id=f"longer-{kata.id}")


def _whole(draft: Draft) -> bool:
    """Return whether the tests notice each step that is left out."""
    expected = [draft.run(draft.steps, arguments) for arguments in draft.inputs]
    for at in range(len(draft.steps)):
        fewer = (*draft.steps[:at], *draft.steps[at + 1 :])
        try:
            found = [draft.run(fewer, arguments) for arguments in draft.inputs]
        except (AttributeError, TypeError):  # what is left has another type
            continue
        if found == expected:
            return False
    return True
