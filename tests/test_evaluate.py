"""Laws of measuring: on the split that was asked for, once, of the model that was best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import Recorder, saved, tiny, trained
from toys import LETTERS, Echo, Letters, Word

from ectrain import loop
from ectrain.build import prepare
from ectrain.evaluate import (
    composed_loss,
    evaluate_tasks,
    held_out,
    measure,
    predictions,
)
from ectrain.model import Model, load_model
from ectrain.packing import pack
from ectrain.run import Run
from ectrain.task import SPLITS, Budget, Estimate, Split


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Recorder]:
    """Return a run that was trained to its end."""
    return trained(tiny(), tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a run that has not begun."""
    made = prepare(tiny(), tmp_path_factory.mktemp("new") / "run")
    made.model.eval()
    with made.held:
        yield made


def by_hand(run: Run, name: str, examples: list[Word]) -> dict[str, float]:
    """Measure a task one example at a time."""
    task, total, count = run.model.tasks[name], 0.0, 0
    accuracy: Any = task.metrics()["accuracy"]
    for example in examples:
        part = pack([(name, run.encoder.encode(name, task, example, "evaluation"))])
        with torch.no_grad():
            output = run.model(part)[name]
            total += float(task.loss(output, part.tasks[name].targets))
            accuracy.update(output, part.tasks[name].targets)
        count += part.tasks[name].targets.count
    return {"loss": total / count, "accuracy": accuracy.compute()[""]}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["echo", "sorting"])
def test_figures_are_of_the_split_that_was_asked_for(run: Run, name: str, split: Split) -> None:
    """Loss and metrics over a split are those of its examples, measured one at a time."""
    found = measure(run.model, name, held_out(run.model, name, split))
    assert found == pytest.approx(by_hand(run, name, list(run.model.tasks[name].examples(split))))


@pytest.mark.parametrize("limit", [1, 5, 12, 99])
def test_a_limit_takes_the_first_examples(run: Run, limit: int) -> None:
    """With a limit, the first examples of the split's own order are measured."""
    examples = list(run.model.tasks["echo"].examples("val"))[:limit]
    found = measure(run.model, "echo", held_out(run.model, "echo", "val", limit))
    assert found == pytest.approx(by_hand(run, "echo", examples))
    outputs = predictions(run.model, "sorting", "val", limit)
    count = sum(targets.count for _, targets in outputs) // len(LETTERS)
    assert count == min(limit, 12)


def test_the_composed_loss_is_the_mean_share_of_a_guess(run: Run) -> None:
    """Each task's loss counts as a share of a guess's; where one has none, there is none."""
    vocabulary = math.log(run.tokenizer.size)
    figures = {"echo/loss": vocabulary / 2, "sorting/loss": math.log(2) / 4}
    assert composed_loss(figures, run.model, ["echo", "sorting"]) == pytest.approx(0.375)
    assert composed_loss(figures, run.model, ["echo"]) == pytest.approx(0.5)
    for missing in ({"echo/loss": 1.0}, {"echo/loss": 1.0, "sorting/loss": None}):
        assert math.isnan(composed_loss(missing, run.model, ["echo", "sorting"]))


# --- a whole run ----------------------------------------------------------------------------------


def test_test_data_is_measured_once_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test example is encoded before training is over, and then each of them once."""
    plain, evaluated, seen = Letters.encode, list[str](), list[tuple[int, str]]()
    recorder = Recorder()

    def encode(self: Letters, example: Word, *given: Any) -> Any:
        if example.id.startswith("test"):
            seen.append((len(recorder.of("checkpoint_saved")), example.id))
        return plain(self, example, *given)

    def execute(self: Letters, model: Model, split: Split, budget: Budget) -> Any:
        evaluated.append(split)
        return {}

    monkeypatch.setattr(Letters, "encode", encode)
    monkeypatch.setattr(Letters, "evaluate", execute)
    loop.train(prepare(tiny(), tmp_path / "run"), recorder)
    assert sorted(seen) == sorted((3, f"test-{n}") for n in range(12))
    assert evaluated == ["test"]
    splits = [event["split"] for event in recorder.of("evaluated")]
    assert splits == ["val", "val", "val", "test"]


@pytest.mark.parametrize("best", [1, 2, 3])
def test_the_best_checkpoint_is_what_is_measured_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, best: int
) -> None:
    """The last figures, and whoever loads the run, are of the epoch with the lowest loss."""
    losses = iter(0.1 if epoch == best else 0.5 + epoch / 10 for epoch in (1, 2, 3))
    monkeypatch.setattr(loop, "composed_loss", lambda *_: next(losses))
    run, recorder = trained(tiny(), tmp_path / "run")
    (test,) = [event for event in recorder.of("evaluated") if event["split"] == "test"]
    assert (test["step"], test["epoch"]) == (12 * best, best)
    kept = saved(tmp_path / "run", 12 * best)
    for model in (run.model, load_model(tmp_path / "run")):
        assert all(torch.equal(kept[name], x) for name, x in model.state_dict().items())
    names = ["echo", "sorting"]
    figures, _ = evaluate_tasks(load_model(tmp_path / "run"), names, "test", Budget())
    assert test["metrics"] == pytest.approx(figures)
    marked = [event["step"] for event in recorder.of("checkpoint_saved") if event["best"]]
    assert marked[-1] == 12 * best


def test_a_loss_that_is_nan_is_never_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch without a validation loss is saved, and is not what is measured."""
    losses = iter((0.9, 0.8, math.nan))
    monkeypatch.setattr(loop, "composed_loss", lambda *_: next(losses))
    _, recorder = trained(tiny(), tmp_path / "run")
    assert recorder.of("evaluated")[-1]["step"] == 24
    manifest = json.loads((tmp_path / "run/checkpoints/000036/MANIFEST.json").read_bytes())
    assert manifest["loss"] is None


def test_execution_is_validated_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every so many epochs tasks execute on validation data within the budget they are given."""
    asked: list[tuple[Split, Budget]] = []

    def execute(self: Echo, model: Model, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        asked.append((split, budget))
        return {"spoken": Estimate.share(len(asked), 10)}

    monkeypatch.setattr(Echo, "evaluate", execute)
    given = ("evaluation.execute_every=2", "evaluation.budget_examples=7")
    _, recorder = trained(tiny(*given), tmp_path / "run")
    assert asked == [("val", Budget(7, 60.0)), ("test", Budget(7, 60.0))]
    first, second, third, test = (e["estimates"] for e in recorder.of("evaluated"))
    assert (first, third) == ({}, {})
    assert (second["echo/spoken"]["value"], test["echo/spoken"]["value"]) == (0.1, 0.2)


def test_goals_are_judged_by_what_was_measured(whole: tuple[Run, Recorder]) -> None:
    """A figure without an interval shows nothing, however high; its value is told all the same."""
    (claim,) = whole[1].events[-1]["claims"]
    assert (claim["task"], claim["metric"], claim["above"]) == ("echo", "accuracy", 0.5)
    test = whole[1].of("evaluated")[-1]["metrics"]["echo/accuracy"]
    assert claim["value"] == test
    assert claim["verdict"] == ("not met" if test <= 0.5 else "not shown")
