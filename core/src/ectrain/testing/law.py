"""What a law is, how it says that it is broken, and when it does not apply."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ectrain.testing.subject import Subject

Law = Callable[["Subject"], None]


class BrokenLawError(AssertionError):
    """A task breaks a law; the message says what is wrong and what to change."""


class NotApplicable(Exception):  # noqa: N818 - not a fault: the task has not what the law is about
    """A law is about something that the task does not have; the message says what."""


def require(kept: bool, problem: str) -> None:
    """Raise unless a promise is kept; unlike `assert`, under `python -O`, too.

    Raises:
        BrokenLawError: It is not.
    """
    if not kept:
        raise BrokenLawError(problem)


def near(one: float, other: float, relative: float = 1e-4) -> bool:
    """Return whether two figures are equal but for rounding."""
    return math.isclose(one, other, rel_tol=relative, abs_tol=relative)


def promise(law: Law) -> str:
    """Return what a law promises: its docstring, on one line."""
    return " ".join((law.__doc__ or "").split())


def title(law: Law) -> str:
    """Return a law's name."""
    return law.__name__
