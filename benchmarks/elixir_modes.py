"""Whether a used machine judges as a fresh one does, over the corpus: right and wrong answers.

Run from the repository's folder: python -m benchmarks.elixir_modes --every 20

Every so many of the katas of the default size run in both modes; each difference is printed, and
the status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import collections
from collections.abc import Mapping

from ectrain_elixir.katas import katas
from ectrain_elixir.runner import Program, Status, Verdict, find_runner


def outcome(verdict: Verdict) -> tuple[Status, str, Mapping[str, str]]:
    """Return what must not depend on the machine: status, kind, and the state of each test."""
    return verdict.status, verdict.kind, dict(verdict.tests)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=20, help="one kata in so many")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    drawn = katas("train", seed=options.seed)[:: options.every]
    programs = [
        Program(kata.program(answer), kata.tests, kata.test_names)
        for kata in drawn
        for answer in (kata.answer, *kata.near_misses)
    ]
    fresh = find_runner(mode="strict").run_all(programs)
    used = find_runner(mode="warm").run_all(programs)
    unlike = [
        pair for pair in zip(fresh, used, strict=True) if outcome(pair[0]) != outcome(pair[1])
    ]
    for one, other in unlike:
        print(f"fresh: {one}\nused:  {other}\n")
    counts = collections.Counter(verdict.status.value for verdict in fresh)
    families = len({kata.family for kata in drawn})
    print(f"{len(drawn)} katas of {families} families, {len(programs)} programs: {dict(counts)}")
    print(f"judged differently: {len(unlike)}")
    raise SystemExit(1 if unlike else 0)


if __name__ == "__main__":
    main()
