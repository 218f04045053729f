"""The test generation task: dataset, head, loss, metrics, and evaluation by execution."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from torch import Tensor, nn

from ectrain.mixing import examples_from
from ectrain.model import Model
from ectrain.parts import TokenHead, TokenOutput, token_loss
from ectrain.structure import between
from ectrain.task import (
    NO_TARGET,
    Budget,
    Estimate,
    Goal,
    Metric,
    Segment,
    Split,
    Targets,
    Task,
    TrunkShape,
)
from ectrain.tokenizer import Tokenizer
from ectrain_elixir.symbols import SYMBOLS
from ectrain_elixir.testpairs import (
    CONTROL_TOKENS,
    TYPES,
    Direction,
    TestType,
    code_prompt,
    suite_prompt,
)
from ectrain_tests.data import TestSample, embedded, stored
from ectrain_tests.evaluation import Asking, ExecutionConfig, evaluate
from ectrain_tests.figures import PairFigures, noted
from ectrain_tests.shares import dealt
from ectrain_tests.writing import Writer

LEVELS = (0, 1, 2)


def _some_of(known: Sequence[object]) -> Callable[[Any, Any, Any], None]:
    """Return a check that a setting holds some of what is known, each once."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Sequence[Any]) -> None:
        if not value or not set(value) <= set(known) or len(set(value)) < len(value):
            choice = ", ".join(map(str, known))
            raise ValueError(f"{attribute.name}: expected some of {choice}, found {list(value)}")

    return check


@attrs.frozen
class TestsConfig:
    """Settings of the test generation task.

    Attributes:
        data: Directory of a built dataset; "" for embedded pairs; a mix as
            `embedded=0.3,DIR=0.7`.
        size: Embedded training pairs.
        seed: Of the embedded pairs.
        types: Of tests; each has an equal share of the pairs.
        levels: Of facts that the code of plain suites needs: 0 none, 1 one hop, 2 two hops.
        to_test: Share of draws in which tests are written for code; in the rest, code for tests.
        fresh: Whether a pair has another suite each time that it is drawn, where it can have one.
        max_tokens: Most tokens of a segment, and of what is written.
        adapter: Rank of the head's own adapter; 0 for none.
        execution: How held-out pairs are measured by writing and running.
    """

    __test__ = False

    data: str = ""
    size: int = attrs.field(default=6000, validator=attrs.validators.ge(3))
    seed: int = 0
    types: tuple[TestType, ...] = attrs.field(default=TYPES, validator=_some_of(TYPES))
    levels: tuple[int, ...] = attrs.field(default=(0,), validator=_some_of(LEVELS))
    to_test: float = attrs.field(default=0.75, validator=between(0, 1))
    fresh: bool = True
    max_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(16))
    adapter: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    execution: ExecutionConfig = attrs.field(factory=ExecutionConfig)


class TestsTask(Task[TestSample, TestsConfig]):
    """Write tests for code, and code for tests."""

    __test__ = False

    name = "tests"
    config_type = TestsConfig
    goals = (Goal("pass@1", 0.60),)

    def examples(self, split: Split) -> Sequence[TestSample]:
        """Return embedded pairs, those of a dataset, or a mix."""
        config = self.config
        return examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed, config.types, config.levels),
            lambda path: stored(path, config.types)[split],
        )

    def control_tokens(self) -> tuple[str, ...]:
        """Return the marks of directions and types."""
        unused = {f"<{kind}>" for kind in TYPES if kind not in self.config.types}
        unused |= {"<to_code>"} if self.config.to_test == 1 else set()
        unused |= {"<to_test>"} if self.config.to_test == 0 else set()
        return tuple(token for token in CONTROL_TOKENS if token not in unused)

    def in_turn(self, example: TestSample, turn: int) -> TestSample:
        """Deal out the directions."""
        direction: Direction = "to_test" if dealt(turn, self.config.to_test) else "to_code"
        return attrs.evolve(example, direction=direction)

    def encode(self, example: TestSample, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Predict what is to be written, and its end, after what is given and the marks."""
        if self.config.fresh:
            example = attrs.evolve(example, pair=example.pair.another(rng))
        prompt = self.prompt_of(example, tokenizer)
        room = self.config.max_tokens - len(prompt)
        wanted = [*tokenizer.encode(example.wanted), tokenizer.end_id][:room]
        ids = np.array([*prompt, *wanted], dtype=np.int64)
        labels = np.append(ids[1:], NO_TARGET)
        labels[: len(prompt) - 1] = NO_TARGET
        notes = np.full(len(ids), noted(example.pair.kind, example.direction), dtype=np.int64)
        return Segment(ids, labels=labels, notes=notes)

    def prompt_of(self, example: TestSample, tokenizer: Tokenizer) -> list[int]:
        """Return what a sample is written after; of a long text, the first part is given."""
        write = suite_prompt if example.direction == "to_test" else code_prompt
        most = self.config.max_tokens // 2
        return write(example.given, example.pair.kind, tokenizer, most)

    def answer_types(self) -> tuple[str, ...]:
        """Return the types of tests that it learns."""
        return self.config.types

    def typed_prompt(self, text: str, kind: str, tokenizer: Tokenizer) -> list[int]:
        """Return what a suite of a type is written after, for some code."""
        (chosen,) = (known for known in TYPES if known == kind)
        return suite_prompt(text, chosen, tokenizer, self.config.max_tokens // 2)

    def prompt(self, text: str, tokenizer: Tokenizer) -> list[int]:
        """Return what a suite of the first type is written after, for some code."""
        return self.typed_prompt(text, self.config.types[0], tokenizer)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens with the trunk's own embedding."""
        return TokenHead(trunk, self.config.adapter)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return the summed cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return the figures of each type and direction."""
        return {"": PairFigures(self.config.types)}

    def texts(self, example: TestSample) -> Iterable[str]:
        """Yield the code and the tests."""
        yield example.pair.code
        yield example.pair.tests

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters."""
        return SYMBOLS

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Write tests for held-out code and code for held-out tests, and run them."""
        config, tokenizer = self.config, model.tokenizer
        writer = Writer(
            model,
            self.name,
            lambda sample: self.prompt_of(sample, tokenizer),
            config.max_tokens,
            budget,
        )
        asking = Asking(config.types, config.to_test, config.execution)
        return evaluate(writer, self.examples(split), asking)
