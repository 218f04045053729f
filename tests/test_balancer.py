"""Laws of balancing: what a guess costs is the unit, and the fixed balancer changes nothing."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Echo, Letters, ToyConfig

from ectrain.balancer import Coming, Fixed, NoSettings
from ectrain.errors import PluginError
from ectrain.guesses import guesses_of

TASKS: dict[str, Any] = {"echo": Echo(ToyConfig()), "sorting": Letters(ToyConfig())}


@given(names=st.sets(st.sampled_from(sorted(TASKS))), vocabulary=st.integers(2, 10**6))
def test_a_guess_is_each_task_s_own(names: set[str], vocabulary: int) -> None:
    """A token costs the logarithm of the vocabulary, a label that of two; others change nothing."""
    found = guesses_of({name: TASKS[name] for name in names}, vocabulary)
    every = {"echo": math.log(vocabulary), "sorting": math.log(2)}
    assert found == {name: pytest.approx(every[name]) for name in names}


def raising(vocabulary: int) -> float:
    """Fail as a plugin may."""
    raise KeyError(vocabulary)


@pytest.mark.parametrize("guess", [0, -1.0, math.nan, math.inf, None, "x", raising])
def test_a_guess_that_is_none_is_the_plugins_fault(guess: Any) -> None:
    """What can't divide a loss is refused with the task's name."""
    answer = guess if callable(guess) else lambda vocabulary: guess
    tasks: dict[str, Any] = {"odd": SimpleNamespace(nats_of_a_guess=answer)}
    with pytest.raises(PluginError, match=r"^task odd.*nats_of_a_guess"):
        guesses_of(tasks, 100)


def test_the_fixed_balancer_leaves_weights_as_they_are() -> None:
    """Every factor is 1, and there is nothing to remember."""
    fixed = Fixed(NoSettings(), ("echo", "sorting"), 7)
    assert fixed.factors(Coming(3, {"echo": 0.25, "sorting": 2.0})) == {"echo": 1, "sorting": 1}
    assert fixed.state() == {}
