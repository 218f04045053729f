"""The codegen task: dataset, head, loss, metrics, and evaluation by execution."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
from torch import Tensor, nn

from ectrain.errors import ConfigError
from ectrain.mixing import EMBEDDED, examples_from, parse_sources
from ectrain.model import Model
from ectrain.parts import TokenHead, TokenOutput, token_loss
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
from ectrain_codegen.data import (
    CodeSample,
    directory,
    embedded,
    fact_level,
    held_out,
    kata_problems,
)
from ectrain_codegen.execution import Asked, ExecutionConfig, evaluate
from ectrain_codegen.figures import ObjectiveFigures
from ectrain_codegen.infilling import Order, cut_anywhere, cut_node, infill_prompt, infilled
from ectrain_codegen.masking import masked
from ectrain_codegen.multiple import read_problems
from ectrain_codegen.notes import noted
from ectrain_codegen.objectives import ObjectivesConfig
from ectrain_elixir.katas import FACT_SYMBOLS, families_of
from ectrain_elixir.ontology import ONTOLOGY_SYMBOLS
from ectrain_elixir.symbols import SYMBOLS

LEVELS = (0, 1, 2)


def _levels(_: object, attribute: attrs.Attribute[tuple[int, ...]], value: Sequence[int]) -> None:
    if not value or not set(value) <= set(LEVELS):
        raise ValueError(f"{attribute.name}: expected some of 0, 1 and 2, found {list(value)}")


def _families(
    config: CodegenConfig, attribute: attrs.Attribute[tuple[str, ...]], value: Sequence[str]
) -> None:
    try:
        for level in config.levels:
            families_of(level, value)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}") from None


@attrs.frozen
class CodegenConfig:
    """Settings of the codegen task.

    Attributes:
        data: Directory of Elixir code or built dataset; "" for the embedded katas; a mix as
            `embedded=0.3,DIR=0.7`.
        size: Embedded training katas.
        seed: Of the embedded katas.
        levels: Of facts that embedded katas need: 0 none, 1 one hop, 2 two hops; equal shares.
        families: Of embedded katas, by name; each level needs one of its own; none for all.
        max_tokens: Most tokens of a segment; of a longer text, a window is trained on.
        loss_on: From left to right, predict the answers of katas alone, or their prompts, too.
        adapter: Rank of the head's own adapter; 0 for none.
        objectives: What examples are encoded for, and their shares.
        execution: How held-out problems are measured by writing and running.
    """

    data: str = ""
    size: int = attrs.field(default=4000, validator=attrs.validators.ge(1))
    seed: int = 0
    levels: tuple[int, ...] = attrs.field(default=LEVELS, validator=_levels)
    families: tuple[str, ...] = attrs.field(default=(), validator=_families)
    max_tokens: int = attrs.field(default=512, validator=attrs.validators.ge(8))
    loss_on: Literal["answer", "all"] = "answer"
    adapter: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    objectives: ObjectivesConfig = attrs.field(factory=ObjectivesConfig)
    execution: ExecutionConfig = attrs.field(factory=ExecutionConfig)


class CodegenTask(Task[CodeSample, CodegenConfig]):
    """Write Elixir."""

    name = "codegen"
    config_type = CodegenConfig
    goals = (Goal("pass@1", 0.70),)

    def examples(self, split: Split) -> Sequence[CodeSample]:
        """Return embedded katas, pieces of a directory's or a dataset's files, or a mix."""
        config = self.config
        return examples_from(
            config.data,
            lambda: embedded(split, config.size, config.seed, config.levels, config.families),
            lambda path: directory(path, config.max_tokens)[split],
        )

    def control_tokens(self) -> tuple[str, ...]:
        """Return the marks that the objectives need."""
        return self.config.objectives.marks

    def in_turn(self, example: CodeSample, turn: int) -> CodeSample:
        """Deal out the objectives."""
        return attrs.evolve(example, objective=self.config.objectives.dealt(turn))

    def encode(self, example: CodeSample, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Encode an example for its objective."""
        if example.objective == "causal":
            return self._left_to_right(example, tokenizer, rng)
        settings, most = self.config.objectives, self.config.max_tokens
        given = tokenizer.encode(example.annotation)
        if len(given) > most // 2:
            given = []
        if example.objective == "masked":
            share, how = settings.mask_share, settings.mask_for
            return masked(given, example.text, tokenizer, rng, share=share, mask_for=how, most=most)
        cut = cut_node if rng.random() < settings.node_cuts else cut_anywhere
        order, loss = example.objective, settings.fim_loss
        parts = cut(example.text, rng)
        return infilled(given, parts, tokenizer, order=order, loss=loss, most=most)

    def infill_prompt(self, before: str, after: str, tokenizer: Tokenizer) -> list[int]:
        """Return the tokens after which what lies between two texts is written."""
        objectives = self.config.objectives
        if not objectives.infills:
            raise ConfigError(
                "task codegen: this run learned no infilling; train one with "
                "tasks.codegen.objectives.causal and .masked below 1"
            )
        order: Order = "spm" if objectives.spm == 1 else "psm"
        return infill_prompt(order, tokenizer.encode(before), tokenizer.encode(after), tokenizer)

    def _left_to_right(
        self, example: CodeSample, tokenizer: Tokenizer, rng: random.Random
    ) -> Segment:
        """Predict each token from those before it, from the answer's first token on."""
        given, most = self.prompt(example.prompt, tokenizer), self.config.max_tokens
        ids = given + tokenizer.encode(example.answer) + [tokenizer.end_id] * example.whole
        first = max(0, len(given) + 1 - most) if self.config.loss_on == "answer" else 0
        start = rng.randint(first, max(first, len(ids) - most))
        kept = np.array(ids[start : start + most], dtype=np.int64)
        labels = np.append(kept[1:], NO_TARGET)
        if self.config.loss_on == "answer":
            labels[: max(0, len(given) - 1 - start)] = NO_TARGET
        lengths = np.append(tokenizer.byte_lengths[kept[1:]], 0)
        return Segment(kept, labels=labels, notes=noted("causal", len(kept), lengths=lengths))

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens with the trunk's own embedding."""
        return TokenHead(trunk, self.config.adapter)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return the summed cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return the figures of each objective."""
        return {"": ObjectiveFigures(self.config.objectives)}

    def texts(self, example: CodeSample) -> Iterable[str]:
        """Yield the text as it is encoded, part by part."""
        yield example.prompt
        yield example.answer

    def symbols(self) -> tuple[str, ...]:
        """Return Elixir's operators and delimiters, and what facts are written with."""
        if self._stored_level:
            return SYMBOLS + ONTOLOGY_SYMBOLS
        return SYMBOLS + FACT_SYMBOLS if self._gives_facts else SYMBOLS

    def facets(self, example: CodeSample) -> Mapping[str, float]:
        """Return how many steps a kata composes, its level and how many facts it gives.

        Of plain code, they are those of the facts before it. Where no kata gives facts and no file
        has paths of them, there is no level to choose by, and filters on it don't apply.
        """
        kata = example.kata
        if kata is None:
            found = {"level": float(example.level), "facts": float(example.facts)}
            return found if self._gives_facts else {}
        steps = {"steps": float(len(kata.steps))}
        facts = {"level": float(kata.level), "facts": float(len(kata.facts))}
        return steps | facts if self._gives_facts else steps

    @property
    def _gives_facts(self) -> bool:
        places = [source.place for source in parse_sources(self.config.data)]
        return (EMBEDDED in places and any(self.config.levels)) or self._stored_level == max(LEVELS)

    @property
    def _stored_level(self) -> int:
        """The highest level of facts that files of its datasets have."""
        places = [source.place for source in parse_sources(self.config.data)]
        return max(fact_level(Path(place)) for place in places) if places != [EMBEDDED] else 0

    def evaluate(self, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Write the answers of held-out problems and run their tests on them.

        The test split's figures have their plain names, those of other tiers begin with the tier's,
        those of a file of problems with "multiple".
        """
        settings, most = self.config.execution, self.config.max_tokens
        found: dict[str, Estimate] = {}
        for name, asked in self._asked(split):
            measured = evaluate(model, self.name, asked, budget, most, settings)
            found |= {f"{name}.{key}" if name else key: x for key, x in measured.items()}
        return found

    def _asked(self, split: Split) -> Iterator[tuple[str, Sequence[Asked]]]:
        """Yield what a split is measured on, with the names of its parts."""
        config = self.config
        if split != "test" or config.data or "test" in config.execution.tiers:
            yield "", kata_problems(self.examples(split))
        if split != "test":
            return
        for name in config.execution.tiers:
            if name != "test" and not config.data:
                yield name, kata_problems(held_out(name, config.size, config.seed, config.families))
        if config.execution.problems:
            yield "multiple", read_problems(Path(config.execution.problems)).asked
