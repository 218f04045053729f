"""A task that needs no data of its own: what stands beside a task under test."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from torch import Tensor, nn

from ectrain.parts import TokenAccuracy, TokenHead, TokenOutput, token_loss
from ectrain.task import NO_TARGET, Metric, Segment, Split, Targets, Task, TrunkShape
from ectrain.tokenizer import Tokenizer

SEGMENTS = 6


@attrs.frozen
class NeighbourConfig:
    """It has no settings."""


@attrs.frozen
class _Line:
    """A line of the neighbour's data."""

    id: str
    group: str
    text: str


class Neighbour(Task[_Line, NeighbourConfig]):
    """Predict each next token of a few lines."""

    name = "contract_neighbour"
    config_type = NeighbourConfig

    def __init__(self, config: NeighbourConfig | None = None) -> None:
        super().__init__(config or NeighbourConfig())

    def examples(self, split: Split) -> Sequence[_Line]:
        """Return lines."""
        return [_Line(f"{split}-{n}", f"{split}-{n}", f"{split} {n}") for n in range(SEGMENTS)]

    def encode(self, example: _Line, tokenizer: Tokenizer, rng: random.Random) -> Segment:
        """Predict each token from those before it."""
        return _causal([tokenizer.begin_id, *tokenizer.encode(example.text), tokenizer.end_id])

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Predict tokens."""
        return TokenHead(trunk, adapter=2)

    def loss(self, output: TokenOutput, targets: Targets) -> Tensor:
        """Return the summed cross-entropy."""
        return token_loss(output, targets)

    def metrics(self) -> Mapping[str, Metric]:
        """Return the share of right tokens."""
        return {"accuracy": TokenAccuracy()}


def neighbour_segments(vocabulary: int) -> list[Segment]:
    """Return a few causal segments of any tokens."""
    rng = random.Random("neighbour")
    return [
        _causal([rng.randrange(vocabulary) for _ in range(rng.randint(3, 21))])
        for _ in range(SEGMENTS)
    ]


def _causal(ids: Sequence[int]) -> Segment:
    tokens = np.array(ids, dtype=np.int64)
    return Segment(tokens, labels=np.append(tokens[1:], NO_TARGET))
