"""Show scores: as plain data for JSON, and as text that a person reads."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ectrain_elixir.mutation.engine import MutationEngine
from ectrain_elixir.mutation.score import Mutant, Outcome, Score


def diffs(engine: MutationEngine, code: str, mutants: Sequence[Mutant]) -> dict[int, str]:
    """Return a unified diff of each mutant against the formatted program, by index."""
    if not mutants:
        return {}
    original, *changed = engine.sources(code, mutants)
    return {
        mutant.index: _diff(original, text) for mutant, text in zip(mutants, changed, strict=True)
    }


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return "\n".join(list(lines)[2:])  # without the names of files


def as_data(score: Score, found: Mapping[int, str] | None = None) -> dict[str, Any]:
    """Return a score as data for JSON, with diffs of survivors where they are given."""
    return {
        "status": score.status,
        "message": score.message,
        "kill_rate": score.value,
        "muzak_rate": score.muzak_value,
        "operators": score.operators,
        "mutants": {"of": score.of, "tried": len(score.results)}
        | {outcome.value: count for outcome, count in score.counts.items()},
        "by_operator": score.by_operator(),
        "results": [
            {
                "index": result.mutant.index,
                "operator": result.mutant.operator,
                "line": result.mutant.line,
                "column": result.mutant.column,
                "before": result.mutant.before,
                "after": result.mutant.after,
                "outcome": result.outcome.value,
                "by": result.by,
                "diff": (found or {}).get(result.mutant.index),
            }
            for result in score.results
        ],
    }


def as_text(score: Score, found: Mapping[int, str] | None = None) -> str:
    """Return a score as text: the share, counts by operator, and each survivor."""
    if score.value is None or score.status != "scored":
        return f"{score.status}: {score.message or 'no reason given'}\n"
    counts = ", ".join(f"{n} {outcome}" for outcome, n in score.counts.items() if n)
    tried = len(score.results)
    sampled = f" of {score.of}" if score.of > tried else ""
    lines = [f"{score.value:.1%} killed ({tried}{sampled} mutants: {counts})", "", *_rows(score)]
    for mutant in score.survivors:
        lines += ["", f"survived: {mutant.operator}, line {mutant.line}, column {mutant.column}"]
        shown = (found or {}).get(mutant.index) or f"-{mutant.before}\n+{mutant.after}"
        lines += [f"    {line}" for line in shown.splitlines()]
    return "\n".join(lines) + "\n"


def _rows(score: Score) -> list[str]:
    shown = [o for o in Outcome if score.counts[o]]
    table = [("operator", *(o.value for o in shown))]
    for name, counts in score.by_operator().items():
        table.append((name, *(str(counts.get(o.value, "")) for o in shown)))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in table
    ]
