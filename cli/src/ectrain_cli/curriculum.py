"""`ectrain curriculum`: what a curriculum would train when, without a model or data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import columns, say, show, show_json

if TYPE_CHECKING:
    from ectrain.config import RunConfig
    from ectrain.curriculum import EpochPlan
    from ectrain.simulate import EpochDraws


@click.group(no_args_is_help=True)
def curriculum() -> None:
    """Look at a curriculum."""


@curriculum.command()
@options.selection
@options.as_json
@options.debug
def simulate(as_json: bool, **chosen: Any) -> None:
    """Show what each epoch would draw if every phase runs as long as planned; no model is made.

    Without --tasks or --config, it is simulated for all tasks that installed plugins offer.
    """
    from ectrain_cli.selection import configuration

    if chosen.get("tasks") is None and chosen.get("config") is None:
        chosen["tasks"] = _usable()
    config = configuration(**chosen)
    epochs = [_document(draws.plan) | _drawn(draws) for draws in _simulated(config)]
    if as_json:
        found = {"curriculum": config.curriculum, "scale": config.scale}
        show_json("curriculum simulate", {**found, "tasks": list(config.tasks), "epochs": epochs})
        return
    for line in columns(_cells(first, last) for first, last in stretches(epochs)):
        show(line)
    for note in dict.fromkeys(note for epoch in epochs for note in epoch["notes"]):
        say(f"note: {note}")
    steps = sum(epoch["steps"] for epoch in epochs)
    say(
        f"{len(epochs)} epochs, {steps:,} steps as planned; "
        "a gate or a plateau may end a phase sooner or later"
    )


def _usable() -> tuple[str, ...]:
    """Return all tasks whose plugins can be loaded; of the others, it is said why they can't."""
    from ectrain.errors import PluginError
    from ectrain.offers import installed
    from ectrain.plugins import load_tasks

    found = []
    for name in sorted(installed()):
        try:
            load_tasks([name])
        except PluginError as error:
            say(f"note: {error}")
        else:
            found.append(name)
    return tuple(found)


def _simulated(config: RunConfig) -> list[EpochDraws]:
    from ectrain.batches import Drawable, examples_of
    from ectrain.curriculum import load_curriculum, planned, scaled
    from ectrain.data import make_tasks
    from ectrain.simulate import simulate

    drawable = {
        name: Drawable(name, task, examples_of(name, task, "train"))
        for name, task in make_tasks(config).items()
    }
    plans = planned(scaled(load_curriculum(config.curriculum), config.scale), list(config.tasks))
    return simulate(plans, drawable, config.step.examples)


def _drawn(draws: EpochDraws) -> dict[str, Any]:
    return {
        "steps": draws.steps,
        "drawn": dict(draws.drawn),
        "available": dict(draws.available),
        "notes": [*draws.plan.notes, *draws.notes],
    }


def planned_epochs(name: str, scale: float, tasks: Sequence[str]) -> list[dict[str, Any]]:
    """Return the planned epochs of a curriculum as JSON has them.

    Raises:
        ConfigError: The curriculum can't be used, or not with these tasks.
    """
    from ectrain.curriculum import load_curriculum, planned, scaled

    return [_document(plan) for plan in planned(scaled(load_curriculum(name), scale), tasks)]


def stretches(epochs: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield the first and last epoch of each stretch in which nothing but the epoch changes."""
    first: Mapping[str, Any] | None = None
    last: Mapping[str, Any] | None = None
    for epoch in epochs:
        if first is not None and any(epoch[key] != first[key] for key in _SAME):
            yield first, last
            first = None
        first = first or epoch
        last = epoch
    if first is not None:
        yield first, last


_SAME = (
    "phase",
    "shares",
    "weights",
    "filters",
    "drawn",
    "available",
)  # what one line of the table has in common


def _document(plan: EpochPlan) -> dict[str, Any]:
    return {
        "epoch": plan.epoch,
        "phase": plan.phase,
        "shares": dict(plan.shares),
        "weights": dict(plan.weights),
        "filters": {facet: list(ends) for facet, ends in plan.filters.items()},
        "checkpoint": plan.checkpoint,
        "notes": list(plan.notes),
    }


def _cells(first: Mapping[str, Any], last: Mapping[str, Any]) -> tuple[str, ...]:
    epochs = f"{first['epoch']}" if first is last else f"{first['epoch']}-{last['epoch']}"
    tasks = (
        f"{task} {100 * share:.0f}% x{first['weights'][task]:g} "
        f"({first['drawn'][task]:,} of {first['available'][task]:,})"
        for task, share in first["shares"].items()
    )
    filters = " ".join(
        f"{facet} {low:g}..{high:g}" for facet, (low, high) in first["filters"].items()
    )
    return f"epochs {epochs}", first["phase"], "  ".join(tasks), filters
