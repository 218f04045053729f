"""Observers: plugins that watch a run, each switched off at its first failure."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import attrs
import pluggy

from ectrain.errors import Interrupted
from ectrain.events import Event
from ectrain.hookspecs import OBSERVERS, ObserverHooks
from ectrain.offers import Offer, chosen, harmless, said
from ectrain.plugins import hooks_of

# Which hook an event is told by.
HOOKS = {
    "run_started": "ectrain_run_started",
    "step": "ectrain_step_ended",
    "evaluated": "ectrain_evaluated",
    "checkpoint_saved": "ectrain_checkpoint_saved",
    "run_ended": "ectrain_run_ended",
}


class Display(Protocol):
    """What shows a run."""

    def on_event(self, event: Event) -> None:
        """Take in an event."""


@attrs.define
class PluginObserver:
    """A loaded observer.

    Attributes:
        offer: The plugin that it comes from.
        hooks: What calls it.
        alive: Whether it has not failed yet.
    """

    offer: Offer
    hooks: pluggy.PluginManager
    alive: bool = True


def load_observers(names: Sequence[str]) -> list[PluginObserver]:
    """Return observers by name, importing nothing else.

    Raises:
        ConfigError: No installed plugin offers one of them.
        PluginError: A plugin can't be loaded or has a hook that is none; it is named.
    """
    found = []
    for name in dict.fromkeys(names):
        offer = chosen(name, OBSERVERS, "observer")
        with harmless(offer):
            found.append(PluginObserver(offer, hooks_of(offer, ObserverHooks)))
    return found


class Observed:
    """Hands a run's events to what shows it, then to each observer.

    Args:
        display: What shows the run.
        observers: What else watches it.
        warn: Called with a sentence when an observer is switched off.
        directory: Of the run.
    """

    def __init__(
        self,
        display: Display,
        observers: Sequence[PluginObserver],
        warn: Callable[[str], None],
        directory: Path,
    ) -> None:
        self._display = display
        self._observers = observers
        self._warn = warn
        self._directory = directory

    def on_event(self, event: Event) -> None:
        """Take in an event."""
        self._display.on_event(event)
        hook = HOOKS.get(str(event.get("event")))
        for observer in self._observers if hook else ():
            if observer.alive:
                self._tell(observer, str(hook), event)

    def _tell(self, observer: PluginObserver, hook: str, event: Event) -> None:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is the command's own
                call = getattr(observer.hooks.hook, hook)
                call(event=copy.deepcopy(dict(event)), directory=self._directory)
        except (KeyboardInterrupt, MemoryError, Interrupted):
            raise
        except BaseException as error:  # SystemExit and native panics, too
            observer.alive = False
            self._warn(
                f"observer {observer.offer} failed in {hook} at step {event.get('step', 0)} "
                f"and is switched off: {said(error)}"
            )
