"""What a run's events say, gathered in one pass: readers start here and invent nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

Event = Mapping[str, Any]


@attrs.define
class Digest:
    """What a run's events say, gathered; a figure that no event holds is absent here, too.

    Attributes:
        start: The last `run_started` event: a resumed run has several.
        starts: How often the run was started.
        end: The `run_ended` event that follows the last start, if any.
        epochs: The last `epoch_started` event of each epoch.
        steps: Epoch and losses of each logged step, by its number.
        metrics: Figures by split, then epoch, then "task/metric".
        estimates: Latest estimates by split, then "task/metric".
        baselines: Baselines on the test split by "task/metric".
        phase_ends: The last `phase_ended` event of each phase, in order.
        checkpoints: The last `checkpoint_saved` event of each path.
        cosines: Cosines of each pair of tasks' gradients, as measured, in order.
        guarded: The last word on each decision of the regression guard, by epoch and task.
        warnings: Messages in order, each with how often it came.
        rates: Tokens per second, as logged.
    """

    start: Event = attrs.field(factory=dict)
    starts: int = 0
    end: Event | None = None
    epochs: dict[int, Event] = attrs.field(factory=dict)
    steps: dict[int, tuple[int, Mapping[Any, Any]]] = attrs.field(factory=dict)
    metrics: dict[str, dict[int, dict[str, float | None]]] = attrs.field(factory=dict)
    estimates: dict[str, dict[str, Event]] = attrs.field(factory=dict)
    baselines: dict[str, Event] = attrs.field(factory=dict)
    phase_ends: dict[str, Event] = attrs.field(factory=dict)
    checkpoints: dict[str, Event] = attrs.field(factory=dict)
    cosines: dict[str, list[float]] = attrs.field(factory=dict)
    guarded: dict[tuple[int, str], Event] = attrs.field(factory=dict)
    warnings: dict[str, int] = attrs.field(factory=dict)
    rates: list[float] = attrs.field(factory=list)

    def add(self, event: Event) -> None:
        """Take in the next event; kinds that the report doesn't use are passed over."""
        handler = getattr(self, f"_add_{event.get('event')}", None)
        if handler is not None:
            handler(event)

    def _add_run_started(self, event: Event) -> None:
        self.start, self.end = event, None
        self.starts += 1

    def _add_epoch_started(self, event: Event) -> None:
        epoch = whole(event.get("epoch"))
        if epoch is not None:
            self.epochs[epoch] = event

    def _add_step(self, event: Event) -> None:
        step, epoch = whole(event.get("step")), whole(event.get("epoch"))
        rate = number(event.get("tokens_per_s"))
        if rate is not None:
            self.rates.append(rate)
        if step is None or epoch is None:
            return
        while self.steps and next(reversed(self.steps)) >= step:
            self.steps.popitem()  # a resumed run went back: this one is done again
        self.steps[step] = epoch, table(event.get("losses"))

    def _add_cosines_measured(self, event: Event) -> None:
        for pair, cosine in table(event.get("cosines")).items():
            known = number(cosine)
            if known is not None:
                self.cosines.setdefault(str(pair), []).append(known)

    def _add_guard_decided(self, event: Event) -> None:
        epoch = whole(event.get("epoch"))
        if epoch is not None:
            self.guarded[epoch, str(event.get("task"))] = event

    def _add_evaluated(self, event: Event) -> None:
        split, epoch = str(event.get("split")), whole(event.get("epoch")) or 0
        figures = self.metrics.setdefault(split, {}).setdefault(epoch, {})
        figures.update({k: number(v) for k, v in table(event.get("metrics")).items()})
        estimates = self.estimates.setdefault(split, {})
        estimates.update({k: table(v) for k, v in table(event.get("estimates")).items()})
        self.baselines.update({k: table(v) for k, v in table(event.get("baselines")).items()})

    def _add_phase_ended(self, event: Event) -> None:
        self.phase_ends[str(event.get("phase"))] = event

    def _add_checkpoint_saved(self, event: Event) -> None:
        self.checkpoints[str(event.get("path"))] = event

    def _add_warning(self, event: Event) -> None:
        message = str(event.get("message"))
        self.warnings[message] = self.warnings.get(message, 0) + 1

    def _add_run_ended(self, event: Event) -> None:
        self.end = event

    @property
    def train(self) -> dict[int, dict[str, list[float]]]:
        """Training losses by epoch and task, over the steps that were logged."""
        found: dict[int, dict[str, list[float]]] = {}
        for epoch, losses in self.steps.values():
            for task, loss in losses.items():
                known = number(loss)
                if known is not None:
                    found.setdefault(epoch, {}).setdefault(str(task), []).append(known)
        return found

    @property
    def tasks(self) -> list[str]:
        """Names of the run's tasks."""
        return [str(name) for name in table(self.start.get("tasks"))]

    @property
    def claims(self) -> list[Event]:
        """The claims that the run ended with."""
        found = (self.end or {}).get("claims")
        return [c for c in found if isinstance(c, Mapping)] if isinstance(found, list) else []

    @property
    def status(self) -> str:
        """How the run ended, or that it didn't."""
        if not self.starts:
            return "never started"
        if self.end is None:
            return "not ended: still running, or stopped without a last word"
        reason = self.end.get("reason")
        return str(self.end.get("status")) + (f" ({reason})" if reason else "")

    def latest(self, split: str) -> dict[str, float | None]:
        """Return the last figures of a split by "task/metric"."""
        figures: dict[str, float | None] = {}
        for epoch in sorted(self.metrics.get(split, {})):
            figures.update(self.metrics[split][epoch])
        return figures


def digest(events: Iterable[Event]) -> Digest:
    """Gather a run's events."""
    found = Digest()
    for event in events:
        if isinstance(event, Mapping):
            found.add(event)
    return found


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """Return an integer, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def table(value: Any) -> Mapping[Any, Any]:
    """Return a mapping, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}
