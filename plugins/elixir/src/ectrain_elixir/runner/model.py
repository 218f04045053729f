"""What the runner takes and gives: programs, limits, verdicts, and the runner itself."""

import concurrent.futures
import enum
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import attrs


class Status(enum.StrEnum):
    """How a program ended; only `PASSED` says that its tests passed."""

    PASSED = "passed"
    FAILED = "failed"
    """It does not compile, a test failed or was skipped, or there are no tests."""
    TIMEOUT = "timeout"
    """Stopped at the limit of CPU time or of wall time."""
    MEMORY = "memory"
    """Ended for memory, or for the table of atoms."""
    CRASH = "crash"
    """The virtual machine ended before the tests did, for example by `System.halt`."""
    TAMPER = "tamper"
    """It touched the referee: forged or damaged records, replaced modules, missing tests."""
    INFRA = "infra"
    """Not the program's fault: nothing is known about it, so leave it out of every average."""


@attrs.frozen(kw_only=True)
class Limits:
    """What one program may use.

    Args:
        cpu_s: CPU seconds, compilation included, the start of the virtual machine not.
        wall_s: Seconds by the clock; several times `cpu_s`, so that a busy machine does not turn
            a pass into a timeout.
        memory_mb: Memory beyond that of an idle virtual machine.
        output_kb: How much of what the program prints is kept, half from each end.
        processes: Operating-system threads and processes, the virtual machine's own (about 10)
            included.
        disk_mb: Size of the working folder, and of any file.
    """

    cpu_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    wall_s: float = attrs.field(default=50.0, validator=attrs.validators.gt(0))
    memory_mb: int = attrs.field(default=512, validator=attrs.validators.ge(64))
    output_kb: int = attrs.field(default=64, validator=attrs.validators.gt(0))
    processes: int = attrs.field(default=64, validator=attrs.validators.ge(32))
    disk_mb: int = attrs.field(default=16, validator=attrs.validators.gt(0))


def limits_for(reference: "Verdict", factor: float = 10.0, least_s: float = 1.0) -> Limits:
    """Return limits that scale with what a right answer to the same request took.

    Args:
        reference: The verdict on that answer.
        factor: How many times its CPU time a program may take.
        least_s: Least CPU seconds; the clock allows five times the CPU seconds.
    """
    cpu_s = max(least_s, factor * reference.cpu_s)
    return Limits(cpu_s=cpu_s, wall_s=5 * cpu_s)


@attrs.frozen
class Program:
    """Code and the tests that judge it.

    Args:
        code: One or more Elixir modules. Processes that it starts while it compiles end with that.
        tests: The text of one or more ExUnit modules, without `ExUnit.start`.
        test_names: Every test that must run, each name once, as ExUnit names it without the
            leading word "test": the text after `test`, behind a `describe` block's text and a
            space where it lies in one. Without names there is nothing to prove, and the verdict
            is `FAILED`.
    """

    code: str
    tests: str
    test_names: tuple[str, ...] = attrs.field()

    @test_names.validator
    def _each_once(self, _: object, value: tuple[str, ...]) -> None:
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"test name {twice[0]!r} is given twice; ExUnit's names are unique")


@attrs.frozen(kw_only=True)
class Verdict:
    """What is known about one program after one run.

    Args:
        status: The verdict.
        tests: Every name of the program to "passed", "failed", "skipped" or "not run".
        kind: Why it is not passed: "parse", "compile", "undefined function", "assertion",
            "exception", "throw", "exit", "skipped", "no tests", or for other statuses than
            `FAILED` what was seen, such as "cpu time". Empty for a pass.
        message: The first failure in words, without escape codes.
        output: What the program printed, without escape codes, cut in the middle.
        cpu_s: CPU seconds used, compilation included.
        wall_s: Seconds by the clock.
        tier: The sandbox: "strict" or "limited".
        mode: How machines are used: "strict", a pristine one for each program, or "warm".
    """

    status: Status
    tests: Mapping[str, str]
    kind: str = ""
    message: str = ""
    output: str = attrs.field(default="", repr=False)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    tier: str = "strict"
    mode: str = "strict"

    @property
    def passed(self) -> bool:
        """Whether every test ran and passed."""
        return self.status is Status.PASSED


class Runner(Protocol):
    """Runs programs, each where it can neither harm nor cheat.

    `tier` names the sandbox, `mode` how machines are used, and every verdict repeats both.
    """

    tier: str
    mode: Literal["strict", "warm"]

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """Run one program; an `INFRA` verdict has been tried twice."""
        ...

    def run_all(
        self,
        programs: Sequence[Program],
        limits: Limits | None = None,
        workers: int | None = None,
        deadline_s: float | None = None,
        executor: concurrent.futures.Executor | None = None,
    ) -> list[Verdict]:
        """Run many programs side by side and return their verdicts in the order given.

        Args:
            programs: What to run.
            limits: For each program.
            workers: How many at once; by default one for each CPU core this process may use.
            deadline_s: Seconds for all together. A program that has not started by then, or
                whose limits the deadline cuts short, is `INFRA`: it was not measured.
            executor: Where to run instead of here, each of its workers with a runner of its own;
                `workers` and `deadline_s` then have no say.
        """
        ...


@attrs.frozen
class Availability:
    """Whether programs can be run here, and what to do if not.

    Args:
        elixir: Elixir's version, or None where it is missing or does not start.
        tier: The sandbox that `find_runner` would use, or None where there is none.
        why: What is missing, in one sentence; empty where nothing is.
        remedy: The one line to type; empty where nothing is missing.
    """

    elixir: str | None
    tier: str | None
    why: str = ""
    remedy: str = ""
