"""How far a policy is from another: estimates from sampled tokens, and what holds it back.

Shape suffix: m tokens.
"""

from __future__ import annotations

from typing import Literal

import attrs
from torch import Tensor

from ectrain.errors import ConfigError
from ectrain.structure import between

Estimator = Literal["k1", "k2", "k3"]
Place = Literal["loss", "reward", "off"]

STEEPEST = 0.2  # share of the error that one adaptation may answer


def divergence(log_prob_m: Tensor, reference_m: Tensor, estimator: Estimator) -> Tensor:
    """Return an estimate of the divergence at each token that the policy sampled.

    k1 is unbiased and may be negative; k2 is biased, never negative; k3 is unbiased, never
    negative.

    Source: Schulman, Approximating KL divergence (2020).
    """
    difference_m = log_prob_m - reference_m
    if estimator == "k1":
        return difference_m
    if estimator == "k2":
        return difference_m.square() / 2
    return (-difference_m).clamp(max=20.0).exp() - 1 + difference_m


@attrs.frozen
class Leash:
    """What a policy pays for leaving the reference.

    Attributes:
        place: Added to the loss, or taken from the reward; "off" for neither, and no reference.
        estimator: Of the divergence; "k1" in a loss has no gradient on average, and is refused.
        coefficient: What a nat costs; where it adapts, at first.
        target: Nats a token that an adapting coefficient aims at; 0 leaves it fixed.
        horizon: Samples over which it adapts.
    """

    place: Place = "loss"
    estimator: Estimator = "k3"
    coefficient: float = attrs.field(default=0.02, validator=between(0))
    target: float = attrs.field(default=0.0, validator=between(0))
    horizon: float = attrs.field(default=10_000.0, validator=between(0, above=True))

    def __attrs_post_init__(self) -> None:
        """Refuse what holds nothing back."""
        if self.place == "loss" and self.estimator == "k1":
            raise ConfigError(
                'kl.estimator "k1" in the loss has no gradient on average; expected "k2" or "k3", '
                'or kl.place "reward"'
            )

    @property
    def holds(self) -> bool:
        """Whether a reference is needed at all."""
        return self.place != "off" and self.coefficient > 0

    def adapted(self, coefficient: float, found: float, samples: int) -> float:
        """Return the next coefficient after a divergence was found over some samples.

        Source: Ziegler et al., Fine-tuning language models from human preferences (2019), 2.2.
        """
        if not self.target:
            return coefficient
        error = max(-STEEPEST, min(STEEPEST, found / self.target - 1))
        return coefficient * max(0.0, 1 + error * samples / self.horizon)
