"""What a critic pays for being wrong.

Shape suffix: m tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor


def value_loss(value_m: Tensor, old_m: Tensor, return_m: Tensor, clip: float) -> Tensor:
    """Return half the squared error of each value, the larger of free and held to `old +- clip`.

    Source: OpenAI baselines, PPO2; Engstrom et al., Implementation matters in deep policy
    gradients (2020), 3.
    """
    free_m = (value_m - return_m).square()
    if not clip:
        return free_m / 2
    held_m = old_m + (value_m - old_m).clamp(-clip, clip)
    return torch.maximum(free_m, (held_m - return_m).square()) / 2
