"""The contract of balancers is itself tested: each fault is caught by the law that it breaks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest
from torch import Tensor

from ectrain.balancer import Balancer, Coming, Fixed, Needs, NoSettings, Seen
from ectrain.gradients import Gradients
from ectrain.testing import BALANCER_LAWS, BalancerSubject, BrokenLawError, balancer_contract

test_fixed = balancer_contract(Fixed)


class Sound(Balancer[NoSettings]):
    """Counts steps, and does nothing with that."""

    name = "sound"
    config_type: ClassVar[type[Any]] = NoSettings
    steps = 0

    def learn(self, seen: Seen) -> None:
        """Count."""
        self.steps += 1

    def state(self) -> Mapping[str, Any]:
        """Return the count."""
        return {"steps": self.steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take it over."""
        self.steps = state["steps"]


class Nameless(Balancer[NoSettings]):
    """Has no name."""

    config_type = NoSettings


@attrs.frozen
class Bare:
    """Has a setting without a default."""

    size: int


class Undefaulted(Sound):
    """Can't be made without settings."""

    config_type = Bare


class Negative(Sound):
    """Turns a task around."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return -1 for one."""
        return {task: -1.0 if task == "one" else 1.0 for task in coming.tasks}


class Complete(Sound):
    """Speaks of tasks that take no part."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return 1 for all tasks of the run."""
        return dict.fromkeys(self.tasks, 1.0)


class Drawing(Sound):
    """Draws from what everybody draws from."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return random numbers."""
        return {task: 0.5 + random.random() for task in coming.tasks}


class Forgetful(Sound):
    """Learns what its state doesn't have."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return what grows with each step."""
        return dict.fromkeys(coming.tasks, 1.0 + self.steps)

    def state(self) -> Mapping[str, Any]:
        """Return nothing of use."""
        return {"steps": 0}


class Unwritable(Sound):
    """Keeps what JSON can't hold."""

    def state(self) -> Mapping[str, Any]:
        """Return a set."""
        return {"steps": self.steps, "seen": {1}}


class Mean(Sound):
    """Makes a mean of gradients that should be a sum."""

    needs = Needs(gradients="trunk")

    def combine(self, gradients: Gradients) -> Sequence[Tensor]:
        """Return it."""
        count = len(gradients.tasks)
        return gradients.mix([1 / count] * count)


class Favouring(Sound):
    """Looks at the order of tasks."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return less and less."""
        return {task: 1.0 / (1 + at) for at, task in enumerate(coming.tasks)}


FAULTS: dict[type[Balancer[Any]], str] = {
    Nameless: "settings_are_usable",
    Undefaulted: "settings_are_usable",
    Negative: "factors_are_usable",
    Complete: "factors_are_usable",
    Drawing: "it_repeats",
    Forgetful: "it_goes_on",
    Unwritable: "it_goes_on",
    Mean: "scale_is_that_of_a_sum",
    Favouring: "order_of_tasks_is_nothing",
}


def broken(kind: type[Balancer[Any]]) -> list[str]:
    """Return the laws that a balancer breaks, of those that need no training."""
    config = Bare(1) if kind is Undefaulted else NoSettings()
    subject, found = BalancerSubject(kind, config), []
    for law in BALANCER_LAWS[:6]:
        try:
            law(subject)
        except BrokenLawError:
            found.append(law.__name__)
    return found


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_fault_is_caught_by_its_law_alone(kind: type[Balancer[Any]]) -> None:
    """Each broken balancer breaks one law, the one that is about its fault."""
    law = FAULTS[kind]
    if kind is Drawing:
        assert law in broken(kind)  # what differs from draw to draw breaks others, too
    else:
        assert broken(kind) == [law]


def test_a_sound_balancer_breaks_none() -> None:
    """What the faulty ones are made of keeps every law."""
    assert broken(Sound) == []


class Stopping(Sound):
    """Lets one task learn nothing."""

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return 0 for one."""
        return {task: 0.0 if task == "one" else 1.0 for task in coming.tasks}


class Shrinking(Sound):
    """Counts losses by what a step looks like: summed over passes it would differ."""

    needs = Needs(losses=True)

    def factors(self, coming: Coming) -> Mapping[str, float]:
        """Return what no float can hold soon."""
        return dict.fromkeys(coming.tasks, 1e39)


@pytest.mark.parametrize(
    ("kind", "name"), [(Stopping, "every_task_learns"), (Shrinking, "bfloat16_is_taken")]
)
def test_faults_that_training_shows(kind: type[Balancer[Any]], name: str) -> None:
    """A task that learns nothing, and factors that overflow, are caught by taking steps."""
    laws: dict[str, Callable[[BalancerSubject], None]] = {x.__name__: x for x in BALANCER_LAWS}
    with pytest.raises(Exception, match=r"loss of one goes|gradient's norm|not finite"):
        laws[name](BalancerSubject(kind, NoSettings()))
