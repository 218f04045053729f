"""Pairs of code and tests, and what a model writes one after the other.

`pairs(split, size, seed, types)` is the entry; `test_prompt(code, type, tokenizer)` gives what a
suite is written after, `test_type(text)` what type it has.
"""

from ectrain_elixir.testpairs.kinds import (
    CONTROL_TOKENS,
    DIRECTIONS,
    TYPES,
    Direction,
    TestType,
    code_prompt,
    test_prompt,
    test_type,
)
from ectrain_elixir.testpairs.pair import TestPair
from ectrain_elixir.testpairs.pairs import exunit_pairs, pairs

__all__ = [
    "CONTROL_TOKENS",
    "DIRECTIONS",
    "TYPES",
    "Direction",
    "TestPair",
    "TestType",
    "code_prompt",
    "exunit_pairs",
    "pairs",
    "test_prompt",
    "test_type",
]
