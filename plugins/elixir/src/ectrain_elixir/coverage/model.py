"""What is known after the tests ran over a program with counters."""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs


@attrs.frozen
class Point:
    """A place with a counter.

    Args:
        kind: "clause" of a function, or "expression" of a body.
        name: "Module.function/arity" of a clause.
        line: From 1.
        column: From 1.
    """

    kind: str
    name: str
    line: int
    column: int


@attrs.frozen
class Share:
    """How many of how many."""

    reached: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, None where there is nothing to reach."""
        return self.reached / self.of if self.of else None


@attrs.frozen
class Coverage:
    """Counts of every point, for each test.

    Args:
        points: The places, in the order of the text.
        tests: Each test's state.
        hits: For each test, how often each point was reached, by the point's number.
    """

    points: tuple[Point, ...]
    tests: Mapping[str, str]
    hits: Mapping[str, Mapping[int, int]]

    def counts(self, tests: Iterable[str] | None = None) -> list[int]:
        """Return how often each point was reached, by all tests or by these."""
        counts = [0] * len(self.points)
        for name in self.hits if tests is None else tests:
            for number, count in self.hits[name].items():
                counts[number] += count
        return counts

    def lines(self, tests: Iterable[str] | None = None) -> dict[int, int]:
        """Return for each line with an expression how often its most reached one was."""
        found: dict[int, int] = {}
        for point, count in zip(self.points, self.counts(tests), strict=True):
            if point.kind == "expression":
                found[point.line] = max(found.get(point.line, 0), count)
        return dict(sorted(found.items()))

    def functions(self, tests: Iterable[str] | None = None) -> dict[str, list[int]]:
        """Return for each function how often each of its clauses was entered."""
        found: dict[str, list[int]] = {}
        for point, count in zip(self.points, self.counts(tests), strict=True):
            if point.kind == "clause":
                found.setdefault(point.name, []).append(count)
        return found

    def share(self, what: str, tests: Iterable[str] | None = None) -> Share:
        """Return the share of "lines", "expressions", "clauses" or "functions" that was reached."""
        counts = self.counts(tests)
        if what == "lines":
            values = list(self.lines(tests).values())
        elif what == "functions":
            values = [max(clauses) for clauses in self.functions(tests).values()]
        elif what in ("clauses", "expressions"):
            kind = what.removesuffix("s")
            values = [n for p, n in zip(self.points, counts, strict=True) if p.kind == kind]
        else:
            raise ValueError(f"no such coverage: {what!r}; lines, expressions, clauses, functions")
        return Share(sum(value > 0 for value in values), len(values))

    def as_data(self) -> dict[str, Any]:
        """Return shares, counts by line and by function, and lines by test, for JSON."""
        kinds = ("lines", "expressions", "clauses", "functions")
        shares = {what: self.share(what) for what in kinds}
        return {
            "shares": {
                what: {"reached": s.reached, "of": s.of, "share": s.value}
                for what, s in shares.items()
            },
            "lines": {str(line): count for line, count in self.lines().items()},
            "functions": self.functions(),
            "tests": {
                name: {
                    "state": state,
                    "lines": [line for line, n in self.lines([name]).items() if n],
                }
                for name, state in self.tests.items()
            },
        }
