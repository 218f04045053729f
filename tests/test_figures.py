"""Laws of figures: what a task's metrics and estimates can't be is named, never made up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from harness import tiny
from toys import Echo

from ectrain.build import prepare
from ectrain.errors import PluginError
from ectrain.evaluate import baselines, evaluate_tasks, held_out, measure
from ectrain.run import Run
from ectrain.task import Budget, Estimate


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a run that has not begun."""
    made = prepare(tiny(), tmp_path_factory.mktemp("new") / "run")
    made.model.eval()
    with made.held:
        yield made


class Odd:
    """A metric that computes what it was told to."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def update(self, output: Any, targets: Any) -> None:
        """Take nothing in."""

    def merge(self, other: Any) -> None:
        """Take nothing in."""

    def compute(self) -> Any:
        """Return it."""
        return self.given


METRICS: list[tuple[dict[str, Any], str]] = [
    ({"a": Odd({"b": 1.0}), "a.b": Odd({"": 2.0})}, "task echo: two figures are named 'a.b'"),
    ({"loss": Odd({"": 1.0})}, "task echo: two figures are named 'loss'"),
    ({"": Odd({"": 1.0})}, "task echo: a figure is named ''"),
    ({"a": Odd(None)}, "task echo: metric 'a' computes None, expected figures by name"),
    ({"a": Odd({"": "high"})}, "task echo: figure 'a' is 'high', expected a number or None"),
    ({"a": object()}, "task echo failed in metric 'a': AttributeError"),
]


@pytest.mark.parametrize(("metrics", "said"), METRICS, ids=[said for _, said in METRICS])
def test_a_metric_that_is_none_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, metrics: dict[str, Any], said: str
) -> None:
    """Figures of one name, and what are no figures at all, name task and metric."""
    monkeypatch.setattr(Echo, "metrics", lambda self: metrics)
    with pytest.raises(PluginError) as raised:
        measure(run.model, "echo", held_out(run.model, "echo", "val"))
    assert str(raised.value).startswith(said)


def test_a_figure_that_is_not_finite_is_undefined(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN and infinity are no figures; nothing turns them into 0."""
    found = {"a": Odd({"": math.nan, "x": math.inf, "y": None, "z": 0})}
    monkeypatch.setattr(Echo, "metrics", lambda self: found)
    figures = measure(run.model, "echo", held_out(run.model, "echo", "val"))
    assert {n: figures[n] for n in ("a", "a.x", "a.y", "a.z")} == {
        "a": None,
        "a.x": None,
        "a.y": None,
        "a.z": 0.0,
    }
    nothing = measure(run.model, "echo", [])
    assert nothing["loss"] is None


@pytest.mark.parametrize("given", [None, {"a": 0.5}, [Estimate(1.0)]])
def test_estimates_that_are_none_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    """An evaluation or a baseline without a sound estimate names the task."""
    monkeypatch.setattr(Echo, "evaluate", lambda *_: given)
    monkeypatch.setattr(Echo, "baselines", lambda *_: given)
    with pytest.raises(
        PluginError, match=r"task echo.*(expected estimates by name|a is 0.5, expected an Estimate)"
    ):
        evaluate_tasks(run.model, ["echo"], "val", Budget())
    with pytest.raises(
        PluginError, match=r"task echo.*(expected estimates by|a is 0.5, expected an Estim)"
    ):
        baselines(run.model, ["echo"])


def test_measuring_leaves_the_model_as_it_was(run: Run) -> None:
    """Weights, gradients and mode are untouched."""
    before = {name: x.clone() for name, x in run.model.state_dict().items()}
    run.model.train()
    evaluate_tasks(run.model, ["echo", "sorting"], "val", Budget())
    assert run.model.training
    run.model.eval()
    assert all(torch.equal(before[name], x) for name, x in run.model.state_dict().items())
    assert all(p.grad is None for p in run.model.parameters())
