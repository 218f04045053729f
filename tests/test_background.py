"""Laws of work in the background: who hands it over never waits, all that is lost is counted."""

from __future__ import annotations

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.background import Background


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), max_size=30))
def test_all_is_taken_in_order_or_counted(fails: list[bool]) -> None:
    """Everything that was handed over is taken in order; what fails is counted, with its reason."""
    taken: list[int] = []

    def take(number: int) -> None:
        if fails[number]:
            raise SystemExit(number)
        taken.append(number)

    background = Background(take)
    for number in range(len(fails)):
        background.put(number)
    report = background.end(30)
    assert taken == [number for number, fail in enumerate(fails) if not fail]
    said = f"{sum(fails)} of {len(fails)} events were dropped: SystemExit"
    assert (report or "").startswith(said if any(fails) else "")
    assert (report is None) == (not any(fails))


def void(given: object) -> None:
    """Make nothing of something."""


def test_a_call_that_never_returns_keeps_nobody_waiting() -> None:
    """What hangs is left behind after the time given; all that is lost is counted."""
    hung = threading.Event()
    background = Background[int](lambda number: void(hung.wait()), most=2)
    started = time.monotonic()
    background.put(0)
    while background._waiting.qsize():  # until the thread has the first
        time.sleep(0.001)
    for number in range(1, 9):
        background.put(number)
    assert background.news() == "6 of 9 events were dropped: 2 were waiting already"
    assert background.news() is None
    assert background.end(0.05) == "9 of 9 events were dropped: 2 were waiting already"
    assert time.monotonic() - started < 30
    hung.set()


def test_it_closes_in_its_own_thread_after_all_is_taken() -> None:
    """What is closed at the end belongs to the thread that used it."""
    used: list[tuple[str, str]] = []

    def note(what: str) -> None:
        used.append((what, threading.current_thread().name))

    background = Background[str](note, lambda: note("closed"), name="mine")
    background.put("a")
    assert background.end(30) is None
    assert used == [("a", "mine"), ("closed", "mine")]
