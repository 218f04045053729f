"""What an answer may be rewarded for: the contract of rewards, and those that are asked for.

A reward of a plugin is a class under the entry-point group `ectrain.rewards`, named as the reward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import attrs

from ectrain.offers import load_class
from ectrain.structure import structured

REWARDS = "ectrain.rewards"
REWARD_API: tuple[int, int] = (1, 0)  # (major, minor) of this contract; another major is refused

ConfigT = TypeVar("ConfigT")


@attrs.frozen
class Answer:
    """What a model wrote, and what it was asked.

    Attributes:
        code: The program: given, or what was written.
        tests: Its suite: what was written, or given.
        test_names: Of a given suite; empty where the suite was written.
        writes: What was written: "tests" or "code".
    """

    code: str
    tests: str
    test_names: tuple[str, ...] = ()
    writes: str = "tests"


class Reward(ABC, Generic[ConfigT]):
    """Says what answers are worth.

    Args:
        config: Its settings, `[tasks.reward.settings.<name>]`.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[Any]]
    api: ClassVar[tuple[int, int]] = REWARD_API

    def __init__(self, config: ConfigT) -> None:
        self.config = config
        self.infra = 0  # answers that an engine's own failure has left without a score, so far

    def check(self) -> None:
        """Prove itself before its first score is used.

        Raises:
            SandboxError: Its scores mean nothing here; it says why.
        """
        return None

    @abstractmethod
    def scores(self, answers: Sequence[Answer]) -> list[float | None]:
        """Return what each answer is worth, 0 to 1; None where it does not apply or is not known.

        The same answer is worth the same, whatever is asked beside it.
        """


@attrs.frozen
class NoSettings:
    """A reward without settings."""


def make_rewards(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Reward[Any]]:
    """Return rewards by name, each with its settings.

    Raises:
        ConfigError: There is none of a name, or its settings can't be used.
        PluginError: The plugin that offers one can't be used; it is named.
    """
    from ectrain_reward.execution import ExecutionReward
    from ectrain_reward.mutation import MutationReward

    own: dict[str, type[Reward[Any]]] = {
        kind.name: kind for kind in (MutationReward, ExecutionReward)
    }
    found = {}
    for name in names:
        kind: type[Reward[Any]] = load_class(name, REWARDS, "reward", Reward, own)  # type: ignore[type-abstract]
        given = structured(
            settings.get(name, {}), kind.config_type, f"[tasks.reward.settings.{name}]"
        )
        found[name] = kind(given)
    return found
