"""Programs that stay alive and take turns, one optimizer step each, so that all meet the same load.

A program runs in a process of its own and says over a pipe, one JSON line each, that it is warm
and then what each step came to; it takes a step whenever it is told "go". The order of a round
rotates. While a program takes its turn, whatever the processors did beyond it is foreign load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.workload import SHAPES, Shape, fingerprint, step_sequences

ROOT = Path(__file__).resolve().parent.parent
PIPES = "ECTRAIN_BENCHMARK_PIPES"
WARM_UP = 2  # steps before a program is ready
NOISY = 0.06  # share of all processors that foreign load may take in a quiet turn
FEWEST_QUIET = 3  # with fewer quiet turns, all turns count


class ProgramError(RuntimeError):
    """A program ended before it was told to."""


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every program has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--shape", choices=SHAPES, default="6m")
    parser.add_argument("--steps", type=int, default=5, help="steps after the warm-up")
    return parser


class Gate:
    """A program's side: it is called after each step, and returns when the next one may begin.

    Without a parent, steps follow one another and what they came to is printed.

    Args:
        shape: Of the workload.
        steps: How many, after the warm-up.
        facts: What the program says about itself.
    """

    def __init__(self, shape: Shape, steps: int, **facts: object) -> None:
        self.sequences = [step_sequences(shape, step) for step in range(WARM_UP + steps)]
        self._facts = {**facts, "workload": fingerprint(shape)}
        self._pipes = None
        if PIPES in os.environ:
            read, write = map(int, os.environ[PIPES].split(","))
            self._pipes = os.fdopen(read, "r"), os.fdopen(write, "w")
        self._steps = 0
        self._began = time.perf_counter()

    def step_ended(self, loss: float | None = None, amount: int | None = None) -> bool:
        """Report a step, wait, and return whether there is to be another.

        Args:
            loss: Its mean loss.
            amount: What it did; its real tokens if nothing else is given.
        """
        seconds = time.perf_counter() - self._began
        self._steps += 1
        if self._steps == WARM_UP:
            self._say({"ready": True, **self._facts})
        elif self._steps > WARM_UP:
            done = sum(map(len, self.sequences[self._steps - 1])) if amount is None else amount
            self._say({"tokens": done, "seconds": seconds, "loss": loss})
        more = self._steps < len(self.sequences)
        if self._pipes is not None and self._steps >= WARM_UP:
            more = self._pipes[0].readline() == "go\n" and more
        self._began = time.perf_counter()
        return more

    def _say(self, line: Mapping[str, object]) -> None:
        if self._pipes is None:
            print(json.dumps(line), flush=True)
        else:
            self._pipes[1].write(json.dumps(line) + "\n")
            self._pipes[1].flush()


@dataclass(frozen=True)
class Turn:
    """One step: how much, how long, its loss, and the share of the processors others took."""

    tokens: int
    seconds: float
    loss: float | None
    foreign: float | None

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds

    @property
    def quiet(self) -> bool:
        """Whether foreign load left it alone; True where the system doesn't tell."""
        return self.foreign is None or self.foreign < NOISY


@dataclass
class Program:
    """The parent's side of one program.

    Attributes:
        name: As the table has it.
        command: What starts it.
        turns: What it did, in order.
        facts: What it says about itself.
    """

    name: str
    command: Sequence[str]
    turns: list[Turn] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start it and wait until it is warm.

        Raises:
            ProgramError: It ended; the end of what it printed is told.
        """
        from_child, to_parent = os.pipe()
        from_parent, to_child = os.pipe()
        environment = {
            **os.environ,
            PIPES: f"{from_parent},{to_parent}",
            "PYTHONWARNINGS": "ignore",
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            pass_fds=(from_parent, to_parent),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )
        os.close(from_parent)
        os.close(to_parent)
        self._answers, self._orders = os.fdopen(from_child, "r"), os.fdopen(to_child, "w")
        self.facts = self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            code = self._process.wait()
            self._output.seek(0)
            said = self._output.read()[-2000:].strip()
            raise ProgramError(f"{self.name} ended with exit code {code}: {said or 'no word'}")
        found: dict[str, Any] = json.loads(line)
        return found

    def take_turn(self) -> None:
        """Let it take one step.

        Raises:
            ProgramError: It ended.
        """
        busy, own, began = _busy_seconds(), _cpu_seconds(self._process.pid), time.perf_counter()
        self._orders.write("go\n")
        self._orders.flush()
        found = self._answer()
        wall = (time.perf_counter() - began) * (os.cpu_count() or 1)
        busy_after, own_after = _busy_seconds(), _cpu_seconds(self._process.pid)
        foreign = None
        if None not in (busy, own, busy_after, own_after):
            foreign = max(0.0, (busy_after - busy - (own_after - own)) / wall)  # type: ignore[operator]
        self.turns.append(Turn(found["tokens"], found["seconds"], found["loss"], foreign))

    def stop(self) -> None:
        """End it."""
        for pipe in (self._orders, self._answers):
            with suppress(BrokenPipeError):  # an order that an ended program never took
                pipe.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def _busy_seconds() -> float | None:
    """Return what all processors have worked since the machine started, None if unknown."""
    try:
        line = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _cpu_seconds(pid: int) -> float | None:
    """Return what a process has worked, all its threads together, None if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def take_turns(programs: Sequence[Program], rounds: int) -> dict[str, str]:
    """Let started programs take one turn each a round, another one first each time.

    Returns:
        Why a program ended before its last turn, by name; the others go on without it.
    """
    ended: dict[str, str] = {}
    for number in range(rounds):
        for place in range(len(programs)):
            program = programs[(number + place) % len(programs)]
            if program.name in ended:
                continue
            try:
                program.take_turn()
            except (ProgramError, OSError) as error:
                ended[program.name] = f"{error} (in round {number + 1} of {rounds})"
    return ended


@dataclass(frozen=True)
class Figures:
    """What a program's turns came to, in tokens a second."""

    median: float
    lowest: float
    highest: float
    quiet: int
    turns: int


def figures(turns: Sequence[Turn]) -> Figures:
    """Summarize turns: the quiet ones where there are enough, else all."""
    quiet = [turn for turn in turns if turn.quiet]
    rates = [turn.rate for turn in (quiet if len(quiet) >= FEWEST_QUIET else turns)]
    return Figures(statistics.median(rates), min(rates), max(rates), len(quiet), len(turns))


def paired_ratio(one: Sequence[Turn], other: Sequence[Turn]) -> float:
    """Return the median over rounds of one's rate by the other's, quiet pairs if there are enough.

    It agrees with the ratio of the medians unless load came and went: trust them where they agree.
    """
    pairs = list(zip(one, other, strict=True))
    quiet = [(a, b) for a, b in pairs if a.quiet and b.quiet]
    return statistics.median(
        a.rate / b.rate for a, b in (quiet if len(quiet) >= FEWEST_QUIET else pairs)
    )
