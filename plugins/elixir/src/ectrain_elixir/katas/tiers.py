"""Held-out tiers: what a model that learned from `katas("train", ...)` is measured on.

A task reads them by name, each with the arguments that its training katas have:

    for name in TIERS:
        for kata in tier(name, size=config.size, seed=config.seed, levels=..., families=...):
            ...  # kata.prompt -> answer; Program(kata.program(answer), kata.tests, kata.test_names)

"test" holds unseen compositions of known steps, "longer" compositions of more steps than any in
training (draw a curve over `kata.length`), "written" 100 problems that were written by hand. Val
is no tier: thresholds and checkpoints are chosen on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ectrain_elixir.katas.families import FIRST_FAMILIES
from ectrain_elixir.katas.kata import Kata
from ectrain_elixir.katas.longer import longer
from ectrain_elixir.katas.splits import LEAST, katas
from ectrain_elixir.katas.written import written

Tier = Literal["test", "longer", "written"]
TIERS: tuple[Tier, ...] = get_args(Tier)


def tier(
    name: Tier,
    size: int = 4000,
    seed: int = 0,
    levels: Sequence[int] = (0,),
    families: Sequence[str] = FIRST_FAMILIES,
) -> Sequence[Kata]:
    """Return the katas of a held-out tier, the same ones for the same arguments, always.

    Args:
        name: "test", "longer" or "written".
        size: Katas of train; "test" and "longer" have a tenth of it, at least 64; "written" has
            its 100.
        seed: Of what is drawn; "written" is as it is.
        levels: Of facts that katas of "test" need; the other tiers need none.
        families: Of "test" and "longer"; by default the first ones, () for all. "longer" has
            those of them that compose any number of steps.

    Raises:
        ValueError: There is no such tier or family.
    """
    if name == "test":
        return katas("test", size, seed, levels, families)
    if name == "longer":
        return longer(max(LEAST, size // 10), seed, tuple(families))
    if name == "written":
        return written()
    raise ValueError(f"there is no tier {name!r}; expected one of {', '.join(TIERS)}")
