"""Write a request to a worker's pipes and read what comes back, a step at a time."""

import contextlib
import os
import select

import attrs

from ectrain_elixir.runner import wire
from ectrain_elixir.runner.ends import End

_CHUNK = 65536


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


@attrs.frozen
class Streams:
    """This side's ends of a worker's pipes, and the packets that came so far."""

    requests: End
    answers: End
    output: End
    packets: wire.Packets = attrs.field(factory=wire.Packets)
    bodies: list[bytes] = attrs.field(factory=list)

    def drain(self, tail: Tail) -> None:
        """Keep what was printed and not read yet, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.output.fd, _CHUNK):
                tail.add(chunk)


class Exchange:
    """A request on its way, and the answer.

    Args:
        streams: To and from the worker.
        data: The request's packet.
        tail: Keeps what is printed.
    """

    def __init__(self, streams: Streams, data: bytes, tail: Tail) -> None:
        self.alive = True
        self._streams, self._data, self._tail = streams, memoryview(data), tail
        self._listens = True

    def step(self, seconds: float) -> bytes | None:
        """Wait at most so long for bytes, and return a packet's body if there is one.

        Raises:
            WireError: If something else than packets comes.
        """
        if self._streams.bodies:
            return self._streams.bodies.pop(0)
        ready = self._ready(seconds)
        if self._streams.requests.fd in ready:
            self._write()
        if self._streams.output.fd in ready:
            chunk = os.read(self._streams.output.fd, _CHUNK)
            self._tail.add(chunk)
            self._listens = bool(chunk)
        if self._streams.answers.fd in ready:
            data = os.read(self._streams.answers.fd, _CHUNK)
            self.alive = bool(data)
            self._streams.bodies.extend(self._streams.packets.add(data))
        return self._streams.bodies.pop(0) if self._streams.bodies else None

    def _ready(self, seconds: float) -> set[int]:
        waiting = select.poll()
        waiting.register(self._streams.answers.fd, select.POLLIN)
        if self._listens:
            waiting.register(self._streams.output.fd, select.POLLIN)
        if self._data:
            waiting.register(self._streams.requests.fd, select.POLLOUT)
        return {fd for fd, _ in waiting.poll(1000 * seconds)}

    def _write(self) -> None:
        try:
            sent = os.write(self._streams.requests.fd, self._data[:_CHUNK])
            self._data = self._data[sent:]
        except BrokenPipeError:
            self._data = self._data[:0]
