"""Pairs of code and tests, and what a model writes one after the other.

`pairs(split, size, seed, types)` is the entry, `stored_pairs(folder, split, types)` that of built
datasets; `suite_prompt(code, type, tokenizer)` gives what a suite is written after,
`suite_type(text)` what type it has, and `judge_suites(items)` what suites are worth.
"""

from ectrain_elixir.testpairs.kinds import (
    CONTROL_TOKENS,
    DIRECTIONS,
    TYPES,
    Direction,
    TestType,
    code_prompt,
    suite_prompt,
    suite_type,
)
from ectrain_elixir.testpairs.pair import TestPair
from ectrain_elixir.testpairs.pairs import exunit_pairs, pairs
from ectrain_elixir.testpairs.stored import stored_pairs
from ectrain_elixir.testpairs.vacuity import Judgement, held_out_operators, judge_suites

__all__ = [
    "CONTROL_TOKENS",
    "DIRECTIONS",
    "TYPES",
    "Direction",
    "Judgement",
    "TestPair",
    "TestType",
    "code_prompt",
    "exunit_pairs",
    "held_out_operators",
    "judge_suites",
    "pairs",
    "stored_pairs",
    "suite_prompt",
    "suite_type",
]
