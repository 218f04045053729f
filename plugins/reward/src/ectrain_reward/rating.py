"""What becomes of a suite under mutation, and what says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs


@attrs.frozen
class Rated:
    """What became of a suite.

    Attributes:
        value: The share killed; 0 for a suite that earns nothing, None where nothing is known.
        status: "scored", or why there is no share.
        killed: Mutants that a test failed on.
        timeouts: Mutants that took too long; they count as killed.
        valid: Mutants that count.
    """

    value: float | None
    status: str = "scored"
    killed: int = 0
    timeouts: int = 0
    valid: int = 0


class Backend(Protocol):
    """Mutates programs and runs suites on the mutants."""

    label: str

    def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        """Return what becomes of each (code, tests)."""
