"""Programs and mutants a second of the Elixir engine, beside one process for each.

Run from the repository's folder: python -m benchmarks.elixir_engine --help

All ways take turns in rounds, so that all meet the same load; ratios are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.programs.elixir_projects import BaselineError, MixProject, scripts
from ectrain_elixir.analysis import Analyst
from ectrain_elixir.katas import katas
from ectrain_elixir.mutation import MutationEngine
from ectrain_elixir.runner import PooledRunner, Program, find_runner
from ectrain_elixir.runner.stable import cores

WARM, STRICT, SCRIPT, MIX = "warm", "strict", "elixir file.exs", "mix test"
CACHED, FRESH, PER_MUTANT = "mutants, code known", "mutants, code new", "mix test for each mutant"
# (way, against, floor, aim)
GOALS: Sequence[tuple[str, str, float, float]] = (
    (WARM, SCRIPT, 40, 60),
    (STRICT, SCRIPT, 2, 3),
    (CACHED, PER_MUTANT, 300, 600),
    (FRESH, PER_MUTANT, 60, 60),
)
MOST_TRIP_MS = 1.0
MOST_ATOMS, MOST_MB = 100_000, 200


@dataclass
class Rates:
    """What each way did in each round, a second."""

    unit: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, rate: float) -> None:
        """Keep a round's rate."""
        self.rounds.setdefault(way, []).append(rate)

    def ratio(self, way: str, against: str) -> float:
        """Return the median over rounds of one way's rate by the other's."""
        pairs = zip(self.rounds[way], self.rounds[against], strict=True)
        return statistics.median(a / b for a, b in pairs)


@dataclass(frozen=True)
class Point:
    """The machines after so many programs: most atoms and most memory of any."""

    programs: int
    atoms: int
    memory_mb: float
    started: int


def corpus(number: int, seed: int = 0) -> list[Program]:
    """Return katas with their answers."""
    found = katas("train", max(number, 40), seed)[:number]
    return [Program(kata.prompt + kata.answer, kata.tests, kata.test_names) for kata in found]


def rate_of(runner: PooledRunner, programs: Sequence[Program]) -> float:
    """Return programs a second.

    Raises:
        BaselineError: A program that is right did not pass.
    """
    began = time.perf_counter()
    verdicts = runner.run_all(programs)
    seconds = time.perf_counter() - began
    wrong = [verdict for verdict in verdicts if not verdict.passed]
    if wrong:
        raise BaselineError(f"{runner.mode}: a right program was judged {wrong[0]}")
    return len(programs) / seconds


def mutants_a_second(engine: MutationEngine, pairs: Sequence[tuple[str, str]]) -> float:
    """Return mutants a second, every mutant counted that has an outcome."""
    began = time.perf_counter()
    scores = engine.kill_rates(pairs)
    return sum(len(score.results) for score in scores) / (time.perf_counter() - began)


def per_mutant(project: MixProject, engine: MutationEngine, program: Program, number: int) -> float:
    """Return mutants a second with a `mix test` for each."""
    mutants = engine.mutants(program.code)[:number]
    sources = engine.sources(program.code, mutants)[1:]
    return len(sources) / sum(project.test(text, program.tests)[1] for text in sources)


