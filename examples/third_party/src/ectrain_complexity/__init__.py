"""A third party's task: how complex an Elixir function is, and whether it is pure."""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_complexity.task import ComplexityConfig, ComplexityTask

__all__ = ["ComplexityConfig", "ComplexityTask"]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [ComplexityTask]
