"""Work for a thread of its own: who hands it over never waits, and what is too much is counted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ectrain.offers import said

Item = TypeVar("Item")


class Background(Generic[Item]):
    """Takes items one after another in a thread; for observers that write to something slow.

    A full queue drops what comes, a call that fails drops its item, and the end waits only so long
    for the rest: a server that is slow or dead neither slows nor stops whoever hands items over.

    Args:
        take: Called with each item, in order.
        close: Called at the end, in the same thread.
        most: Items that may wait.
        name: Of the thread.
    """

    def __init__(
        self,
        take: Callable[[Item], None],
        close: Callable[[], None] = lambda: None,
        most: int = 1000,
        name: str = "ectrain-background",
    ) -> None:
        self._take, self._close = take, close
        self._waiting: queue.Queue[Item] = queue.Queue(most)
        self._ending = threading.Event()
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self._given = self._done = self._dropped = 0
        self._why = ""
        self._told = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand an item over, or drop it where too many wait; returns at once."""
        self._given += 1
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._drop(f"{self._waiting.maxsize} were waiting already")

    def news(self) -> str | None:
        """Return a sentence the first time that something was dropped, None else."""
        if not self._dropped or self._told:
            return None
        self._told = True
        return self._sentence()

    def end(self, within_s: float) -> str | None:
        """Wait for what is left, at most so long, and return a sentence on all that was dropped."""
        self._ending.set()
        self._thread.join(within_s)
        if self._thread.is_alive():
            self._given_up.set()
            with self._lock:
                left = self._given - self._done - self._dropped
            for _ in range(left):
                self._drop(f"they were not taken within {within_s:g} s")
        return self._sentence() if self._dropped else None

    def _sentence(self) -> str:
        return f"{self._dropped} of {self._given} events were dropped: {self._why}"

    def _drop(self, why: str) -> None:
        with self._lock:
            self._dropped += 1
            self._why = self._why or why

    def _work(self) -> None:
        while not self._given_up.is_set():
            try:
                item = self._waiting.get(timeout=0.05)
            except queue.Empty:
                if self._ending.is_set():
                    break
                continue
            try:
                self._take(item)
            except BaseException as error:  # of a library; SystemExit and native panics, too
                self._drop(said(error))
            else:
                with self._lock:
                    self._done += 1
        try:
            self._close()
        except BaseException as error:
            self._why = self._why or f"closing failed: {said(error)}"
