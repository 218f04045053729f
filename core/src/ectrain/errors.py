"""Errors meant for people: one sentence each, with the exit code that the command line returns."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class EctrainError(Exception):
    """The root of every error that a user can cause or mend.

    The message is lower case, has no full stop, and names the thing, the value and the remedy.
    """

    exit_code: ClassVar[int] = 1


class ConfigError(EctrainError):
    """A setting, option or curriculum that cannot be used."""

    exit_code = 2


class UnknownTaskError(ConfigError):
    """A task name that no installed plugin offers."""


class DataError(EctrainError):
    """A dataset that is missing, empty or malformed."""

    exit_code = 3


class FaultError(EctrainError):
    """Something that the code of one task is the cause of.

    Args:
        message: What is wrong.
        task: Whose code it is; "" where it is of no task.
    """

    def __init__(self, message: str, task: str = "") -> None:
        super().__init__(message)
        self.task = task


class PluginError(FaultError):
    """A plugin that cannot be loaded or breaks the task contract."""

    exit_code = 4


class CheckpointError(EctrainError):
    """No checkpoint that can be trusted, or one that does not fit the run."""

    exit_code = 6


class ResourceError(EctrainError):
    """Disk, memory or a device that is missing or full."""

    exit_code = 7


class SandboxError(EctrainError):
    """Execution was asked for where no sandbox can run it."""

    exit_code = 8


class BusyError(EctrainError):
    """Another process holds the run directory."""

    exit_code = 9


class NonFiniteError(FaultError):
    """A loss or a gradient that is NaN or infinite; raised before the optimizer is touched."""


class Interrupted(EctrainError):  # noqa: N818 - not a fault: the run was asked to stop
    """The run was stopped by a signal after its checkpoint was saved.

    Args:
        message: What was saved, and where.
        exit_code: 130 after Ctrl-C, 75 (safe to requeue) after SIGTERM.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # an instance may differ from its class


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest choice, or the list of all choices."""
    known = sorted(choices)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; expected one of: {', '.join(known)}" if known else ""
