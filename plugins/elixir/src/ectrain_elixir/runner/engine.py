"""The runner: one fresh virtual machine for each program, several at once."""

import concurrent.futures
import functools
import os
import secrets
import time
from collections.abc import Sequence
from typing import Literal

import attrs

from ectrain.errors import SandboxError
from ectrain_elixir.runner import record, strict, toolchain
from ectrain_elixir.runner.judge import Referee, judge
from ectrain_elixir.runner.limited import Bare
from ectrain_elixir.runner.model import Availability, Limits, Program, Runner, Status, Verdict
from ectrain_elixir.runner.process import Sandbox, execute
from ectrain_elixir.runner.strict import Bubblewrap
from ectrain_elixir.runner.toolchain import Toolchain, find_toolchain

_KNOWN_GOOD = Program(
    code="defmodule EctrainCheck do\n  def one, do: 1\nend\n",
    tests="""
    defmodule EctrainCheckTest do
      use ExUnit.Case
      test "one", do: assert EctrainCheck.one() == 1
    end
    """,
    test_names=("one",),
)


class FreshRunner:
    """Runs each program in a virtual machine of its own.

    Args:
        toolchain: The Elixir to use.
        sandbox: Where its processes live.
    """

    def __init__(self, toolchain: Toolchain, sandbox: Sandbox) -> None:
        self._toolchain = toolchain
        self._sandbox = sandbox
        self.tier = sandbox.tier

    def run(self, program: Program, limits: Limits | None = None) -> Verdict:
        """See `Runner.run`."""
        limits = limits or Limits()
        if not program.test_names:
            return Verdict(
                status=Status.FAILED,
                tests={},
                kind="no tests",
                message="there are no tests",
                tier=self.tier,
            )
        verdict = self._once(program, limits)
        return self._once(program, limits) if verdict.status is Status.INFRA else verdict

    def run_all(
        self,
        programs: Sequence[Program],
        limits: Limits | None = None,
        workers: int | None = None,
        deadline_s: float | None = None,
    ) -> list[Verdict]:
        """See `Runner.run_all`."""
        limits = limits or Limits()
        end = None if deadline_s is None else time.monotonic() + deadline_s
        task = functools.partial(self._before, end, limits)
        with concurrent.futures.ThreadPoolExecutor(workers or _cores()) as pool:
            return list(pool.map(task, programs))

    def _before(self, end: float | None, limits: Limits, program: Program) -> Verdict:
        left = limits.wall_s if end is None else end - time.monotonic()
        if left <= 0:
            return self._infra(program, "deadline", "not run: no time was left")
        short = left < limits.wall_s
        verdict = self.run(program, attrs.evolve(limits, wall_s=left) if short else limits)
        if short and verdict.kind == "wall time":
            return self._infra(program, "deadline", f"ended after {left:.1f} s: no time was left")
        return verdict

    def _once(self, program: Program, limits: Limits) -> Verdict:
        key = secrets.token_bytes(record.KEY_BYTES)
        names = [f"c{secrets.token_hex(6)}" for _ in range(3)]

        def make_input(fd: int) -> bytes:
            texts = (str(fd), program.code, program.tests, _canary(names))
            return record.pack([key, *(text.encode("utf-8", "surrogatepass") for text in texts)])

        try:
            left = execute(self._sandbox, self._toolchain, limits, make_input)
        except OSError as error:
            return self._infra(program, "start", f"the sandbox did not start: {error}")
        referee = Referee(key=key, canaries=frozenset(names))
        return judge(program, left, referee, limits, self.tier)

    def _infra(self, program: Program, kind: str, message: str) -> Verdict:
        tests = dict.fromkeys(program.test_names, "not run")
        return Verdict(status=Status.INFRA, tests=tests, kind=kind, message=message, tier=self.tier)


def availability() -> Availability:
    """Return whether programs can be run here; the first call starts Elixir once (a second)."""
    try:
        elixir = find_toolchain()
    except SandboxError as error:
        return Availability(None, None, why=str(error), remedy=toolchain.REMEDY)
    try:
        _strict()
    except SandboxError as error:
        return Availability(elixir.version, None, why=str(error), remedy=strict.REMEDY)
    return Availability(elixir.version, "strict")


def find_runner(sandbox: Literal["auto", "strict", "limited"] = "auto") -> Runner:
    """Return a runner that has judged a known program right.

    Args:
        sandbox: "strict", or "auto" for the same: a weaker tier is never chosen silently.
            "limited" keeps resource limits only; programs can read files and use the network.

    Raises:
        SandboxError: If programs cannot be run here; it says why and what to type.
    """
    return _limited() if sandbox == "limited" else _strict()


@functools.cache
def _strict() -> Runner:
    found = find_toolchain()
    sandbox = Bubblewrap()
    sandbox.check()
    return _checked(FreshRunner(found, sandbox))


@functools.cache
def _limited() -> Runner:
    return _checked(FreshRunner(find_toolchain(), Bare()))


def _checked(runner: FreshRunner) -> Runner:
    verdict = runner.run(_KNOWN_GOOD)
    if not verdict.passed:
        said = " ".join((verdict.message or verdict.output).split())
        raise SandboxError(
            f"the {runner.tier} sandbox judges a program that is right {verdict.status} ({said}); "
            "report it with the versions of Elixir, Erlang and bubblewrap"
        )
    return runner


def _canary(names: Sequence[str]) -> str:
    """Return tests that must fail; random names and numbers, so that they look like no others."""
    number = 1 + secrets.randbelow(1 << 30)
    return f"""
    defmodule C{secrets.token_hex(8)} do
      use ExUnit.Case
      test "{names[0]}", do: assert {number} == {number + 1}
      test "{names[1]}", do: refute is_integer({number})
      test "{names[2]}", do: assert_raise(ArgumentError, fn -> {number} end)
    end
    """


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
