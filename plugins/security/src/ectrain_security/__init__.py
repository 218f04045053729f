"""The vulnerability detection task: which of Sobelow's findings a piece of Elixir has.

Multi-label classification with a head that pools the whole snippet; see `task.py`.
"""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_security.task import SecurityConfig, SecurityTask

__all__ = ["SecurityConfig", "SecurityTask"]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [SecurityTask]
