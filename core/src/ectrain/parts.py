"""Heads, losses and metrics that usual tasks are built from.

Those for labels are in `label_head.py`.

Shape suffixes: m tokens with a target, n tokens, d trunk width, v vocabulary.
"""

import math
from collections.abc import Mapping

import attrs
import torch.nn.functional as F
from torch import Tensor, nn

from ectrain.cross_entropy import summed_cross_entropy
from ectrain.label_head import LabelHead, WindowedLabelHead, asymmetric_label_loss, label_loss
from ectrain.task import Rows, Targets, TrunkShape

__all__ = [
    "LabelHead",
    "Perplexity",
    "TokenAccuracy",
    "TokenHead",
    "TokenOutput",
    "WindowedLabelHead",
    "asymmetric_label_loss",
    "label_loss",
    "token_loss",
]


@attrs.frozen(eq=False)
class TokenOutput:
    """What a token head predicts, before the vocabulary: logits are made where needed only."""

    hidden_md: Tensor
    vocabulary_vd: Tensor

    def logits_mv(self) -> Tensor:
        """Return all logits, `[m, v]`: costly for many rows."""
        return self.hidden_md @ self.vocabulary_vd.t()


class TokenHead(nn.Module):
    """Predicts tokens with the trunk's own embedding, behind a small adapter of the task.

    Args:
        trunk: The trunk it stands on.
        adapter: Rank of the task's low-rank residual adapter; 0 for none, which leaves the
            trunk and this head together a plain Llama.
    """

    def __init__(self, trunk: TrunkShape, adapter: int = 0) -> None:
        super().__init__()
        self.down = nn.Linear(trunk.width, adapter, bias=False) if adapter else None
        self.up = nn.Linear(adapter, trunk.width, bias=False) if adapter else None
        if self.up is not None:
            nn.init.zeros_(self.up.weight)  # the adapter starts as the identity

    def adapt(self, hidden_nd: Tensor) -> Tensor:
        """Return the task's view of the trunk's output, `[n, d]`."""
        if self.down is None or self.up is None:
            return hidden_nd
        adapted: Tensor = hidden_nd + self.up(F.silu(self.down(hidden_nd)))
        return adapted

    def forward(self, rows: Rows) -> TokenOutput:
        """Return the output at the tokens that have a target."""
        return TokenOutput(self.adapt(rows.target_hidden_md), rows.vocabulary_vd)


def token_loss(output: TokenOutput, targets: Targets) -> Tensor:
    """Cross-entropy in nats, summed over target tokens, without holding all logits."""
    return summed_cross_entropy(output.hidden_md, output.vocabulary_vd, targets.tokens_m)


class TokenAccuracy:
    """Share of target tokens predicted right."""

    def __init__(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, output: TokenOutput, targets: Targets) -> None:
        """Count the targets whose token has the highest logit."""
        for start in range(0, len(targets.tokens_m), 1024):
            tokens_m = targets.tokens_m[start : start + 1024]
            logits_mv = output.hidden_md[start : start + 1024] @ output.vocabulary_vd.t()
            self.right += int((logits_mv.argmax(-1) == tokens_m).sum())
            self.count += len(tokens_m)

    def merge(self, other: "TokenAccuracy") -> None:
        """Add another shard's counts."""
        self.right += other.right
        self.count += other.count

    def compute(self) -> Mapping[str, float | None]:
        """Return the share, or None before any target."""
        return {"": self.right / self.count if self.count else None}


class Perplexity:
    """Exponential of the mean cross-entropy of target tokens."""

    def __init__(self) -> None:
        self.nats = 0.0
        self.count = 0

    def update(self, output: TokenOutput, targets: Targets) -> None:
        """Add the targets' cross-entropy."""
        self.nats += float(token_loss(output, targets).detach())
        self.count += len(targets.tokens_m)

    def merge(self, other: "Perplexity") -> None:
        """Add another shard's sums."""
        self.nats += other.nats
        self.count += other.count

    def compute(self) -> Mapping[str, float | None]:
        """Return it; None before any target, or where it is too large for a number."""
        mean = self.nats / self.count if self.count else math.inf
        return {"": math.exp(mean) if mean < 700 else None}
