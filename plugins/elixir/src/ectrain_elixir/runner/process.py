"""Drive one sandboxed process: feed it, read what it writes, end it in time, count its CPU."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Protocol

import attrs

from ectrain_elixir.runner.ends import End, pipe
from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.toolchain import Toolchain

_GRACE_S = 1.0
_RECORD_BYTES = 4 << 20
_CHUNK = 65536


@attrs.frozen
class Pipes:
    """The child's ends: its input, what it prints, and the record."""

    input: int
    output: int
    record: int


@attrs.frozen
class Child:
    """A started process and the way to end it with everything it started."""

    process: subprocess.Popen[bytes]
    kill: Callable[[], None]


class Sandbox(Protocol):
    """Starts processes in one tier of isolation."""

    tier: str

    def start(
        self, toolchain: Toolchain, limits: Limits, pipes: Pipes
    ) -> contextlib.AbstractContextManager[Child]:
        """Start the harness under limits; leaving the context ends it and removes its files.

        Raises:
            OSError: If it does not start.
        """
        ...


@attrs.frozen
class Exit:
    """What one process left: the record, what it printed, how it ended and what it used."""

    record: bytes
    output: bytes
    code: int
    cpu_s: float
    wall_s: float
    stopped: bool = False
    """Ended by the referee, because wall time was over."""
    closed: bool = False
    """Ended by the referee, because it closed or flooded the record's pipe and went on."""


class Tail:
    """Bytes cut in the middle: the first and the last half of a size are kept."""

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        room = max(self._half - len(self._head), 0)
        self._head += data[:room]
        self._tail += data[room:]
        extra = max(len(self._tail) - self._half, 0)
        self._cut += extra
        del self._tail[:extra]

    def value(self) -> bytes:
        """Return what is kept, with a line that says how much is missing."""
        gap = f"\n[{self._cut} bytes left out]\n".encode() if self._cut else b""
        return bytes(self._head) + gap + bytes(self._tail)


def execute(
    sandbox: Sandbox, toolchain: Toolchain, limits: Limits, make_input: Callable[[int], bytes]
) -> Exit:
    """Run the harness once.

    Args:
        sandbox: Where.
        toolchain: With which Elixir.
        limits: CPU, memory and so on are the sandbox's business; wall time is kept here.
        make_input: The harness's input for the number of the record's file descriptor.

    Raises:
        OSError: If the process does not start.
    """
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        ends = [pipe(stack) for _ in range(3)]
        (in_read, in_write), (out_read, out_write), (rec_read, rec_write) = ends
        pipes = Pipes(input=in_read.fd, output=out_write.fd, record=rec_write.fd)
        child = stack.enter_context(sandbox.start(toolchain, limits, pipes))
        for end in (in_read, out_write, rec_write):
            end.close()
        loop = _Loop(in_write, out_read, rec_read, make_input(pipes.record), limits)
        stopped = loop.run(start + limits.wall_s)
        closed = not stopped and not _ends_within(child, _GRACE_S)
        if stopped or closed:
            child.kill()
        _, status, usage = os.wait4(child.process.pid, 0)
        child.process.returncode = os.waitstatus_to_exitcode(status)
        loop.drain()
        return Exit(
            record=bytes(loop.record),
            output=loop.output.value(),
            code=child.process.returncode,
            cpu_s=usage.ru_utime + usage.ru_stime,
            wall_s=time.monotonic() - start,
            stopped=stopped,
            closed=closed,
        )


def kill_group(pid: int) -> None:
    """Kill a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ends_within(child: Child, seconds: float) -> bool:
    """Wait without reaping: the exit status and the CPU time are still to be read."""
    deadline = time.monotonic() + seconds
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, child.process.pid, flags) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class _Loop:
    """Feed the input and read both pipes until the record ends or time is over."""

    def __init__(self, feed: End, output: End, record: End, data: bytes, limits: Limits) -> None:
        self.output = Tail(limits.output_kb * 1024)
        self.record = bytearray()
        self.record_open = True
        self._feed, self._out, self._rec, self._data = feed, output, record, memoryview(data)
        for end in (feed, output, record):
            os.set_blocking(end.fd, False)

    def run(self, deadline: float) -> bool:
        """Return whether time was over first."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._feed.fd, selectors.EVENT_WRITE, self._write)
            selector.register(self._out.fd, selectors.EVENT_READ, self._read_output)
            selector.register(self._rec.fd, selectors.EVENT_READ, self._read_record)
            while self.record_open:
                left = deadline - time.monotonic()
                if left <= 0:
                    return True
                for key, _ in selector.select(left):
                    if not key.data():
                        selector.unregister(key.fd)
        return False

    def drain(self) -> None:
        """Read what a dead process left in its pipe."""
        while self._read_output(once=True):
            pass

    def _write(self) -> bool:
        try:
            self._data = self._data[os.write(self._feed.fd, self._data[:_CHUNK]) :]
        except BrokenPipeError:
            self._data = self._data[:0]
        if not self._data:
            self._feed.close()
        return bool(self._data)

    def _read_output(self, once: bool = False) -> bool:
        try:
            chunk = os.read(self._out.fd, _CHUNK)
        except BlockingIOError:
            return not once
        self.output.add(chunk)
        return bool(chunk)

    def _read_record(self) -> bool:
        chunk = os.read(self._rec.fd, _CHUNK)
        self.record += chunk
        self.record_open = bool(chunk) and len(self.record) <= _RECORD_BYTES
        return self.record_open
