"""Seconds that whole processes take: a page of help, the list of tasks, a run's first step.

Run from the repository's folder: python -m benchmarks.startup --help
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PATIENCE = 120.0  # seconds that a first step may take
POLL = 0.01

GOALS = {"help": 0.15, "first step": 4.0}  # at most, in seconds


@dataclass(frozen=True)
class Timing:
    """Seconds of some runs of one command; a failure has none."""

    what: str
    median: float | None
    lowest: float | None
    highest: float | None
    goal: float | None
    problem: str = ""

    @property
    def verdict(self) -> str:
        """What came of its goal."""
        if self.median is None:
            return f"not measured: {self.problem}"
        if self.goal is None:
            return ""
        return "reached" if self.median <= self.goal else "not reached"


class CommandError(RuntimeError):
    """A measured command failed."""


def seconds_of(command: Sequence[str]) -> float:
    """Return how long a command takes as a process.

    Raises:
        CommandError: It failed; the end of what it said is told.
    """
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise CommandError(f"exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return seconds


def seconds_to_first_step(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return how long a run takes from its process's start to the first step in its log.

    Raises:
        CommandError: It ended or was too slow before that.
    """
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as output:
        events = Path(directory) / "run" / "events.jsonl"
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--out", str(events.parent)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
        try:
            while not _has_step(events):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                    output.seek(0)
                    raise CommandError(f"no step: {output.read().strip()[-300:]}")
                time.sleep(POLL)
            return time.perf_counter() - began
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


def _has_step(events: Path) -> bool:
    """Return whether a log holds a whole line about a step."""
    try:
        lines = events.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return False
    return any(json.loads(line).get("event") == "step" for line in lines)


def timing(what: str, measure: Callable[[], float], runs: int, goal: float | None = None) -> Timing:
    """Measure some runs after one that warms the system's file cache."""
    try:
        measure()
        found = [measure() for _ in range(runs)]
    except CommandError as error:
        return Timing(what, None, None, None, goal, str(error))
    return Timing(what, statistics.median(found), min(found), max(found), goal)


def first_steps(what: str, run: Sequence[str], runs: int) -> list[Timing]:
    """Measure runs to their first step: eager and compiled, with data kept or to be made.

    Data and compiled code are kept in a cache of their own.
    """
    # A step is logged every log_seconds; 0 logs the first as soon as it is done.
    run = (*run, "--set", "log_seconds=0", "--set")
    eager, compiled = (*run, "device.compile=off"), (*run, "device.compile=on")
    with tempfile.TemporaryDirectory() as cache:

        def measure(command: Sequence[str], fresh: bool = False) -> float:
            if fresh:
                shutil.rmtree(Path(cache) / "made", ignore_errors=True)
            return seconds_to_first_step(command, {**os.environ, "ECTRAIN_CACHE": cache})

        return [
            timing(f"{what}, eager", lambda: measure(eager), runs, GOALS["first step"]),
            timing(f"{what}, eager, data to be made", lambda: measure(eager, True), runs),
            timing(f"{what}, compiled", lambda: measure(compiled), runs),
        ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="codegen", help="tasks of the run that is started")
    parser.add_argument("--size", default="small", help="its size")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    python = sys.executable
    program = (python, "-m", "ectrain_cli")
    script = Path(python).parent / "ectrain"
    ectrain = (str(script),) if script.exists() else program
    run = (*ectrain, "run", "--tasks", settings.tasks, "--size", settings.size)
    load = os.getloadavg()[0]
    plain: list[tuple[str, Sequence[str], float | None]] = [
        ("python -c pass", (python, "-c", "pass"), None),
        ("python -c 'import torch'", (python, "-c", "import torch"), None),
        ("ectrain --help", (*ectrain, "--help"), GOALS["help"]),
        ("ectrain tasks", (*ectrain, "tasks"), None),
    ]
    found = [
        timing(what, lambda command=command: seconds_of(command), settings.runs, goal)  # type: ignore[misc]
        for what, command, goal in plain
    ]
    what = f"{' '.join(('ectrain', *run[len(ectrain) :]))}, to its first step"
    found += first_steps(what, run, settings.runs)
    if settings.json:
        print(json.dumps({"load": load, "timings": [asdict(t) for t in found]}, indent=1))
        return
    print(f"{settings.runs} runs each, warm cache, load {load:.1f} before")
    for t in found:
        numbers = "" if t.median is None else f"{t.median:.3f} s ({t.lowest:.3f}..{t.highest:.3f})"
        goal = "" if t.goal is None else f"goal {t.goal:g} s: "
        print(f"{t.what}: {numbers} {goal}{t.verdict}".rstrip())


if __name__ == "__main__":
    main()
