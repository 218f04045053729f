"""How the next token is chosen from a head's logits.

Shape suffixes: r rows, v vocabulary, c candidates of a row, likeliest first, b blocks of them.
"""

from __future__ import annotations

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.errors import ConfigError

ENOUGH = 256  # candidates that nearly always hold the share of a top_p; else all are sorted
BLOCK = 64  # candidates whose shares are first summed: a tenth of the time of summing one by one


@attrs.frozen
class Sampling:
    """How the next token is chosen.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_k: Draw among so many of the likeliest; None for all.
        top_p: Draw among the likeliest that together have this share; None for all.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what no distribution can have."""
        if self.temperature < 0:
            raise ConfigError(f"temperature {self.temperature} is below 0")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k {self.top_k} is below 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p {self.top_p} is not above 0 and at most 1")

    def choose(self, logits_rv: Tensor, uniform_r: Tensor) -> Tensor:
        """Return a token for each row, drawn by inverting the cumulative distribution.

        Args:
            logits_rv: In float32.
            uniform_r: A number from 0 to below 1 for each row: what is drawn depends on it alone.
        """
        if self.temperature == 0:
            return logits_rv.argmax(-1)
        scaled_rv = logits_rv if self.temperature == 1 else logits_rv / self.temperature
        if self.top_k is None and self.top_p is None:
            share_rv = (scaled_rv - scaled_rv.amax(-1, keepdim=True)).exp_()
            return _inverted(share_rv, uniform_r).squeeze(1)
        share_rc, token_rc = self._candidates(scaled_rv)
        chosen_r1: Tensor = token_rc.gather(1, _inverted(share_rc, uniform_r))
        return chosen_r1.squeeze(1)

    def _candidates(self, scaled_rv: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shares of the tokens to draw among, likeliest first, and the tokens."""
        size = scaled_rv.shape[-1]
        if self.top_k is not None:
            ordered_rc, token_rc = scaled_rv.topk(min(self.top_k, size))
            share_rc = ordered_rc.softmax(-1)
        else:
            ordered_rc, token_rc = scaled_rv.topk(min(ENOUGH, size))
            share_rc = (ordered_rc - scaled_rv.logsumexp(-1, keepdim=True)).exp()
            if share_rc.shape[-1] < size and (share_rc.sum(-1) < (self.top_p or 1.0)).any():
                ordered_rc, token_rc = scaled_rv.sort(-1, descending=True)
                share_rc = ordered_rc.softmax(-1)
        if self.top_p is not None:
            before_rc = share_rc.cumsum(-1) - share_rc
            share_rc = share_rc.masked_fill(before_rc >= self.top_p, 0.0)
        return share_rc, token_rc


def _inverted(share_rc: Tensor, uniform_r: Tensor) -> Tensor:
    """Return the place in each row where the cumulative share passes its number, `[r, 1]`.

    First the block is found, then the place within it.

    Args:
        share_rc: Shares, or what is proportional to them.
        uniform_r: A number from 0 to below 1 for each row.
    """
    size = share_rc.shape[-1]
    share_rbc = F.pad(share_rc, (0, -size % BLOCK)).view(len(share_rc), -1, BLOCK)
    block_rb = share_rbc.sum(-1)
    reached_rb = block_rb.cumsum(-1)
    point_r1 = uniform_r.unsqueeze(1) * reached_rb[:, -1:]
    block_r1 = _passed(reached_rb, point_r1)
    rest_r1 = (point_r1 - (reached_rb - block_rb).gather(1, block_r1)).clamp_min(0)
    row_r = torch.arange(len(share_rc), device=share_rc.device)
    within_r1 = _passed(share_rbc[row_r, block_r1.squeeze(1)].cumsum(-1), rest_r1)
    return (block_r1 * BLOCK + within_r1).clamp_max(size - 1)


def _passed(reached_rc: Tensor, point_r1: Tensor) -> Tensor:
    """Return the first place of each row that reaches beyond its point, `[r, 1]`.

    A point that rounding has put at the end or beyond counts as just before it, so that the place
    always has a share.
    """
    last_r1 = reached_rc[:, -1:]
    before_r1 = torch.nextafter(last_r1, torch.zeros_like(last_r1))
    place_r1 = torch.searchsorted(reached_rc, torch.minimum(point_r1, before_r1), right=True)
    return place_r1.clamp_max(reached_rc.shape[-1] - 1)


def log_probs(logits_rv: Tensor, token_r: Tensor) -> Tensor:
    """Return the log-probability of a token of each row at temperature 1, in nats."""
    return -F.cross_entropy(logits_rv, token_r, reduction="none")
