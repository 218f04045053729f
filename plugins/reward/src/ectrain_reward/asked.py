"""What a policy is asked to write, and examples of it: given texts, and samples of its own.

Shape suffix: k measures of a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.mapped import Mapped
from ectrain.mixing import examples_from
from ectrain.task import NO_TARGET, Segment, Split
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.testpairs import (
    TestPair,
    TestType,
    code_prompt,
    pairs,
    stored_pairs,
    suite_prompt,
)
from ectrain_reward.objective import EXPECTED, MEASURES, VALUE
from ectrain_reward.rewards import Answer

Writes = Literal["tests", "code"]


@attrs.frozen
class Asked:
    """Something to be written, with what a person would write.

    Attributes:
        pair: Code and its suite, one of which is given.
        writes: The other one.
    """

    pair: TestPair
    writes: Writes

    @property
    def id(self) -> str:
        """Of the pair."""
        return self.pair.id

    @property
    def group(self) -> str:
        """Of the pair."""
        return self.pair.group

    @property
    def given(self) -> str:
        """What is read."""
        return self.pair.code if self.writes == "tests" else self.pair.tests

    @property
    def wanted(self) -> str:
        """What a person would write."""
        return self.pair.tests if self.writes == "tests" else self.pair.code

    def prompt(self, tokenizer: Tokenizer, most: int) -> list[int]:
        """Return the tokens that are read, of a long text the first."""
        make = suite_prompt if self.writes == "tests" else code_prompt
        return make(self.given, self.pair.kind, tokenizer, most)

    def answer(self, text: str) -> Answer:
        """Return what was written as rewards take it."""
        if self.writes == "tests":
            return Answer(self.pair.code, text)
        return Answer(text, self.pair.tests, self.pair.test_names, "code")


@attrs.frozen(eq=False)
class Rollout:
    """A sample of the policy's own.

    Attributes:
        id: Of what was asked, with round, sample and pass.
        group: Of what was asked.
        prompt: Tokens that were read.
        tokens: Tokens that were written, the end among them where it came.
        text: What they say.
        measures: `[tokens, k]` of each, see `objective.MEASURES`.
    """

    id: str
    group: str
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    text: str
    measures: NDArray[np.float32]


def asked_split(
    split: Split, data: str, size: int, seed: int, types: Sequence[TestType], writes: Writes
) -> Sequence[Asked]:
    """Return what is asked in a split, the same always: embedded pairs, a dataset's, or a mix."""
    ask = partial(Asked, writes=writes)
    return examples_from(
        data,
        lambda: Mapped(pairs(split, size, seed, types), ask),
        lambda path: Mapped(stored_pairs(path, split, types), ask),
    )


def segment(
    prompt: Sequence[int], written: Sequence[int], measures: NDArray[np.float32] | None, most: int
) -> Segment:
    """Predict what was written after a prompt; without measures, imitate it.

    Args:
        prompt: What is read.
        written: What follows.
        measures: `[written, k]`; None for a given text, of which a critic expects all.
        most: Tokens of the segment; more are cut off at the end.
    """
    ids = np.array([*prompt, *written], dtype=np.int64)[:most]
    first = min(len(prompt), most) - 1
    labels = np.full(len(ids), NO_TARGET, dtype=np.int64)
    labels[first:-1] = ids[first + 1 :]
    rows = np.zeros((len(ids), len(MEASURES)), dtype=np.float32)
    if measures is None:
        rows[first:-1, [EXPECTED, VALUE]] = 1.0
    else:
        rows[first:-1] = measures[: len(ids) - 1 - first]
    return Segment(ids, labels=labels, measures=rows)
