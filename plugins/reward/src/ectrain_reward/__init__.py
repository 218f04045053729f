"""The reward task: reinforcement learning from what written tests or code earn by execution.

A round of samples is made and rewarded before each epoch; see `task.py`. `MutationReward` and
`PolicyGradient` are of use on their own, too.
"""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_reward.config import RewardConfig
from ectrain_reward.mutation import MutationConfig, MutationReward
from ectrain_reward.objective import PolicyConfig
from ectrain_reward.policy_gradient import Experience, PolicyGradient
from ectrain_reward.rewards import Answer, Reward
from ectrain_reward.task import RewardTask

__all__ = [
    "Answer",
    "Experience",
    "MutationConfig",
    "MutationReward",
    "PolicyConfig",
    "PolicyGradient",
    "Reward",
    "RewardConfig",
    "RewardTask",
]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [RewardTask]
