"""What mutation says about a suite: the outcome of every mutant, and the share that was killed."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping

import attrs


class Outcome(enum.StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    """A test failed."""
    TIMEOUT = "timeout"
    """It took ten times as long as the original, twice; counts as killed, but is reported apart."""
    SURVIVED = "survived"
    INVALID = "invalid"
    """It does not compile; counts nowhere."""
    EQUIVALENT = "equivalent"
    """The compiler makes the same code of it; counts nowhere."""
    ERROR = "error"
    """The virtual machine ended under it; counts nowhere."""


@attrs.frozen
class Mutant:
    """One changed program, known by its place and what stands there.

    Args:
        index: Its number among all mutants of the program.
        operator: Name of what was done.
        line: Where, from 1.
        column: Where, from 1.
        before: What stood there.
        after: What stands there now; empty where something was left out.
    """

    index: int
    operator: str
    line: int
    column: int
    before: str
    after: str


@attrs.frozen
class Result:
    """A mutant's outcome, and the test that killed it or why it is invalid."""

    mutant: Mutant
    outcome: Outcome
    by: str = ""


@attrs.frozen(kw_only=True)
class Score:
    """What a suite is worth.

    Args:
        status: "scored"; or why there is no share: "failing" (the suite does not pass on the
            original), "unstable", "cheating" (it tells apart programs that behave alike),
            "no tests", "no mutants" (none is valid), "code" (it does not compile), "timeout",
            "memory", "crash", "tamper", "infra".
        message: The reason in words.
        results: Every mutant that was tried.
        operators: Label of the set of operators.
        of: How many mutants of the set there were before sampling.
    """

    status: str
    message: str = ""
    results: tuple[Result, ...] = ()
    operators: str = "standard"
    of: int = 0

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many mutants came to each outcome."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def value(self) -> float | None:
        """The share killed, 0 for a suite that earns nothing, None where nothing is known."""
        if self.status in ("no mutants", "code", "infra"):
            return None
        if self.status != "scored":
            return 0.0
        return self._share(self.results)

    def without(self, indexes: Iterable[int]) -> float | None:
        """Return the share killed, leaving mutants out: those that no test ever killed, say."""
        left_out = set(indexes)
        return self._share([r for r in self.results if r.mutant.index not in left_out])

    @property
    def muzak_value(self) -> float | None:
        """The share as Muzak counts: everything but survivors is killed, of all mutants."""
        if not self.results or self.status != "scored":
            return self.value
        return 1 - self.counts[Outcome.SURVIVED] / len(self.results)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """The mutants that no test noticed."""
        return tuple(r.mutant for r in self.results if r.outcome is Outcome.SURVIVED)

    def by_operator(self) -> dict[str, dict[str, int]]:
        """Return counts of outcomes for each operator."""
        found: dict[str, Counter[str]] = {}
        for result in self.results:
            found.setdefault(result.mutant.operator, Counter())[result.outcome.value] += 1
        return {name: dict(found[name]) for name in sorted(found)}

    @staticmethod
    def _share(results: Iterable[Result]) -> float | None:
        found = Counter(result.outcome for result in results)
        killed = found[Outcome.KILLED] + found[Outcome.TIMEOUT]
        valid = killed + found[Outcome.SURVIVED]
        return killed / valid if valid else None
