"""Advantages of tokens from a critic's values.

Shape suffix: t tokens of one sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def gae(
    reward_t: Floats, value_t: Floats, discount: float, decay: float, after: float = 0.0
) -> tuple[Floats, Floats]:
    """Return each token's generalised advantage, and the return that its value should be.

    Args:
        reward_t: What each token earned.
        value_t: What the critic expects from before each token on.
        discount: What the future counts, gamma.
        decay: How far the critic's word is not taken, lambda: 1 takes the returns themselves.
        after: What is expected behind the last token: 0 where the sample ended.

    Source: Schulman et al., High-dimensional continuous control using generalized advantage
    estimation (2016), equation 16.
    """
    advantage_t = np.zeros(len(reward_t))
    following, later = after, 0.0
    for t in range(len(reward_t) - 1, -1, -1):
        surprise = reward_t[t] + discount * following - value_t[t]
        later = surprise + discount * decay * later
        advantage_t[t], following = later, value_t[t]
    return advantage_t, advantage_t + value_t


def whitened(advantages: list[Floats]) -> list[Floats]:
    """Return the advantages of all samples with mean 0 and standard deviation 1 over tokens."""
    every = np.concatenate(advantages) if advantages else np.zeros(0)
    spread = every.std() if len(every) else 0.0
    return [(x - every.mean()) / (spread if spread > 1e-8 else 1.0) for x in advantages]
