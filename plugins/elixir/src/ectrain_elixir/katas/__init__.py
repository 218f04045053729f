"""Katas: small Elixir programs composed of steps, each with its doc, spec, answer and tests.

`katas(split, size, seed, levels, families)` is the entry. A composition, the kinds of its steps in
order, is in one split only, so what is measured on held-out katas is composing anew, not
remembering. `tier(name)` gives what is held out beyond that; see `tiers.py`.
"""

from ectrain_elixir.katas.families import FACT_FAMILIES, FAMILIES, FIRST_FAMILIES
from ectrain_elixir.katas.kata import Fact, Kata
from ectrain_elixir.katas.splits import families_of, katas
from ectrain_elixir.katas.stored import columns
from ectrain_elixir.katas.tiers import TIERS, Tier, tier
from ectrain_elixir.katas.vocabulary import FACT_SYMBOLS

__all__ = [
    "FACT_FAMILIES",
    "FACT_SYMBOLS",
    "FAMILIES",
    "FIRST_FAMILIES",
    "TIERS",
    "Fact",
    "Kata",
    "Tier",
    "columns",
    "families_of",
    "katas",
    "tier",
]
