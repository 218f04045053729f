"""The code generation task: write Elixir that does what a doc and a spec ask for.

A causal language model over the trunk; see `task.py`.
"""

from __future__ import annotations

from typing import Any

from ectrain.hookspecs import hookimpl
from ectrain.task import Task
from ectrain_codegen.task import CodegenConfig, CodegenTask

__all__ = ["CodegenConfig", "CodegenTask"]


@hookimpl
def ectrain_register_tasks() -> list[type[Task[Any, Any]]]:
    """Offer the task."""
    return [CodegenTask]
