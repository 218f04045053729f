"""What a guess costs each task: the unit that makes losses, and so weights, comparable."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ectrain.errors import PluginError
from ectrain.model import AnyTask
from ectrain.plugins import blame


def guesses_of(tasks: Mapping[str, AnyTask], vocabulary: int) -> dict[str, float]:
    """Return each task's loss per target for a guess, in nats.

    Raises:
        PluginError: A task says that a guess costs nothing.
    """
    return {name: nats_of_a_guess(name, task, vocabulary) for name, task in tasks.items()}


def nats_of_a_guess(name: str, task: AnyTask, vocabulary: int) -> float:
    """Return a task's loss per target for a guess.

    Raises:
        PluginError: It says that a guess costs nothing.
    """
    with blame(name, "nats_of_a_guess"):
        guess = float(task.nats_of_a_guess(vocabulary))
    if not 0 < guess < math.inf:
        raise PluginError(f"task {name}: nats_of_a_guess is {guess}, expected more than 0")
    return guess
