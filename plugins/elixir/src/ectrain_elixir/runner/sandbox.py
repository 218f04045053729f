"""What a sandbox is: a way to start a worker in one tier of isolation."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Protocol

import attrs

from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.toolchain import Toolchain

IDLE_MB = 600
"""Address space of an idle virtual machine; `memory_mb` comes on top."""


@attrs.frozen
class Pipes:
    """The child's ends: requests, answers, and what is printed."""

    requests: int
    answers: int
    output: int

    @property
    def open_files(self) -> int:
        """The limit on open files: Erlang refuses descriptors whose number is beyond it."""
        return max(256, max(self.requests, self.answers) + 64)


@attrs.frozen
class Child:
    """A started process and the way to end it with everything it started.

    Args:
        process: What was started here.
        inside: Process id of the virtual machine, as this machine counts.
        kill: Ends it and all that it started.
    """

    process: subprocess.Popen[bytes]
    inside: int
    kill: Callable[[], None]


class Sandbox(Protocol):
    """Starts processes in one tier of isolation."""

    tier: str

    def start(
        self, toolchain: Toolchain, mode: str, limits: Limits, pipes: Pipes
    ) -> contextlib.AbstractContextManager[Child]:
        """Start a worker under limits; leaving the context ends it and removes its files.

        Raises:
            OSError: If it does not start.
        """
        ...


def cpu_ceiling_s(mode: str, limits: Limits) -> int:
    """Return CPU seconds that a worker may use in its life; requests have limits of their own."""
    return round(2 * limits.cpu_s) + 20 if mode == "strict" else 7200


def kill_group(pid: int) -> None:
    """Kill a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
