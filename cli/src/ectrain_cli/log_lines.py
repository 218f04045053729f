"""A run's events as lines of a log, by structlog: text for people, JSON for machines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Literal, TextIO

import structlog

from ectrain_cli.progress import Event, Shown
from ectrain_cli.terminal import visible

Format = Literal["text", "json"]


class LogLines(Shown):
    """One line an event; of steps one an interval, unless all are wanted.

    Args:
        form: How a line is written.
        interval: Seconds between lines of steps; 0 for every step that is logged.
        stream: Where to; stderr unless given.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        form: Format,
        interval: float,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        stream = stream or sys.stderr
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[structlog.processors.add_log_level, _renderer(form, stream.isatty())],
            wrapper_class=structlog.BoundLogger,
        )
        self._interval, self._clock = interval, clock
        self._last: float | None = None

    def on_event(self, event: Event) -> None:
        """Write an event's line, if it is due."""
        fields = dict(event)
        kind = str(fields.pop("event"))
        if kind == "step" and not self._due():
            return
        fields["timestamp"] = fields.pop("time", "")
        getattr(self._logger, _level(kind, fields))(kind, **fields)

    def _due(self) -> bool:
        now = self._clock()
        if self._last is not None and now - self._last < self._interval:
            return False
        self._last = now
        return True


def _level(kind: str, fields: Event) -> str:
    if kind == "run_ended" and fields.get("status") == "failed":
        return "error"
    return "warning" if kind == "warning" else "info"


def _renderer(form: Format, colours: bool) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=True)
    console = structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)

    def written(logger: Any, method: str, fields: structlog.typing.EventDict) -> str:
        return console(logger, method, {key: _harmless(value) for key, value in fields.items()})

    return written


def _harmless(value: Any) -> Any:
    """Return text that can't move a terminal's cursor; other values are quoted by the renderer."""
    return visible(value) if isinstance(value, str) else value
