"""What is gained by a change of the policy, held back where the change is large.

Shape suffix: m tokens.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from ectrain.structure import between


@attrs.frozen
class Clip:
    """How far the probability of a token may move before moving further gains nothing.

    Attributes:
        low: The ratio of new to old probability counts down to 1 - low.
        high: And up to 1 + high.
        dual: Most times its advantage that a bad token may cost; 0 for no such limit.
        cap: Most that a ratio counts at all: stale samples.
    """

    low: float = attrs.field(default=0.2, validator=between(0, 1))
    high: float = attrs.field(default=0.2, validator=between(0))
    dual: float = attrs.field(default=3.0, validator=between(0))
    cap: float = attrs.field(default=3.0, validator=between(1))


def clipped_surrogate(
    log_prob_m: Tensor, old_m: Tensor, advantage_m: Tensor, clip: Clip
) -> tuple[Tensor, Tensor]:
    """Return each token's loss, and where the clipping decided it.

    Args:
        log_prob_m: Of the tokens, under the policy that learns.
        old_m: The same when they were sampled.
        advantage_m: Of the tokens.
        clip: Limits.

    Source: Schulman et al., Proximal policy optimization (2017), equation 7; Yu et al., DAPO
    (2025), for an upper limit of its own; Ye et al., Mastering complex control in MOBA games
    (2020), equation 5, for the dual clip.
    """
    ratio_m = importance(log_prob_m, old_m, clip.cap)
    free_m = ratio_m * advantage_m
    held_m = ratio_m.clamp(1 - clip.low, 1 + clip.high) * advantage_m
    gain_m = torch.minimum(free_m, held_m)
    clipped_m = held_m < free_m
    if clip.dual:
        floor_m = clip.dual * advantage_m
        too_low_m = (advantage_m < 0) & (gain_m < floor_m)
        gain_m = torch.where(too_low_m, floor_m, gain_m)
        clipped_m = clipped_m | too_low_m
    return -gain_m, clipped_m


def reinforce(
    log_prob_m: Tensor, old_m: Tensor, advantage_m: Tensor, cap: float
) -> tuple[Tensor, Tensor]:
    """Return each token's loss, its gradient that of -advantage * log probability; and no clips.

    Samples that are stale count by the capped ratio of new to old probability.

    Source: Williams, Simple statistical gradient-following algorithms (1992).
    """
    weight_m = importance(log_prob_m, old_m, cap).detach()
    return -advantage_m * weight_m * log_prob_m, torch.zeros_like(log_prob_m, dtype=torch.bool)


def importance(log_prob_m: Tensor, old_m: Tensor, cap: float) -> Tensor:
    """Return the ratio of new to old probability, at most `cap`."""
    return (log_prob_m - old_m).clamp(max=20.0).exp().clamp(max=cap)
