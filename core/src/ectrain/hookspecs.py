"""The hooks that plugins implement, found through entry-point groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ectrain.task import Task

OBSERVERS = "ectrain.observers"
OBSERVER_API: tuple[int, int] = (1, 0)  # (major, minor) of these hooks; another major is refused

hookspec = pluggy.HookspecMarker("ectrain")
hookimpl = pluggy.HookimplMarker("ectrain")


class Hooks:
    """What core asks of a plugin."""

    @hookspec
    def ectrain_register_tasks(self) -> Iterable[type[Task[Any, Any]]]:  # type: ignore[empty-body]
        """Return the task classes that the plugin offers.

        The entry point is named as its task: ``security = "my_package"`` under
        ``[project.entry-points."ectrain.tasks"]``, where ``my_package`` holds this hook.
        """


Event = Mapping[str, Any]


class ObserverHooks:
    """What an observer may listen to, asked for with `ectrain run --with NAME`.

    The entry point is named as the observer: ``board = "my_package"`` under
    ``[project.entry-points."ectrain.observers"]``; it refers to a module with these hooks, or to an
    object that has them. Each hook gets a copy of the event as `events.jsonl` has it, and the run's
    directory. It is called in between two steps, so training waits for it: what is slow belongs
    into `ectrain.background.Background`. It may return a sentence, which the run logs as a warning.
    An observer that fails is switched off, and the run goes on without it. `api`, where the module
    or object has one, is the (major, minor) version of these hooks that it was written for.
    """

    @hookspec
    def ectrain_run_started(self, event: Event, directory: Path) -> str | None:
        """Everything is built, no step is taken yet; after a stop, called again when it goes on."""

    @hookspec
    def ectrain_step_ended(self, event: Event, directory: Path) -> str | None:
        """Steps were taken and logged: one, or all of the last `log_seconds`."""

    @hookspec
    def ectrain_evaluated(self, event: Event, directory: Path) -> str | None:
        """Held-out data was measured: `metrics` and `estimates` by "task/metric"."""

    @hookspec
    def ectrain_checkpoint_saved(self, event: Event, directory: Path) -> str | None:
        """A checkpoint is whole, at `path`."""

    @hookspec
    def ectrain_run_ended(self, event: Event, directory: Path) -> str | None:
        """The run is over, also by a failure or a stop: see `status` and `reason`."""
