"""Measuring a model on held-out data, task by task."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch

from ectrain.batches import Batch, Encoder, examples_of, split_batches
from ectrain.boundary import estimates_of, figures_of, listed, placed
from ectrain.errors import FaultError
from ectrain.guesses import nats_of_a_guess
from ectrain.model import Model
from ectrain.plugins import blame
from ectrain.task import Budget, Estimate, Metric, Split, Targets

MAX_TOKENS = 8192  # of one pass

Figures = dict[str, float | None]
Tell = Callable[[str], None]


def _silent(what: str) -> None:
    """Tell nobody."""


def predictions(
    model: Model, name: str, split: Split, limit: int = 0
) -> Iterator[tuple[Any, Targets]]:
    """Yield the head's outputs over a task's split with what they should be, in order.

    Args:
        model: What to measure.
        name: Of the task.
        split: Which data.
        limit: Most examples, the first ones; 0 for all.
    """
    for batch in held_out(model, name, split, limit):
        yield from _outputs(model, name, batch)


def held_out(model: Model, name: str, split: Split, limit: int = 0) -> Iterator[Batch]:
    """Yield a task's split as batches, encoded the same way every time."""
    task = model.tasks[name]
    examples = examples_of(name, task, split)
    encoder = Encoder(model.tokenizer, model.trunk.config.context)
    chosen: Iterable[Any] = islice(examples, limit) if limit else examples
    return split_batches(name, task, list(chosen), encoder, MAX_TOKENS)


def _outputs(model: Model, name: str, batch: Batch) -> Iterator[tuple[Any, Targets]]:
    for pack in batch.packs:
        on_device = pack.to(model.device)
        with torch.no_grad():
            output = model(on_device)[name]
        yield output, on_device.tasks[name].targets


def _within(batch: Batch) -> Callable[[FaultError], str]:
    return lambda error: listed(batch.ids(error.task))


def measure(model: Model, name: str, batches: Iterable[Batch]) -> Figures:
    """Return a task's loss, in nats per target, and its metrics over batches, by name."""
    task = model.tasks[name]
    with blame(name, "metrics"):
        metrics: dict[str, Metric] = dict(task.metrics())
    total, count = 0.0, 0
    for batch in batches:
        with placed(_within(batch)):
            for output, targets in _outputs(model, name, batch):
                with blame(name, "loss"), torch.no_grad():
                    total += float(task.loss(output, targets))
                count += targets.count
                for metric_name, metric in metrics.items():
                    with blame(name, f"metric {metric_name!r}"), torch.no_grad():
                        metric.update(output, targets)
    found: Figures = {"loss": _finite(total / count) if count else None}
    return {**found, **figures_of(name, metrics, taken=found)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def evaluate_tasks(
    model: Model, names: Sequence[str], split: Split, budget: Budget, tell: Tell = _silent
) -> tuple[Figures, dict[str, Estimate]]:
    """Measure tasks on a split, by their metrics and by generating and executing.

    Args:
        model: What to measure.
        names: Of the tasks.
        split: Which data.
        budget: What each task's execution may spend.
        tell: Called with what is measured next.

    Returns:
        Metrics and estimates, both by "task/metric".
    """
    was_training = model.training
    model.eval()
    metrics: Figures = {}
    estimates: dict[str, Estimate] = {}
    for number, name in enumerate(names, start=1):
        tell(f"{name} on {split} data, {number} of {len(names)}")
        for metric, value in measure(model, name, held_out(model, name, split)).items():
            metrics[f"{name}/{metric}"] = value
        estimates.update(execute(model, name, split, budget))
    model.train(was_training)
    return metrics, estimates


def execute(model: Model, name: str, split: Split, budget: Budget) -> dict[str, Estimate]:
    """Return what a task measures by generating and executing, by "task/metric"."""
    with blame(name, "evaluate"):
        return estimates_of(name, model.tasks[name].evaluate(model, split, budget))


def baselines(model: Model, names: Sequence[str], tell: Tell = _silent) -> dict[str, Estimate]:
    """Return every task's baselines on the test split by "task/name"."""
    found: dict[str, Estimate] = {}
    for number, name in enumerate(names, start=1):
        tell(f"{name}'s baselines, {number} of {len(names)}")
        with blame(name, "baselines"):
            found.update(estimates_of(name, model.tasks[name].baselines()))
        with blame(name, "trunk_baselines"):
            found.update(estimates_of(name, model.tasks[name].trunk_baselines(model)))
    return found


def choices(model: Model, names: Sequence[str], tell: Tell = _silent) -> dict[str, dict[str, Any]]:
    """Return what each task chooses on validation data for using these weights, if anything."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        tell(f"what {name} chooses on val data")
        with blame(name, "choose"):
            if chosen := dict(model.tasks[name].choose(model)):
                found[name] = chosen
    return found


def composed_loss(figures: Mapping[str, float | None], model: Model, names: Iterable[str]) -> float:
    """Return the mean over tasks of where they stand (`Task.standing`); NaN if one doesn't know.

    That is their loss as a share of a guess's, unless a task learns for something else.

    Args:
        figures: By "task/figure".
        model: Whose tasks they are.
        names: Of the tasks.
    """
    parts = []
    for name in names:
        task = model.tasks[name]
        own = {k.partition("/")[2]: x for k, x in figures.items() if k.startswith(f"{name}/")}
        guess = nats_of_a_guess(name, task, model.tokenizer.size)
        with blame(name, "standing"):
            found = task.standing(own, guess)
        parts.append(math.nan if found is None else found)
    return sum(parts) / len(parts)
