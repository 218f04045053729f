"""How far a run is: what the events say, and one line of it now and then."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import attrs

from ectrain_cli.opening import opening
from ectrain_cli.terminal import say

Event = Mapping[str, Any]

_SMOOTHING = 0.8  # of the running mean that is kept at each logged step


@attrs.define
class Progress:
    """The state of a run as its events tell it.

    Attributes:
        checkpoint_every: Epochs between checkpoints; 0 if unknown.
        total: Steps of the whole run, None while unknown.
        step: The last step that was logged.
        epoch: The current epoch, from 1.
        phase: The current phase of the curriculum.
        losses: Smoothed loss by task, in nats per target.
        speed: Tokens per second, as last logged.
        since: Time and step from which the pace is measured.
    """

    checkpoint_every: int = 0
    total: int | None = None
    step: int = 0
    epoch: int = 0
    phase: str = ""
    losses: dict[str, float] = attrs.field(factory=dict)
    speed: float | None = None
    since: tuple[float, int] | None = None

    def take(self, event: Event, now: float) -> None:
        """Take in an event that was written at `now`, in seconds of any clock."""
        kind = event.get("event")
        if kind == "run_started":
            self.total = event.get("total_steps")
        elif kind == "epoch_started":
            self.epoch, self.phase = int(event["epoch"]), str(event["phase"])
        elif kind == "step":
            self._step(event, now)

    def _step(self, event: Event, now: float) -> None:
        self.step = int(event["step"])
        self.epoch, self.phase = int(event["epoch"]), str(event["phase"])
        self.speed = event.get("tokens_per_s")
        for task, loss in event["losses"].items():
            if loss is not None:
                before = self.losses.get(task, loss)
                self.losses[task] = _SMOOTHING * before + (1 - _SMOOTHING) * loss
        if self.since is None:
            self.since = (now, self.step)

    def seconds_left(self, now: float) -> float | None:
        """Return the time left at the pace so far, None before there is a pace."""
        if self.since is None or self.total is None or self.step <= self.since[1]:
            return None
        pace = (now - self.since[0]) / (self.step - self.since[1])
        return max(0.0, pace * (self.total - self.step))

    def parts(self, now: float) -> list[tuple[str, str]]:
        """Return what there is to show, as labels and values."""
        steps = f"{self.step:,}" + (f"/{self.total:,}" if self.total else "")
        shown = [("phase", self.phase), ("epoch", str(self.epoch)), ("step", steps)]
        shown += [(task, f"{loss:.3f}") for task, loss in self.losses.items()]
        if self.speed is not None:
            shown.append(("tokens/s", f"{self.speed:,.0f}"))
        left = self.seconds_left(now)
        if left is not None:
            shown.append(("left", duration(left)))
        if self.checkpoint_every > 0:
            epochs = -(-max(self.epoch, 1) // self.checkpoint_every) * self.checkpoint_every
            shown.append(("checkpoint", f"after epoch {epochs}"))
        return shown


def duration(seconds: float) -> str:
    """Write a time such as `42 s`, `3 min 20 s` or `5 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def news(event: Event) -> str | None:
    """Return the line for an event that is told at once, None for one that can wait."""
    match event.get("event"):
        case "warning":
            return f"warning: {event.get('message')}"
        case "phase_ended":
            ended = f"phase {event.get('phase')} ended after epoch {event.get('epoch')}"
            return f"{ended}: {event.get('reason')}"
        case "measuring":
            return f"measuring {event.get('what')}"
    return None


class Shown:
    """A display of a run; one that has nothing to open or close takes these as they are."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class Watcher(Shown, ABC):
    """What every display of a run does with its events; how a line is written differs.

    Args:
        progress: The state to keep.
        clock: Tells the time in seconds.
        tell: Writes a line at once.
    """

    def __init__(
        self, progress: Progress, clock: Callable[[], float], tell: Callable[[str], None]
    ) -> None:
        self._progress = progress
        self._clock = clock
        self._tell = tell
        self._opened = False

    def run_started(self, event: Event) -> None:
        """Write the first lines of the run, once."""
        self._progress.take(event, self._clock())
        if not self._opened:
            self._opened = True
            for line in opening(event):
                self._tell(line)

    def on_event(self, event: Event) -> None:
        """Take in an event: news is told at once, the rest is shown when it is due."""
        if event.get("event") == "run_started":
            self.run_started(event)
            return
        now = self._clock()
        self._progress.take(event, now)
        told = news(event)
        if told is not None:
            self._tell(told)
        self._show(event, now)

    @abstractmethod
    def _show(self, event: Event, now: float) -> None:
        """Show the state after an event that was taken in at `now`."""


class Quiet(Shown):
    """Shows warnings alone.

    Args:
        write: Takes a line.
    """

    def __init__(self, write: Callable[[str], None] = say) -> None:
        self._write = write

    def on_event(self, event: Event) -> None:
        """Write a warning at once."""
        told = news(event) if event.get("event") == "warning" else None
        if told is not None:
            self._write(told)


class LineProgress(Watcher):
    """Progress where nothing can be drawn: one line per interval, and news at once.

    Args:
        progress: The state to keep.
        interval: Seconds between lines.
        clock: Tells the time in seconds.
        write: Takes a line.
    """

    def __init__(
        self,
        progress: Progress,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], None] = say,
    ) -> None:
        super().__init__(progress, clock, write)
        self._interval = interval
        self._last: float | None = None

    def _show(self, event: Event, now: float) -> None:
        if event.get("event") != "step":
            return
        if self._last is None or now - self._last >= self._interval:
            self._last = now
            parts = self._progress.parts(now)
            self._tell("  ".join(f"{label} {value}" for label, value in parts))
