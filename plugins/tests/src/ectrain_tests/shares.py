"""Dealing out by turn, so that each has its share of any stretch of turns."""

from __future__ import annotations

from fractions import Fraction


def dealt(turn: int, share: float) -> bool:
    """Return whether the turn-th draw, from 0, is among a share that is spread evenly.

    Of any stretch of turns the share is taken, off by at most one.
    """
    return _before(turn + 1, share) > _before(turn, share)


def _before(turn: int, share: float) -> int:
    """Return how many of the turns before this one a share takes."""
    return int(turn * Fraction(share).limit_denominator(10_000) + Fraction(1, 2))
