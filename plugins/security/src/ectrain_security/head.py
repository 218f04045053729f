"""The head: each token looks at its neighbours, then every label pools the tokens by attention.

What makes a call dangerous stands a few tokens from its name. A small trunk needs long to learn to
look there; a window over its output does from the start.

Shape suffixes: n tokens, d trunk width, r tokens of a window, s segments, w labels.
"""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ectrain.parts import LabelHead
from ectrain.task import Rows, TrunkShape


class WindowedLabelHead(nn.Module):
    """Scores labels from windows of tokens.

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
