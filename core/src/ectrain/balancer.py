"""The contract of balancers: what decides, step by step, how much each task's loss counts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import attrs

if TYPE_CHECKING:
    from torch import Tensor

    from ectrain.gradients import Gradients

BALANCERS = "ectrain.balancers"

ConfigT = TypeVar("ConfigT")


@attrs.frozen
class Needs:
    """What a balancer looks at beside the losses of steps that are done; each costs time.

    Attributes:
        losses: The losses of a step before it is decided how much they count: one more forward
            pass, where a step takes several.
        losses_after: The losses of the same batch after the step: one more forward pass.
        gradients: Each task's own gradient of the last block of the trunk (a backward pass through
            that block a task), or of the whole trunk (a backward pass a task; `combine` then says
            what becomes of them).
    """

    losses: bool = False
    losses_after: bool = False
    gradients: Literal["none", "last block", "trunk"] = "none"


@attrs.frozen
class Coming:
    """A step before it is taken.

    Attributes:
        step: Its number in the run, from 1.
        weights: What the curriculum gives each task that takes part, above 0: those that have a
            target in the batch.
        losses: Their mean losses, in guesses (1: as bad as one); None unless needed.
    """

    step: int
    weights: Mapping[str, float]
    losses: Mapping[str, float] | None = None

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks that take part."""
        return list(self.weights)


@attrs.frozen
class Seen:
    """A step after it was taken; every loss is finite.

    Attributes:
        step: Its number in the run, from 1.
        losses: Mean loss of each task that took part, in guesses, before the step.
        factors: What the balancer's own weights were.
        losses_after: Mean losses of the same batch after the step; None unless needed.
        gradients: Of the last block or the trunk, as much as each counted; None unless needed.
    """

    step: int
    losses: Mapping[str, float]
    factors: Mapping[str, float]
    losses_after: Mapping[str, float] | None = None
    gradients: Gradients | None = None


class Balancer(ABC, Generic[ConfigT]):
    """A rule that sets how much each task's loss counts, or what becomes of their gradients.

    The loss of a step is the sum over tasks of

        curriculum's weight * balancer's factor * mean loss / loss of a guess

    with means over all targets of the step, however many passes it takes. What a step draws may
    lack tasks; all that is asked and told is about those that take part.

    The entry point is named as the balancer: ``mine = "my_package:Mine"`` under
    ``[project.entry-points."ectrain.balancers"]``.

    Args:
        config: Its settings, from `[balancer.settings]`.
        tasks: All tasks of the run.
        seed: Of the run: what it draws must depend on this, the step and the task alone.
    """

    api: ClassVar[tuple[int, int]] = (1, 0)  # of this contract; another major is refused
    name: ClassVar[str]  # = entry-point name = the word in the configuration
    config_type: ClassVar[type[Any]]  # an attrs class; every field has a default
    needs: ClassVar[Needs] = Needs()

    def __init__(self, config: ConfigT, tasks: Sequence[str], seed: int) -> None:
        self.config, self.tasks, self.seed = config, tuple(tasks), seed

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return each taking part task's own weight: 0 or more, finite, 1 for as it is."""
        return dict.fromkeys(coming.weights, 1.0)

    def combine(self, gradients: Gradients) -> Sequence[Tensor]:
        """Return the trunk's gradient, weight by weight, made of the tasks' own.

        Asked for only where `needs.gradients` is "trunk". Keep the scale of a sum, so that trunk
        and heads go on learning at one rate. Heads have their own task's gradient in any case.
        """
        return gradients.mix([1.0] * len(gradients.tasks))

    def learn(self, seen: Seen) -> None:
        """Take note of a step; what is learned of it is for the steps that follow."""
        return None

    def state(self) -> Mapping[str, Any]:
        """Return all that was learned, as JSON has it, so that a resumed run is the same."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        return None


@attrs.frozen
class NoSettings:
    """A balancer without settings."""


class Fixed(Balancer[NoSettings]):
    """Every task counts as much as the curriculum says: the default, and the control of others.

    Source: Kurin et al., In defense of the unitary scalarization for deep multi-task learning
    (2022): well tuned and regularised, a fixed sum is not beaten.
    """

    name = "fixed"
    config_type = NoSettings


OWN: Mapping[str, type[Balancer[Any]]] = {Fixed.name: Fixed}
