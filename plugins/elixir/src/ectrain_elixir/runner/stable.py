"""Keeps workers: starts them ahead of need, lends them one at a time, and replaces spent ones."""

import collections
import concurrent.futures
import contextlib
import os
import threading
import weakref
from collections.abc import Iterator

import attrs

from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.sandbox import Sandbox
from ectrain_elixir.runner.toolchain import Toolchain
from ectrain_elixir.runner.worker import Worker


@attrs.frozen
class Recycle:
    """When a warm machine is replaced, apart from death and anything it leaves behind.

    Args:
        programs: After so many requests.
        atoms: When its table has so many: they are never freed.
        memory_mb: When it holds so much.
    """

    programs: int = 1000
    atoms: int = 100_000
    memory_mb: int = 200

    def due(self, worker: Worker) -> bool:
        """Return whether a worker must not be used again."""
        health = worker.health
        return (
            worker.served >= self.programs
            or bool(health.dirt)
            or health.atoms >= self.atoms
            or health.memory >= self.memory_mb << 20
        )


class Stable:
    """Workers of one sandbox and mode.

    Args:
        sandbox: Where they live.
        toolchain: With which Elixir.
        mode: "strict" lends each machine once, "warm" many times.
        recycle: When a warm machine is replaced.
        spares: How many wait, started; they hide the start, about half a second of CPU time.
    """

    def __init__(
        self, sandbox: Sandbox, toolchain: Toolchain, mode: str, recycle: Recycle, spares: int
    ) -> None:
        self._sandbox, self._toolchain, self._mode = sandbox, toolchain, mode
        self._recycle, self._spares = recycle, spares
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._coming: collections.deque[concurrent.futures.Future[Worker]] = collections.deque()
        self._limits: Limits | None = None
        # Sandboxes end with the thread that started them: these threads live as long as this.
        self._starters = concurrent.futures.ThreadPoolExecutor(cores(), "ectrain-start")
        self.started = 0
        self._closing = weakref.finalize(self, _close, self._idle, self._coming, self._starters)

    def close(self) -> None:
        """End every worker that is not lent."""
        self._closing()

    @contextlib.contextmanager
    def lent(self, limits: Limits, fresh: bool = False) -> Iterator[Worker]:
        """Lend a worker; one that is spent by then is ended.

        Args:
            limits: What it may use.
            fresh: Whether it must not have run anything.

        Raises:
            OSError: If none starts.
        """
        worker = self._take(limits, fresh)
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        self._give_back(worker)

    def _take(self, limits: Limits, fresh: bool) -> Worker:
        with self._lock:
            self._fit(limits)
            if self._idle and not fresh:
                return self._idle.pop()
            coming = self._coming.popleft() if self._coming else self._start(limits)
            while len(self._coming) < self._spares:
                self._coming.append(self._start(limits))
        return coming.result()

    def _fit(self, limits: Limits) -> None:
        """Drop workers that were started for other limits."""
        asked = for_life(limits)
        if self._limits != asked:
            self._limits = asked
            _end(self._idle, self._coming)

    def _start(self, limits: Limits) -> concurrent.futures.Future[Worker]:
        return self._starters.submit(self._started, for_life(limits))

    def _started(self, limits: Limits) -> Worker:
        worker = Worker(self._sandbox, self._toolchain, self._mode, limits)
        worker.hello()
        self.started += 1
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            keep = self._limits == worker.limits and self._closing.alive
            if self._mode == "warm" and keep and not self._recycle.due(worker):
                self._idle.append(worker)
                return
        worker.close()


def for_life(limits: Limits) -> Limits:
    """Return limits that hold as long as a machine lives; the others hold for a request."""
    return Limits(memory_mb=limits.memory_mb, processes=limits.processes, disk_mb=limits.disk_mb)


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(idle: list[Worker], coming: collections.deque[concurrent.futures.Future[Worker]]) -> None:
    while idle:
        idle.pop().close()
    while coming:
        coming.popleft().add_done_callback(_close_started)


def _close_started(future: concurrent.futures.Future[Worker]) -> None:
    if not future.cancelled() and future.exception() is None:
        future.result().close()


def _close(
    idle: list[Worker],
    coming: collections.deque[concurrent.futures.Future[Worker]],
    starters: concurrent.futures.ThreadPoolExecutor,
) -> None:
    for future in coming:
        future.cancel()
    _end(idle, coming)
    starters.shutdown(wait=True)
