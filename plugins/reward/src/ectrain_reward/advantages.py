"""By how much a sample is better than others of its prompt, from rewards alone.

A reward that is not known is NaN: its sample has no part in any mean, and no advantage.

Shape suffixes: g prompts (groups), n samples of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Baseline = Literal["none", "mean", "leave-one-out", "group"]

SMALLEST_SPREAD = 1e-6  # standard deviation below which all samples of a group earned the same


def advantages(reward_gn: Floats, baseline: Baseline) -> Floats:
    """Return each sample's advantage; 0 where nothing is known or there is nobody to compare with.

    Args:
        reward_gn: Rewards, NaN where unknown.
        baseline: "none": the reward itself. "mean": less the group's mean. "leave-one-out": less
            the mean of the group's other samples. "group": less the mean, by the group's standard
            deviation.

    Source: Williams, Simple statistical gradient-following algorithms (1992), for a baseline that
    changes no expectation; Kool et al., Buy 4 REINFORCE samples, get a baseline for free (2019),
    for the others' mean; Shao et al., DeepSeekMath (2024), for GRPO's.
    """
    known_gn = ~np.isnan(reward_gn)
    worth_gn = np.where(known_gn, reward_gn, 0.0)
    if baseline == "none":
        return worth_gn
    count_g1 = known_gn.sum(1, keepdims=True)
    if baseline == "group":
        return normalised(reward_gn)
    total_g1 = worth_gn.sum(1, keepdims=True)
    if baseline == "mean":
        found_gn = worth_gn - total_g1 / np.maximum(count_g1, 1)
    else:
        found_gn = worth_gn - (total_g1 - worth_gn) / np.maximum(count_g1 - 1, 1)
    return np.where(known_gn & (count_g1 > 1), found_gn, 0.0)


def normalised(reward_gn: Floats) -> Floats:
    """Return rewards with mean 0 and standard deviation 1 in each group; 0 where all are equal."""
    known_gn = ~np.isnan(reward_gn)
    count_g1 = np.maximum(known_gn.sum(1, keepdims=True), 1)
    mean_g1 = np.where(known_gn, reward_gn, 0.0).sum(1, keepdims=True) / count_g1
    away_gn = np.where(known_gn, reward_gn - mean_g1, 0.0)
    spread_g1 = np.sqrt((away_gn**2).sum(1, keepdims=True) / count_g1)
    differs_g1 = spread_g1 > SMALLEST_SPREAD
    return np.where(differs_g1, away_gn / np.where(differs_g1, spread_g1, 1.0), 0.0)


def combined(rewards: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Return the weighted sum of rewards, each normalised in its group where there are several.

    A reward that doesn't apply to a sample (NaN) adds nothing to it; where none applies, the sum
    is not known either.

    Args:
        rewards: Rewards by name.
        weights: What each counts; 1 where not named.

    Source: TRL's GRPO trainer, `normalize_then_sum`.
    """
    if len(rewards) == 1:
        ((name, reward_gn),) = rewards.items()
        return reward_gn * weights.get(name, 1.0)
    known_gn = ~np.logical_and.reduce([np.isnan(x) for x in rewards.values()])
    parts = [normalised(x) * weights.get(name, 1.0) for name, x in rewards.items()]
    return np.where(known_gn, np.sum(parts, 0), np.nan)


def equal_share(reward_gn: Floats) -> float | None:
    """Return the share of groups, of those with two known rewards, in which all are equal."""
    known_gn = ~np.isnan(reward_gn)
    comparable_g = known_gn.sum(1) > 1
    if not comparable_g.any():
        return None
    highest_g = np.where(known_gn, reward_gn, -np.inf).max(1)
    lowest_g = np.where(known_gn, reward_gn, np.inf).min(1)
    return float((highest_g - lowest_g <= SMALLEST_SPREAD)[comparable_g].mean())
