"""Settings of the reward task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.structure import between
from ectrain_elixir.testpairs import TestType
from ectrain_reward.asked import Writes
from ectrain_reward.health import Limits
from ectrain_reward.objective import PolicyConfig


@attrs.frozen
class RewardConfig:
    """Settings of the reward task.

    Attributes:
        policy: Task whose head acts, where the run has it; else a head without weights.
        writes: "tests" for code, or "code" for tests.
        types: Of tests.
        data: Directory of a built dataset; "" for embedded pairs; a mix as
            `embedded=0.3,DIR=0.7`.
        size: Embedded pairs that prompts are drawn from.
        seed: Of the pairs.
        prompts: Of a round, which is an epoch.
        samples: Of each prompt.
        max_tokens: Most tokens of prompt and sample together.
        max_new_tokens: Most tokens of a sample; one without an end earns nothing.
        rewards: Names of what samples earn; "mutation" and "execution" come with the plugin.
        weights: What each counts, where there are several; 1 where not named.
        settings: Of each reward.
        length_price: Most that a sample pays for being longer than one that earned as much.
        budget_s: Seconds of a round after which no prompt is begun and no reward computed.
        shuffled: Deal the rewards of a round out at random: a control, which must gain nothing.
        learn: The policy's gradient.
        health: When a round shows that something is wrong.
    """

    policy: str = "tests"
    writes: Writes = "tests"
    types: tuple[TestType, ...] = ("exunit",)
    data: str = ""
    size: int = attrs.field(default=6000, validator=between(1))
    seed: int = 0
    prompts: int = attrs.field(default=16, validator=between(1))
    samples: int = attrs.field(default=8, validator=between(1))
    max_tokens: int = attrs.field(default=512, validator=between(16))
    max_new_tokens: int = attrs.field(default=256, validator=between(1))
    rewards: tuple[str, ...] = ("mutation",)
    weights: Mapping[str, float] = attrs.field(factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    length_price: float = attrs.field(default=0.02, validator=between(0, 1))
    budget_s: float = attrs.field(default=600.0, validator=between(0, above=True))
    shuffled: bool = False
    learn: PolicyConfig = attrs.field(factory=PolicyConfig)
    health: Limits = attrs.field(factory=Limits)
