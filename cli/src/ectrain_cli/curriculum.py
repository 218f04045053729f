"""`ectrain curriculum`: what a curriculum would train when, without a model or data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import columns, say, show, show_json

if TYPE_CHECKING:
    from ectrain.curriculum import EpochPlan


@click.group(no_args_is_help=True)
def curriculum() -> None:
    """Look at a curriculum."""


@curriculum.command()
@click.option(
    "--curriculum",
    "name",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="Phases to train in.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Stretch of every phase.",
)
@options.tasks
@options.as_json
@options.debug
def simulate(name: str, scale: float, tasks: tuple[str, ...] | None, as_json: bool) -> None:
    """Show the epochs of a curriculum if every phase runs as long as planned.

    Without --tasks, it is simulated for all tasks that installed plugins offer.
    """
    from ectrain.plugins import installed

    chosen = tuple(tasks or sorted(installed()))
    epochs = planned_epochs(name, scale, chosen)
    if as_json:
        found = {"curriculum": name, "scale": scale, "tasks": chosen, "epochs": epochs}
        show_json("curriculum simulate", found)
        return
    for line in columns(_cells(first, last) for first, last in stretches(epochs)):
        show(line)
    say(f"{len(epochs)} epochs as planned; a gate or a plateau may end a phase sooner or later")


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


_SAME = ("phase", "shares", "weights", "filters")  # what one line of the table has in common


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
    shares = " ".join(f"{task} {100 * share:.0f}%" for task, share in first["shares"].items())
    filters = " ".join(
        f"{facet} {low:g}..{high:g}" for facet, (low, high) in first["filters"].items()
    )
    return f"epochs {epochs}", first["phase"], shares, filters
