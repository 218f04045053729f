"""The learning rate as a function of the step."""

import math
from typing import Literal

Schedule = Literal["cosine", "wsd"]

WARMUP_CAP = 0.1  # of all steps: a short run must still reach its full rate
DECAY_SHARE = 0.2  # of all steps, at the end of a warm-up/stable/decay schedule


def rate_factor(step: int, total: int, warmup: int, schedule: Schedule, final: float) -> float:
    """Return the factor of the learning rate at a step.

    It rises linearly over the warm-up (at most a tenth of all steps). "cosine" then falls along
    half a cosine; "wsd" stays at 1 and falls linearly over the last fifth.

    Args:
        step: From 0.
        total: Steps of the whole run; beyond them the factor is `final`.
        warmup: Steps of the warm-up that are asked for.
        schedule: What comes after the warm-up.
        final: Factor at the end.

    Source: Loshchilov & Hutter, SGDR (2017); Hu et al., MiniCPM (2024), section 4, for wsd.
    """
    warmup = min(warmup, int(WARMUP_CAP * total))
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if step >= total:
        return final
    if schedule == "cosine":
        done = (step - warmup) / max(1, total - warmup)
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done))
    left = (total - step) / max(1.0, DECAY_SHARE * total)
    return final + (1 - final) * min(1.0, left)
