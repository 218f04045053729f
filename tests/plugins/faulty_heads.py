"""Faults of heads: one to a task."""

from __future__ import annotations

import itertools
import random
from functools import cache
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from toys import LETTERS, Letters, Word

from ectrain.parts import LabelHead
from ectrain.task import (
    Rows,
    Segment,
    TrunkShape,
)

CALLS = itertools.count()


class FixedHead(nn.Module):
    """Is made for one width."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = LabelHead(TrunkShape(32, 0), len(LETTERS))

    def forward(self, rows: Rows) -> Tensor:
        """Return scores."""
        scores: Tensor = self.inner(rows)
        return scores


class FixedWidth(Letters):
    """Ignores the trunk's width."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return a head for width 32."""
        return FixedHead()


@cache
def one_head(width: int) -> nn.Module:
    """Return the same head each time."""
    return LabelHead(TrunkShape(width, 0), len(LETTERS))


class SharedHead(Letters):
    """Gives every model the same head."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return one head of each width, made once."""
        return one_head(trunk.width)


class TurnedHead(LabelHead):
    """Has a weight that is a view of another tensor."""

    def __init__(self, trunk: TrunkShape) -> None:
        super().__init__(trunk, len(LETTERS))
        self.queries.weight = nn.Parameter(torch.randn(trunk.width, len(LETTERS)).t())


class Turned(Letters):
    """Has a head that no file can hold."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the turned head."""
        return TurnedHead(trunk)


class Unseeded(Letters):
    """Starts its head from numbers of its own."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return a head whose bias depends on how many there were."""
        head = LabelHead(trunk, len(LETTERS))
        nn.init.constant_(head.bias, 1e-3 * next(CALLS))
        return head


class DetachedHead(LabelHead):
    """Learns alone."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores that lead no gradient on."""
        return super().forward(attrs.evolve(rows, trunk_td=rows.trunk_td.detach()))


class Detached(Letters):
    """Keeps the gradient from the trunk."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the detached head."""
        return DetachedHead(trunk, len(LETTERS))


class HookedHead(LabelHead):
    """Scales the gradient that everybody shares."""

    def forward(self, rows: Rows) -> Tensor:
        """Register a hook on the trunk's output."""
        if rows.trunk_td.requires_grad:
            hook: Any = rows.trunk_td.register_hook
            hook(lambda gradient_td: gradient_td * 0.5)
        return super().forward(rows)


class Hooked(Letters):
    """Changes other tasks' gradients."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the hooked head."""
        return HookedHead(trunk, len(LETTERS))


class FirstRowsHead(LabelHead):
    """Takes the first rows of the pack for its own."""

    def forward(self, rows: Rows) -> Tensor:
        """Ignore where the task's tokens lie."""
        return super().forward(attrs.evolve(rows, index_n=torch.arange(len(rows.index_n))))


class FirstRows(Letters):
    """Is right as long as it is alone and its segments fill their places."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a word until eight tokens are full."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.resize(segment.tokens, 8)
        return Segment(tokens, 8, values=segment.values)

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the head that takes the first rows."""
        return FirstRowsHead(trunk, len(LETTERS))


class StiffHead(LabelHead):
    """Can't say much."""

    def forward(self, rows: Rows) -> Tensor:
        """Return scores between -0.1 and 0.1."""
        return 0.1 * super().forward(rows).tanh()


class Stiff(Letters):
    """Can't learn."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the stiff head."""
        return StiffHead(trunk, len(LETTERS))


class RenormingHead(LabelHead):
    """Keeps the embedding short, while it is trained."""

    def forward(self, rows: Rows) -> Tensor:
        """Shrink what everybody reads."""
        scores = super().forward(rows)
        if self.training:
            rows.vocabulary_vd.data.mul_(0.999)
        return scores


class Renorming(Letters):
    """Changes the embedding under other tasks."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the head that writes."""
        return RenormingHead(trunk, len(LETTERS))


class HalfDeafHead(LabelHead):
    """Learns where to look in float32 alone."""

    def forward(self, rows: Rows) -> Tensor:
        """Detach half of what is seen, by its format."""
        if rows.trunk_td.dtype == torch.float32:
            return super().forward(rows)
        width = rows.trunk_td.shape[1] // 2
        trunk_td = torch.cat([rows.trunk_td[:, :width].detach(), rows.trunk_td[:, width:]], 1)
        return super().forward(attrs.evolve(rows, trunk_td=trunk_td))


class HalfDeaf(Letters):
    """Learns half in bfloat16."""

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return the half-deaf head."""
        return HalfDeafHead(trunk, len(LETTERS))
