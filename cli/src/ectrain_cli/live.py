"""Progress drawn in place on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ectrain_cli.progress import Event, Progress, Watcher
from ectrain_cli.terminal import visible


def can_draw(stream: TextIO | None = None) -> bool:
    """Return whether the stream (stderr) is a terminal that can be drawn on."""
    stream = sys.stderr if stream is None else stream
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


class LiveProgress(Watcher):
    """One block at the foot of the terminal, redrawn at each event; news scrolls above it.

    Everything goes through `Text`: rich's markup would swallow the brackets of code and names.

    Args:
        progress: The state to keep.
        clock: Tells the time in seconds.
        console: Where to draw; stderr unless given.
    """

    def __init__(
        self,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
        console: Console | None = None,
    ) -> None:
        drawn = console or Console(stderr=True, markup=False, highlight=False, emoji=False)
        super().__init__(
            progress, clock, lambda line: drawn.print(Text(visible(line)), soft_wrap=True)
        )
        # redrawn by events only: a refreshing thread would be a second writer
        self._live = Live(console=drawn, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def _show(self, event: Event, now: float) -> None:
        self._live.update(block(self._progress, now), refresh=True)


def block(progress: Progress, now: float) -> Text:
    """Return the block that shows a run's progress."""
    text = Text(no_wrap=False)
    for number, (label, value) in enumerate(progress.parts(now)):
        if number:
            text.append("   ")
        text.append(visible(label), style="dim")
        text.append(" ")
        text.append(visible(value), style="bold")
    return text
