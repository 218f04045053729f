"""Whether a used machine judges as a fresh one does, over the corpus: right and wrong answers.

Run from the repository's folder: python -m benchmarks.elixir_modes --seconds 240

Katas of every family and level run in both modes, with their answers and all near misses, as many
as the time allows; each difference is printed, and the status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import collections
import itertools
from collections.abc import Mapping

from ectrain_elixir.katas import Kata, katas
from ectrain_elixir.runner import Program, Status, Verdict, find_runner


def outcome(verdict: Verdict) -> tuple[Status, str, Mapping[str, str]]:
    """Return what must not depend on the machine: status, kind, and the state of each test."""
    return verdict.status, verdict.kind, dict(verdict.tests)


def spread(seed: int) -> list[Kata]:
    """Return katas so that the first ones are of every family and level, then the second ones."""
    places: dict[tuple[str, int], list[Kata]] = {}
    for kata in katas("train", 4000, seed, (0, 1, 2), ()):
        places.setdefault((kata.family, kata.level), []).append(kata)
    rows = itertools.zip_longest(*places.values())
    return [kata for row in rows for kata in row if kata is not None]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240, help="for fresh machines")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    every = [(k, a) for k in spread(options.seed) for a in (k.answer, *k.near_misses)]
    programs = [Program(k.program(a), k.tests, k.test_names) for k, a in every]
    verdicts = find_runner(mode="strict").run_all(programs, deadline_s=options.seconds)
    measured = [n for n, verdict in enumerate(verdicts) if verdict.kind != "deadline"]
    fresh = [verdicts[n] for n in measured]
    used = find_runner(mode="warm").run_all([programs[n] for n in measured])
    drawn = {every[n][0].id: every[n][0] for n in measured}.values()
    unlike = [
        pair for pair in zip(fresh, used, strict=True) if outcome(pair[0]) != outcome(pair[1])
    ]
    for one, other in unlike:
        print(f"fresh: {one}\nused:  {other}\n")
    counts = collections.Counter(verdict.status.value for verdict in fresh)
    families = len({kata.family for kata in drawn})
    print(f"{len(drawn)} katas of {families} families, {len(fresh)} programs: {dict(counts)}")
    print(f"judged differently: {len(unlike)}")
    raise SystemExit(1 if unlike else 0)


if __name__ == "__main__":
    main()
