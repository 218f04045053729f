"""What all trackers do: hand events to a thread that writes them, and report what was dropped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ectrain.background import Background
from ectrain.hookspecs import Event, hookimpl

PATIENCE_S = 10.0  # that the end of a run waits for what is left
MOST = 1000  # events that may wait


class Sink(Protocol):
    """Where a run's figures are written; used by one thread alone."""

    def write(self, event: Event) -> None:
        """Write what an event says."""

    def close(self) -> None:
        """Write what is left."""


class Tracker(ABC):
    """An observer that writes what it hears, in the background.

    Args:
        patience_s: Seconds that the end of a run waits for what is left.
        most: Events that may wait.
    """

    api = (1, 0)

    def __init__(self, patience_s: float = PATIENCE_S, most: int = MOST) -> None:
        self._patience_s, self._most = patience_s, most
        self._background: Background[Event] | None = None

    @abstractmethod
    def open(self, event: Event, directory: Path) -> Sink:
        """Return where a run is written, at its first event; called by the thread that writes."""

    @hookimpl
    def ectrain_run_started(self, event: Event, directory: Path) -> str | None:
        """Start the thread."""
        writer = _Writer(lambda first: self.open(first, directory))
        self._background = Background(
            writer.write, writer.close, self._most, f"ectrain-{type(self).__name__.lower()}"
        )
        return self._hand_over(event)

    @hookimpl
    def ectrain_step_ended(self, event: Event) -> str | None:
        """Hand over losses."""
        return self._hand_over(event)

    @hookimpl
    def ectrain_evaluated(self, event: Event) -> str | None:
        """Hand over figures."""
        return self._hand_over(event)

    @hookimpl
    def ectrain_run_ended(self, event: Event) -> str | None:
        """Hand over the end, and wait for the thread, though not for long."""
        if self._background is None:
            return None
        self._background.put(event)
        found, self._background = self._background.end(self._patience_s), None
        return found

    def _hand_over(self, event: Event) -> str | None:
        if self._background is None:
            return None
        self._background.put(event)
        return self._background.news()


class _Writer:
    """Opens the sink at the first event."""

    def __init__(self, open_sink: Callable[[Event], Sink]) -> None:
        self._open = open_sink
        self._first: Event | None = None
        self._sink: Sink | None = None

    def write(self, event: Event) -> None:
        """Write an event; where the sink can't be opened, that is tried again with the next one."""
        self._first = self._first or event
        if self._sink is None:
            self._sink = self._open(self._first)
        self._sink.write(event)

    def close(self) -> None:
        """Close the sink."""
        if self._sink is not None:
            self._sink.close()


def resumed_step(event: dict[str, Any] | Event) -> int | None:
    """Return the step that a run goes on from, by its first event; None for a new one."""
    path = event.get("resumed_from")
    return int(Path(path).name) if path else None
