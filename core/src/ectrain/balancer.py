"""How much each task's loss counts in a step."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ectrain.errors import PluginError
from ectrain.model import AnyTask
from ectrain.plugins import blame


def fixed_weights(
    weights: Mapping[str, float], tasks: Mapping[str, AnyTask], vocabulary: int, scaled: bool
) -> dict[str, float]:
    """Return the factor of each task's mean loss: the curriculum's weight, made comparable.

    Args:
        weights: Of the epoch, by task.
        tasks: Tasks by name.
        vocabulary: Tokens there are.
        scaled: Divide by the loss of a guess, so that weight 1 means the same for every task.

    Raises:
        PluginError: A task says that a guess costs nothing.
    """
    found = {}
    for name, weight in weights.items():
        guess = nats_of_a_guess(name, tasks[name], vocabulary) if scaled else 1.0
        found[name] = weight / guess
    return found


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
