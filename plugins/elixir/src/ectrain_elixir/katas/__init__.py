"""Katas: small Elixir programs composed of steps, each with its doc, spec, answer and tests.

`katas(split, size, seed, levels)` is the entry. A composition, the kinds of its steps in order, is
in one split only, so what is measured on held-out katas is composing anew, not remembering.
"""

from ectrain_elixir.katas.facts import FACT_SYMBOLS
from ectrain_elixir.katas.families import FAMILIES
from ectrain_elixir.katas.kata import Fact, Kata
from ectrain_elixir.katas.splits import katas

__all__ = ["FACT_SYMBOLS", "FAMILIES", "Fact", "Kata", "katas"]
