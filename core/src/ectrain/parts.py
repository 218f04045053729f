"""Heads, losses and metrics that usual tasks are built from.

Shape suffixes: m tokens with a target, n tokens, s segments, w labels, d trunk width, v vocabulary.
"""

import math
from collections.abc import Mapping

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ectrain.cross_entropy import summed_cross_entropy
from ectrain.task import Rows, Targets, TrunkShape


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


class LabelHead(nn.Module):
    """Pools a segment by attention, one query a label, then scores each label.

    Args:
        trunk: The trunk it stands on.
        labels: How many labels, w.
    """

    def __init__(self, trunk: TrunkShape, labels: int) -> None:
        super().__init__()
        self.queries = nn.Linear(trunk.width, labels, bias=False)
        self.scores = nn.Linear(trunk.width, labels, bias=False)
        self.bias = nn.Parameter(torch.zeros(labels))

    def forward(self, rows: Rows) -> Tensor:
        """Return a logit for each segment and label, `[s, w]`.

        Each label attends to the tokens of the segment by a softmax of its own and averages its
        own score of them, so the weights show which tokens carried the decision.
        """
        hidden_nd = rows.hidden_nd
        segments, segment_n = len(rows.lengths_s), rows.segment_n
        attention_nw = self.queries(hidden_nd).float()
        index_nw = segment_n.unsqueeze(1).expand_as(attention_nw)
        highest_sw = attention_nw.new_full((segments, attention_nw.shape[1]), -torch.inf)
        highest_sw = highest_sw.scatter_reduce(0, index_nw, attention_nw.detach(), "amax")
        weight_nw = (attention_nw - highest_sw.index_select(0, segment_n)).exp()
        scored_nw = weight_nw * self.scores(hidden_nd).float()
        zeros_sw = torch.zeros_like(highest_sw)
        total_sw = zeros_sw.index_add(0, segment_n, weight_nw)
        pooled_sw = zeros_sw.index_add(0, segment_n, scored_nw) / total_sw
        return pooled_sw + self.bias


class WindowedLabelHead(nn.Module):
    """Lets each token see its neighbours, then every label pools the tokens by attention.

    What makes a word matter often stands a few tokens from it. A small trunk needs long to learn
    to look there; a window over its output does from the start.

    Args:
        trunk: The trunk it stands on.
        labels: How many labels.
        reach: Tokens on either side of a window's middle; a window ends where its segment does.
    """

    def __init__(self, trunk: TrunkShape, labels: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.window = nn.Linear((2 * reach + 1) * trunk.width, trunk.width)
        self.pool = LabelHead(trunk, labels)

    def forward(self, rows: Rows) -> Tensor:
        """Return a logit for each segment and label, `[s, w]`."""
        hidden_nd = rows.hidden_nd
        seen_nd = hidden_nd + F.gelu(self.window(self._windows(hidden_nd, rows.segment_n)))
        places_n = torch.arange(len(seen_nd), device=seen_nd.device)
        logits_sw: Tensor = self.pool(attrs.evolve(rows, trunk_td=seen_nd, index_n=places_n))
        return logits_sw

    def _windows(self, hidden_nd: Tensor, segment_n: Tensor) -> Tensor:
        """Return the tokens around each token, `[n, r * d]`, zeros for another segment's."""
        count, reach = len(hidden_nd), self.reach
        padded_nd = F.pad(hidden_nd, (0, 0, reach, reach))
        owner_n = F.pad(segment_n, (reach, reach), value=-1)
        parts = []
        for start in range(2 * reach + 1):
            own_n1 = (owner_n[start : start + count] == segment_n).unsqueeze(1)
            parts.append(padded_nd[start : start + count] * own_n1)
        return torch.cat(parts, 1)


def label_loss(
    logits_sw: Tensor,
    targets: Targets,
    positive_w: Tensor | None = None,
    weight_w: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy in nats, summed over known labels.

    Args:
        logits_sw: One logit a segment and label, `[s, w]`.
        targets: Their values, 0 or 1, NaN where unknown (no loss and no gradient there).
        positive_w: How much a positive of each label counts, `[w]`; None for 1.
        weight_w: How much each label counts, `[w]`; None for 1.
    """
    if targets.values_sw is None:
        return logits_sw.sum() * 0.0
    known_sw = ~targets.values_sw.isnan()
    truth_sw = torch.where(known_sw, targets.values_sw, 0.0)
    loss_sw = F.binary_cross_entropy_with_logits(
        logits_sw.float(), truth_sw, weight=weight_w, pos_weight=positive_w, reduction="none"
    )
    return torch.where(known_sw, loss_sw, 0.0).sum()


def asymmetric_label_loss(
    logits_sw: Tensor,
    targets: Targets,
    weight_w: Tensor | None = None,
    focus: tuple[float, float] = (1.0, 4.0),
    clip: float = 0.05,
) -> Tensor:
    """Cross-entropy in nats in which easy examples, negatives above all, count little.

    Args:
        logits_sw: One logit a segment and label, `[s, w]`.
        targets: Their values, 0 or 1, NaN where unknown (no loss and no gradient there).
        weight_w: How much each label counts, `[w]`; None for 1.
        focus: Exponents of positives and negatives.
        clip: Probability below which a negative counts nothing.

    Source: Ridnik et al., Asymmetric loss for multi-label classification (2021), equations 4-7.
    """
    if targets.values_sw is None:
        return logits_sw.sum() * 0.0
    known_sw = ~targets.values_sw.isnan()
    truth_sw = torch.where(known_sw, targets.values_sw, 0.0)
    chance_sw = logits_sw.float().sigmoid()
    shifted_sw = (chance_sw - clip).clamp(min=0.0)
    least = torch.finfo(chance_sw.dtype).tiny
    positive_sw = (1 - chance_sw) ** focus[0] * -F.logsigmoid(logits_sw.float())
    negative_sw = shifted_sw ** focus[1] * -(1 - shifted_sw).clamp(min=least).log()
    loss_sw = truth_sw * positive_sw + (1 - truth_sw) * negative_sw
    loss_sw = loss_sw if weight_w is None else loss_sw * weight_w
    return torch.where(known_sw, loss_sw, 0.0).sum()


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
