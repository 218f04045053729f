"""Heads that give labels to texts, and their losses.

Shape suffixes: n tokens, s segments, w labels, d trunk width.
"""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ectrain.task import Rows, Targets, TrunkShape


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
        own score of them.
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
        targets: Their values: 0; above 0 for a positive, which counts so much; NaN where unknown
            (no loss and no gradient there).
        positive_w: How much a positive of each label counts, `[w]`; None for 1.
        weight_w: How much each label counts, `[w]`; None for 1.
    """
    if targets.values_sw is None:
        return logits_sw.sum() * 0.0
    truth_sw, strength_sw = _truth(targets.values_sw)
    loss_sw = F.binary_cross_entropy_with_logits(
        logits_sw.float(), truth_sw, weight=weight_w, pos_weight=positive_w, reduction="none"
    )
    return torch.where(strength_sw > 0, loss_sw * strength_sw, 0.0).sum()


def _truth(values_sw: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether each label holds, and how much that counts: 0 where it is unknown."""
    truth_sw = (values_sw > 0).to(values_sw.dtype)
    strength_sw = torch.where(truth_sw > 0, values_sw, 1.0)
    return truth_sw, torch.where(values_sw.isnan(), 0.0, strength_sw)


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
        targets: Their values: 0; above 0 for a positive, which counts so much; NaN where unknown
            (no loss and no gradient there).
        weight_w: How much each label counts, `[w]`; None for 1.
        focus: Exponents of positives and negatives.
        clip: Probability below which a negative counts nothing.

    Source: Ridnik et al., Asymmetric loss for multi-label classification (2021), equations 4-7.
    """
    if targets.values_sw is None:
        return logits_sw.sum() * 0.0
    truth_sw, strength_sw = _truth(targets.values_sw)
    chance_sw = logits_sw.float().sigmoid()
    shifted_sw = (chance_sw - clip).clamp(min=0.0)
    least = torch.finfo(chance_sw.dtype).tiny
    positive_sw = (1 - chance_sw) ** focus[0] * -F.logsigmoid(logits_sw.float())
    negative_sw = shifted_sw ** focus[1] * -(1 - shifted_sw).clamp(min=least).log()
    loss_sw = truth_sw * positive_sw + (1 - truth_sw) * negative_sw
    loss_sw = loss_sw if weight_w is None else loss_sw * weight_w
    return torch.where(strength_sw > 0, loss_sw * strength_sw, 0.0).sum()
