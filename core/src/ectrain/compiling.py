"""Compiling many small operations into few: a choice of the whole process, as its threads are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch

from ectrain.user_cache import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

_chosen = False


def compile_from_now_on() -> None:
    """Run every compilable function compiled.

    Its first call then takes about ten seconds longer, or one where the compiled code is still in
    the user's cache.
    """
    global _chosen
    keep_compiled_code()
    _chosen = True


def keep_compiled_code() -> None:
    """Let torch keep what it compiles in the user's cache."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder("compiled")))


def is_compiling() -> bool:
    """Return whether compilable functions run compiled."""
    return _chosen


def compilable(activations: int, learning: bool = True) -> Callable[[Function], Function]:
    """Let a function of tensors be compiled where that was chosen.

    Args:
        activations: How many of its first arguments have a first dimension that differs from call
            to call; it is compiled once for all of them.
        learning: Compile it only where gradients are recorded: what merely reads, in another
            format perhaps, would compile it once more.
    """

    def decorate(function: Function) -> Function:
        compiled: list[Callable[..., Any]] = []

        @wraps(function)
        def call(*arguments: Any) -> Any:
            inside = torch.compiler.is_compiling()  # of another one: part of that one's code
            if not _chosen or inside or (learning and not torch.is_grad_enabled()):
                return function(*arguments)
            if not compiled:
                compiled.append(torch.compile(function))
            for activation in arguments[:activations]:
                torch._dynamo.maybe_mark_dynamic(activation, 0)
            return compiled[0](*arguments)

        return cast(Function, call)

    return decorate
