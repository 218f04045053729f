"""Mutation testing of Elixir in warm virtual machines: what share of mutants does a suite kill?

`MutationEngine().kill_rate(code, tests)` is the entry.
"""

from ectrain_elixir.mutation.engine import MutationEngine
from ectrain_elixir.mutation.operators import (
    Operator,
    OperatorSet,
    held_out,
    muzak,
    operators,
    standard,
)
from ectrain_elixir.mutation.score import Mutant, Outcome, Result, Score

__all__ = [
    "Mutant",
    "MutationEngine",
    "Operator",
    "OperatorSet",
    "Outcome",
    "Result",
    "Score",
    "held_out",
    "muzak",
    "operators",
    "standard",
]