def measure(rounds: int, size: int, log: Callable[[str], None]) -> Rates:
    """Let all ways take turns."""
    rates, programs, engine = Rates(), corpus(size), MutationEngine(scores=0)
    warm, strict, project = find_runner(mode="warm"), find_runner(mode="strict"), MixProject()
    rate_of(warm, programs[: 4 * cores()])
    rate_of(strict, programs[: cores()])
    project.test(programs[0].code, programs[0].tests)
    pairs = [(program.code, program.tests) for program in programs[: size // 8]]
    engine.kill_rates(pairs)
    for number in range(rounds):
        few = programs[number % size :][:4] or programs[:4]
        rates.add(SCRIPT, scripts(few, 2))
        rates.add(WARM, rate_of(warm, programs))
        rates.add(STRICT, rate_of(strict, programs[: 4 * cores()]))
        rates.add(MIX, 1 / project.test(few[0].code, few[0].tests)[1])
        rates.add(PER_MUTANT, per_mutant(project, engine, few[-1], 2))
        rates.add(CACHED, mutants_a_second(engine, [(c, f"{t}\n# {number}") for c, t in pairs]))
        new = [(f"{code}\n# {number}", tests) for code, tests in pairs]
        rates.add(FRESH, mutants_a_second(engine, new))
        log(f"round {number + 1} of {rounds}")
    project.close()
    return rates


def trip_ms(times: int = 200) -> float:
    """Return milliseconds for a question whose answer costs nearly nothing, there and back."""
    analyst, seconds = Analyst(), []
    for _ in range(times):
        began = time.perf_counter()
        analyst.valid("1")
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)


def curve(number: int, steps: int = 10) -> list[Point]:
    """Return atoms and memory while many different programs run."""
    runner, found, done = find_runner(mode="warm"), [], 0
    before = runner.stable.started
    for step in range(steps):
        part = corpus(number // steps, seed=step + 1)
        rate_of(runner, part)
        done += len(part)
        health = [worker.health for worker in runner.stable._idle]
        most = max((h.memory for h in health), default=0) / (1 << 20)
        atoms = max((h.atoms for h in health), default=0)
        found.append(Point(done, atoms, round(most, 1), runner.stable.started - before))
    return found


def report(rates: Rates, trip: float, points: Sequence[Point]) -> str:
    """Return the figures as text."""
    lines = [f"{'way':28}{'median/s':>10}{'lowest':>10}{'highest':>10}"]
    for way, found in rates.rounds.items():
        middle = statistics.median(found)
        lines.append(f"{way:28}{middle:10.2f}{min(found):10.2f}{max(found):10.2f}")
    lines.append("")
    for way, against, floor, aim in GOALS:
        ratio = rates.ratio(way, against)
        lines.append(f"{way} by {against}: {ratio:.1f}x, {_verdict(ratio, floor, aim)}")
    said = "reached" if trip <= MOST_TRIP_MS else "not reached"
    lines.append(f"round trip: {trip:.2f} ms (at most {MOST_TRIP_MS:g}): {said}")
    lines.append("mutants by real Muzak: not measured, this benchmark does not install it")
    for point in points:
        lines.append(
            f"after {point.programs:6} programs: {point.atoms:7} atoms, "
            f"{point.memory_mb:6.1f} MB, {point.started} machines started"
        )
    if points:
        bounded = all(p.atoms <= MOST_ATOMS and p.memory_mb <= MOST_MB for p in points)
        lines.append(f"atoms and memory bounded: {'reached' if bounded else 'not reached'}")
    return "\n".join(lines)


def _verdict(ratio: float, floor: float, aim: float) -> str:
    if ratio >= aim:
        return f"aim of {aim:g}x reached"
    if ratio >= floor:
        return f"floor of {floor:g}x reached, aim of {aim:g}x not"
    return f"floor of {floor:g}x not reached"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=160, help="programs of a round")
    parser.add_argument("--programs", type=int, default=2000, help="of the curve; 0 for none")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    log: Callable[[str], None] = (lambda _: None) if options.json else print
    rates = measure(options.rounds, options.size, log)
    trip, points = trip_ms(), curve(options.programs) if options.programs else []
    if options.json:
        ratios = {f"{way} / {against}": rates.ratio(way, against) for way, against, *_ in GOALS}
        document = {"rates": rates.rounds, "ratios": ratios, "trip_ms": trip}
        print(json.dumps(document | {"curve": [asdict(point) for point in points]}, indent=2))
    else:
        print(report(rates, trip, points))


if __name__ == "__main__":
    main()
