"""The test generation task: write suites for code, and code for suites.

A causal language model over the trunk, told direction and type of test; see `task.py`.
"""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_tests.task import TestsConfig, TestsTask

__all__ = ["TestsConfig", "TestsTask"]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [TestsTask]
