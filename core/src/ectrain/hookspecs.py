"""The hooks that plugins implement, found through the entry-point group "ectrain.tasks"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ectrain.task import Task

GROUP = "ectrain.tasks"

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
