"""The runner: programs on workers, several at once, with second chances where they are fair."""

import concurrent.futures
import functools
import secrets
import time
from collections.abc import Sequence
from typing import Literal

import attrs

from ectrain_elixir.runner import wire
from ectrain_elixir.runner.judge import Referee, judge
from ectrain_elixir.runner.model import Limits, Program, Status, Verdict
from ectrain_elixir.runner.sandbox import Sandbox
from ectrain_elixir.runner.stable import Recycle, Stable, cores
from ectrain_elixir.runner.toolchain import Toolchain
from ectrain_elixir.runner.worker import Left

Mode = Literal["strict", "warm"]
_BLAMED = frozenset({Status.CRASH, Status.MEMORY, Status.TAMPER})


class PooledRunner:
    """Runs programs on workers; see `Runner` for the methods.

    Args:
        toolchain: The Elixir to use.
        sandbox: Where workers live.
        mode: "strict", a pristine machine for each program, started ahead; or "warm", one program
            after another on each machine, which is checked in between.
        recycle: When a warm machine is replaced.
        spares: How many machines wait, started; by default one for each core in "strict" mode,
            and one in all in "warm" mode.
    """

    def __init__(
        self,
        toolchain: Toolchain,
        sandbox: Sandbox,
        mode: Mode = "strict",
        recycle: Recycle | None = None,
        spares: int | None = None,
    ) -> None:
        if spares is None:
            spares = cores() if mode == "strict" else 1
        self.tier, self.mode = sandbox.tier, mode
        self.stable = Stable(sandbox, toolchain, mode, recycle or Recycle(), spares)
        self.infra = 0

    def close(self) -> None:
        """End all workers; the runner can't be used again."""
        self.stable.close()

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """See `Runner.run`."""
        limits = limits or Limits()
        if not program.test_names:
            missing = self._verdict(program, Status.FAILED, "no tests", "there are no tests")
            return attrs.evolve(missing, tests={})
        verdict, served = self._once(program, limits)
        if served and verdict.status in _BLAMED:  # an earlier program may have done it
            verdict, _ = self._once(program, limits, fresh=True)
        if verdict.status is Status.INFRA:
            verdict, _ = self._once(program, limits, fresh=True)
        if verdict.status is Status.INFRA:
            self.infra += 1
        return verdict

    def run_all(
        self,
        programs: Sequence[Program],
        limits: Limits | None = None,
        workers: int | None = None,
        deadline_s: float | None = None,
        executor: concurrent.futures.Executor | None = None,
    ) -> list[Verdict]:
        """See `Runner.run_all`."""
        limits = limits or Limits()
        if executor is not None:
            there = functools.partial(run_elsewhere, self.tier, self.mode, limits)
            return list(executor.map(there, programs))
        end = None if deadline_s is None else time.monotonic() + deadline_s
        task = functools.partial(self._before, end, limits)
        workers = workers or cores()
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            verdicts = list(pool.map(task, programs))
        if workers == 1:
            return verdicts
        return [
            task(program) if _starved(verdict, limits) else verdict
            for program, verdict in zip(programs, verdicts, strict=True)
        ]

    def request(
        self, kind: str, fields: Sequence[str | bytes], limits: Limits, fresh: bool = False
    ) -> "Answer":
        """Ask a worker for something else than a run, once; see `ectrain_elixir.mutation`.

        Args:
            kind: What is asked for.
            fields: With what.
            limits: Of the request.
            fresh: Whether the worker must not have run anything.

        Raises:
            OSError: If no worker starts.
        """
        key = wire.new_key()
        with self.stable.lent(limits, fresh) as worker:
            left = worker.ask(key, kind, fields, limits)
            if left.answer is None or self.mode == "strict":
                worker.close()
            else:
                worker.settle(key)
        return Answer(key, left)

    def _before(self, end: float | None, limits: Limits, program: Program) -> Verdict:
        left = limits.wall_s if end is None else end - time.monotonic()
        if left <= 0:
            return self._verdict(program, Status.INFRA, "deadline", "not run: no time was left")
        short = left < limits.wall_s
        verdict = self.run(program, attrs.evolve(limits, wall_s=left) if short else limits)
        if short and verdict.kind == "wall time":
            text = f"ended after {left:.1f} s: no time was left"
            return self._verdict(program, Status.INFRA, "deadline", text)
        return verdict

    def _once(self, program: Program, limits: Limits, fresh: bool = False) -> tuple[Verdict, int]:
        """Return the verdict of one run, and how many programs its machine had run before."""
        names = [f"c{secrets.token_hex(6)}" for _ in range(3)]
        how = "compiled" if self.mode == "strict" else "auto"
        fields = [program.code, program.tests, canary(names), how]
        key = wire.new_key()
        try:
            with self.stable.lent(limits, fresh) as worker:
                left = worker.ask(key, "run", fields, limits)
                referee = Referee(key=key, canaries=frozenset(names))
                verdict = judge(program, left, referee, limits, self.tier, self.mode)
                if left.answer is None or self.mode == "strict" or verdict.status == "tamper":
                    worker.close()
                else:
                    worker.settle(key)
        except OSError as error:
            text = f"the sandbox did not start: {error}"
            return self._verdict(program, Status.INFRA, "start", text), 0
        return verdict, left.served

    def _verdict(self, program: Program, status: Status, kind: str, message: str) -> Verdict:
        return Verdict(
            status=status,
            tests=dict.fromkeys(program.test_names, "not run"),
            kind=kind,
            message=message,
            tier=self.tier,
            mode=self.mode,
        )


def _starved(verdict: Verdict, limits: Limits) -> bool:
    """Return whether a program ran out of time for want of CPU: it gets another try alone.

    One that merely waits uses next to none, and would wait again.
    """
    return verdict.kind == "wall time" and verdict.cpu_s >= limits.cpu_s / 4


@attrs.frozen
class Answer:
    """An answer that is still closed: its key, and what the request left."""

    key: bytes
    left: Left


def run_elsewhere(tier: str, mode: Mode, limits: Limits, program: Program) -> Verdict:
    """Run a program with this process's own runner: what an executor's workers call."""
    from ectrain_elixir.runner.engine import find_runner

    sandbox: Literal["strict", "limited"] = "limited" if tier == "limited" else "strict"
    return find_runner(sandbox, mode).run(program, limits)


def canary(names: Sequence[str]) -> str:
    """Return tests that must fail; random names and numbers, so that they look like no others."""
    number = 1 + secrets.randbelow(1 << 30)
    return f"""
    defmodule C{secrets.token_hex(8)} do
      use ExUnit.Case
      test "{names[0]}", do: assert {number} == {number + 1}
      test "{names[1]}", do: refute({number}, "{number}")
      test "{names[2]}", do: flunk("{number}")
    end
    """
