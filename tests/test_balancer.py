"""Laws of the fixed balancer: weights compare, because each loss is measured by its guess."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Echo, Letters, ToyConfig

from ectrain.balancer import fixed_weights
from ectrain.errors import PluginError

TASKS: dict[str, Any] = {"echo": Echo(ToyConfig()), "sorting": Letters(ToyConfig())}

weights = st.dictionaries(st.sampled_from(sorted(TASKS)), st.floats(0, 10))


@given(given_weights=weights, vocabulary=st.integers(2, 10**6))
def test_a_guess_costs_the_weight(given_weights: dict[str, float], vocabulary: int) -> None:
    """Every task's loss, where it guesses, counts exactly its weight; without scaling, as it is."""
    found = fixed_weights(given_weights, TASKS, vocabulary, scaled=True)
    guesses = {"echo": math.log(vocabulary), "sorting": math.log(2)}
    assert found.keys() == given_weights.keys()
    for name, weight in given_weights.items():
        assert found[name] * guesses[name] == pytest.approx(weight)
    assert fixed_weights(given_weights, TASKS, vocabulary, scaled=False) == given_weights


@given(given_weights=weights)
def test_another_task_changes_nothing(given_weights: dict[str, float]) -> None:
    """A task's factor depends on its own weight alone."""
    whole = fixed_weights(given_weights, TASKS, 100, scaled=True)
    for name, weight in given_weights.items():
        assert fixed_weights({name: weight}, TASKS, 100, scaled=True) == {name: whole[name]}


def raising(vocabulary: int) -> float:
    """Fail as a plugin may."""
    raise KeyError(vocabulary)


@pytest.mark.parametrize("guess", [0, -1.0, math.nan, math.inf, None, "x", raising])
def test_a_guess_that_is_none_is_the_plugins_fault(guess: Any) -> None:
    """What can't divide a loss is refused with the task's name; unless nothing is divided."""
    answer = guess if callable(guess) else lambda vocabulary: guess
    tasks: dict[str, Any] = {"odd": SimpleNamespace(nats_of_a_guess=answer)}
    with pytest.raises(PluginError, match=r"^task odd.*nats_of_a_guess"):
        fixed_weights({"odd": 1.0}, tasks, 100, scaled=True)
    assert fixed_weights({"odd": 1.0}, tasks, 100, scaled=False) == {"odd": 1.0}
