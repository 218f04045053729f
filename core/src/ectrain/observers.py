"""Observers: plugins that watch a run, each switched off at its first failure."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs
import pluggy

from ectrain.errors import Interrupted, PluginError
from ectrain.events import Event
from ectrain.hookspecs import OBSERVER_API, OBSERVERS, ObserverHooks
from ectrain.offers import MOST_CHARACTERS, Offer, chosen, harmless, said, version_problem
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
            hooks = hooks_of(offer, ObserverHooks)
            _check_api(offer, hooks.get_plugin(offer.name))
            found.append(PluginObserver(offer, hooks))
    return found


def _check_api(offer: Offer, plugin: Any) -> None:
    api: Any = getattr(plugin, "api", OBSERVER_API)
    problem = version_problem(api, OBSERVER_API)
    if problem:
        raise PluginError(f"plugin {offer}: {problem}")


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
                said_of_it = call(event=copy.deepcopy(dict(event)), directory=self._directory)
            self._pass_on(observer, said_of_it)
        except (KeyboardInterrupt, MemoryError, Interrupted):
            raise
        except BaseException as error:  # SystemExit and native panics, too
            observer.alive = False
            self._warn(
                f"observer {observer.offer} failed in {hook} at step {event.get('step', 0)} "
                f"and is switched off: {said(error)}"
            )

    def _pass_on(self, observer: PluginObserver, answers: Sequence[Any]) -> None:
        for answer in answers:
            if not isinstance(answer, str):
                raise TypeError(f"it gave {answer!r:.60}, expected a sentence or None")
            self._warn(f"observer {observer.offer}: {answer[:MOST_CHARACTERS]}")
