"""What a policy learns by: the settings of its gradient, and the loss of each token.

Shape suffixes: m tokens, k measures of each.
"""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from torch import Tensor

from ectrain.structure import between
from ectrain_reward.advantages import Baseline
from ectrain_reward.critic import value_loss
from ectrain_reward.kl import Leash, divergence
from ectrain_reward.surrogate import Clip, clipped_surrogate, reinforce

# What each measure of a token is, by its place in `Segment.measures`.
MEASURES = ("own", "old", "reference", "advantage", "expected", "value")
OWN, OLD, REFERENCE, ADVANTAGE, EXPECTED, VALUE = range(len(MEASURES))


@attrs.frozen
class PolicyConfig:
    """Settings of a policy's gradient.

    Attributes:
        algorithm: "ppo": clipped surrogate, several passes. "reinforce": one pass is usual.
        baseline: What a reward is compared with in its group: "none", "mean", "leave-one-out",
            or "group", which divides by the standard deviation, too.
        clip: Limits of the surrogate.
        kl: What straying from the reference costs.
        passes: Times that the samples are gone through before new ones are made.
        minibatches: Optimizer steps of a pass, where `PolicyGradient` takes them.
        target_kl: Mean divergence from the sampling policy, in nats a token, beyond which nothing
            more is learned from the same samples; 0 for no such stop.
        critic: Learn values, and take advantages from them; else from the group alone.
        discount: What later rewards count, gamma.
        decay: Lambda of generalised advantages.
        value_share: What the critic's loss counts.
        value_clip: How far a value may move from its old one at once; 0 for any.
        whiten: Give a critic's advantages mean 0 and standard deviation 1.
        max_norm: Of the gradient, where `PolicyGradient` takes steps.
    """

    algorithm: Literal["ppo", "reinforce"] = "ppo"
    baseline: Baseline = "leave-one-out"
    clip: Clip = attrs.field(factory=Clip)
    kl: Leash = attrs.field(factory=Leash)
    passes: int = attrs.field(default=2, validator=between(1))
    minibatches: int = attrs.field(default=4, validator=between(1))
    target_kl: float = attrs.field(default=0.1, validator=between(0))
    critic: bool = False
    discount: float = attrs.field(default=1.0, validator=between(0, 1))
    decay: float = attrs.field(default=0.95, validator=between(0, 1))
    value_share: float = attrs.field(default=0.1, validator=between(0))
    value_clip: float = attrs.field(default=0.2, validator=between(0))
    whiten: bool = True
    max_norm: float = attrs.field(default=1.0, validator=between(0, above=True))


@attrs.frozen(eq=False)
class Taken:
    """What a policy says of tokens that were written.

    Attributes:
        log_prob_m: Of each, in nats.
        entropy_m: Of the distribution that each was drawn from.
        value_m: What the critic expects from there on; None without a critic.
    """

    log_prob_m: Tensor
    entropy_m: Tensor
    value_m: Tensor | None = None


@attrs.frozen(eq=False)
class Terms:
    """What each token came to.

    Attributes:
        loss_m: Its loss.
        own_m: Whether the policy wrote it; else it is a given text, which is imitated.
        clipped_m: Whether the clip decided its loss.
        moved_m: Divergence from the policy that wrote it (k3).
        strayed_m: Divergence from the reference (k3).
    """

    loss_m: Tensor
    own_m: Tensor
    clipped_m: Tensor
    moved_m: Tensor
    strayed_m: Tensor


def terms(taken: Taken, measures_mk: Tensor, config: PolicyConfig, coefficient: float) -> Terms:
    """Return each token's loss and what is told of it.

    Args:
        taken: What the policy says of the tokens now.
        measures_mk: What was noted of them when they were sampled, see `MEASURES`.
        config: What is learned by.
        coefficient: What a nat of divergence from the reference costs now.
    """
    log_prob_m = taken.log_prob_m
    old_m, reference_m = measures_mk[:, OLD], measures_mk[:, REFERENCE]
    advantage_m, own_m = measures_mk[:, ADVANTAGE], measures_mk[:, OWN] > 0
    if config.algorithm == "ppo":
        loss_m, clipped_m = clipped_surrogate(log_prob_m, old_m, advantage_m, config.clip)
    else:
        loss_m, clipped_m = reinforce(log_prob_m, old_m, advantage_m, config.clip.cap)
    if config.kl.place == "loss" and config.kl.holds:
        loss_m = loss_m + coefficient * divergence(log_prob_m, reference_m, config.kl.estimator)
    loss_m = torch.where(own_m, loss_m, -log_prob_m)
    if taken.value_m is not None:
        expected_m, value_m = measures_mk[:, EXPECTED], measures_mk[:, VALUE]
        missed_m = value_loss(taken.value_m, value_m, expected_m, config.value_clip)
        loss_m = loss_m + config.value_share * missed_m
    now_m = log_prob_m.detach()
    return Terms(
        loss_m,
        own_m,
        clipped_m & own_m,
        torch.where(own_m, divergence(now_m, old_m, "k3"), 0.0),
        torch.where(own_m, divergence(now_m, reference_m, "k3"), 0.0),
    )
