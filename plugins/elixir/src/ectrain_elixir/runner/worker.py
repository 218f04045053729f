"""One living virtual machine: give it a request, read its answers in time, end it."""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from ectrain_elixir.runner import wire
from ectrain_elixir.runner.ends import pipe
from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.sandbox import Child, Pipes, Sandbox
from ectrain_elixir.runner.streams import Exchange, Streams, Tail
from ectrain_elixir.runner.toolchain import Toolchain

_GRACE_S = 1.0  # for a machine to end, or to stop a program by itself, before it is killed
_START_S = 60.0
_CLEAN_S = 3.0
_LOOK_S = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen(kw_only=True)
class Left:
    """What one request left: the answer, or how the machine ended without one.

    Args:
        answer: The first packet's body, or None.
        output: What was printed past the machine's own capture.
        code: Exit status, where the machine ended.
        cpu_s: CPU seconds used.
        wall_s: Seconds by the clock.
        stopped: "wall time" or "cpu time" where the referee had to kill it.
        closed: It closed the pipe of the answers, or wrote no packets to it, and went on.
        served: How many requests the machine had answered before.
    """

    answer: bytes | None = None
    output: bytes = b""
    code: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    stopped: str = ""
    closed: bool = False
    served: int = 0


@attrs.frozen
class Health:
    """A machine after a request: why it is spent ("" if it is not), its atoms and its memory."""

    dirt: str
    atoms: int = 0
    memory: int = 0


class Worker:
    """A started virtual machine.

    It must be started by a thread that outlives it: the sandbox dies with that thread.

    Args:
        sandbox: Where it lives.
        toolchain: With which Elixir.
        mode: "strict" or "warm".
        limits: What it may use for as long as it lives; time is limited by each request.

    Raises:
        OSError: If its process does not start.
    """

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, mode: str, limits: Limits) -> None:
        self.limits = limits
        self.served = 0
        self.health = Health("")
        self._open = True
        with contextlib.ExitStack() as stack:
            pairs = [pipe(stack) for _ in range(3)]
            (in_read, in_write), (answers_read, answers), (out_read, output) = pairs
            self._streams = Streams(in_write, answers_read, out_read)
            pipes = Pipes(requests=in_read.fd, answers=answers.fd, output=output.fd)
            self._child: Child = stack.enter_context(sandbox.start(toolchain, mode, limits, pipes))
            self._stat = _opened(Path(f"/proc/{self._child.inside}/stat"))
            if self._stat is not None:
                stack.callback(os.close, self._stat)
            for end in (in_read, answers, output):
                end.close()
            for end in (in_write, answers_read, out_read):
                os.set_blocking(end.fd, False)
            self._stack = stack.pop_all()

    def hello(self) -> str:
        """Return Elixir's version, as soon as the machine is ready.

        Raises:
            OSError: If it does not get so far; the text tells what it said.
        """
        key = wire.new_key()
        left = self._exchange(wire.request([key, "hello"]), Tail(4096), _START_S, _START_S)
        try:
            return str(wire.opened(key, left.answer or b"")["version"])
        except (wire.WireError, KeyError) as error:
            said = " ".join(left.output.decode("utf-8", "replace").split())[:300]
            self.close()
            raise OSError(said or f"exit status {left.code}") from error

    def ask(self, key: bytes, kind: str, fields: Sequence[str | bytes], limits: Limits) -> Left:
        """Send a request and return what it left; `health` is then what the machine is like.

        Args:
            key: Of this request alone.
            kind: What is asked for.
            fields: With what.
            limits: Of time and output.
        """
        wall_ms, cpu_ms = round(limits.wall_s * 1000), round(limits.cpu_s * 1000)
        head: list[str | bytes] = [key, kind, str(wall_ms), str(cpu_ms)]
        data = wire.request([*head, str(limits.output_kb * 1024), *fields])
        tail = Tail(limits.output_kb * 1024)
        left = self._exchange(data, tail, limits.wall_s + _GRACE_S, limits.cpu_s + _GRACE_S)
        self.served += 1
        return left

    def settle(self, key: bytes) -> None:
        """Read what the machine says of itself after a request; without that it is spent."""
        try:
            body = self._read(time.monotonic() + _CLEAN_S)
            self.health = Health(**wire.opened(key, body or b""))
        except (wire.WireError, TypeError):
            self.health = Health("no word of itself")

    def close(self) -> None:
        """End the machine with all that it started."""
        if self._open:
            self._open = False
            self.health = Health("ended")
            self._child.kill()
            self._stack.close()

    def _exchange(self, data: bytes, tail: Tail, wall_s: float, cpu_s: float) -> Left:
        start, cpu_before = time.monotonic(), self._cpu_s()
        stopped, body, damaged = "", None, False
        try:
            loop = Exchange(self._streams, data, tail)
            while body is None and loop.alive and not stopped:
                body = loop.step(min(_LOOK_S, max(start + wall_s - time.monotonic(), 0)))
                if time.monotonic() - start >= wall_s:
                    stopped = "wall time"
                elif self._cpu_s() - cpu_before >= cpu_s:
                    stopped = "cpu time"
        except wire.WireError:
            damaged = True
        if body is not None:
            self._streams.drain(tail)
            return Left(
                answer=body,
                output=tail.value(),
                cpu_s=max(self._cpu_s() - cpu_before, 0.0),
                wall_s=time.monotonic() - start,
                served=self.served,
            )
        ended = not damaged and not stopped and self._ends_within(_GRACE_S)
        if not ended:
            self._child.kill()
        code, cpu_in_all_s = self._reap()
        self._streams.drain(tail)
        return Left(
            output=tail.value(),
            code=code,
            cpu_s=max(cpu_in_all_s - cpu_before, 0.0),
            wall_s=time.monotonic() - start,
            stopped=stopped,
            closed=not ended and not stopped,
            served=self.served,
        )

    def _read(self, deadline: float) -> bytes | None:
        loop = Exchange(self._streams, b"", Tail(2))
        body = None
        while body is None and loop.alive and time.monotonic() < deadline:
            body = loop.step(_LOOK_S)
        return body

    def _cpu_s(self) -> float:
        """Return CPU seconds used by the virtual machine so far, 0 where the system hides it."""
        try:
            text = b"" if self._stat is None else os.pread(self._stat, 1024, 0)
        except OSError:
            return 0.0
        fields = text.rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self._child.process.pid, flags) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def _reap(self) -> tuple[int, float]:
        """Return the exit status, and the CPU seconds of the machine's whole life."""
        process = self._child.process
        if process.returncode is not None:
            return process.returncode, 0.0
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_utime + usage.ru_stime


def _opened(file: Path) -> int | None:
    """Return a descriptor to read a file by, again and again; None where it cannot be opened."""
    with contextlib.suppress(OSError):
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return None
