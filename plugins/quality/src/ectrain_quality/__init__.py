"""The code quality task: which of Credo's checks a piece of Elixir violates.

Multi-label classification with a head that pools the whole file; see `task.py`.
"""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_quality.task import QualityConfig, QualityTask

__all__ = ["QualityConfig", "QualityTask"]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [QualityTask]
