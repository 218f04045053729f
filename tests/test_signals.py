"""Laws of stopping: the first signal is a request, the second is an order (real signals)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ectrain.errors import Interrupted
from ectrain.signals import stop_requests

CODES = {signal.SIGINT: 130, signal.SIGTERM: 75}


def send(number: signal.Signals) -> None:
    """Send this process a signal; Python's handler has run when this returns."""
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Check that every test leaves the handlers as they were."""
    before = {number: signal.getsignal(number) for number in CODES}
    yield
    assert {number: signal.getsignal(number) for number in CODES} == before


@pytest.mark.parametrize("number", CODES)
def test_the_first_signal_is_a_request(number: signal.Signals) -> None:
    """It sets the exit code and stops nothing by itself."""
    with stop_requests(patient=True) as stop:
        assert not stop
        send(number)
        assert stop
        assert stop.exit_code == CODES[number]


@pytest.mark.parametrize("first", CODES)
@pytest.mark.parametrize("second", CODES)
def test_the_second_signal_is_an_order(first: signal.Signals, second: signal.Signals) -> None:
    """It stops the process where it is, with the code of the last signal."""
    with stop_requests(patient=True):
        send(first)
        with pytest.raises(Interrupted, match="nothing new was saved") as raised:
            send(second)
    assert raised.value.exit_code == CODES[second]


@pytest.mark.parametrize("number", CODES)
def test_where_nobody_polls_the_first_is_an_order(number: signal.Signals) -> None:
    """An impatient block is left at once, and a patient one may turn impatient."""
    for patient in (False, True):
        with stop_requests(patient) as stop:
            stop.patient = False
            with pytest.raises(Interrupted) as raised:
                send(number)
        assert raised.value.exit_code == CODES[number]


def test_an_inner_block_takes_over_and_gives_back() -> None:
    """What is asked inside does not reach the outer request."""
    with stop_requests(patient=True) as outer:
        with stop_requests(patient=True) as inner:
            send(signal.SIGTERM)
        assert (bool(inner), bool(outer)) == (True, False)
        send(signal.SIGINT)
        assert outer.exit_code == 130


def test_a_handler_that_is_not_pythons_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system's own library had set one, Python knows none to give back."""
    real = signal.signal
    owned = {number: real(number, signal.SIG_DFL) for number in CODES}
    given: list[object] = []

    def unknown(number: int, handler: signal.Handlers) -> None:
        given.append(handler)
        real(number, handler)

    monkeypatch.setattr(signal, "signal", unknown)
    with stop_requests(patient=True):
        pass
    assert given[-2:] == [signal.SIG_DFL, signal.SIG_DFL]
    for number, handler in owned.items():
        real(number, handler)


def test_another_thread_sets_no_handler() -> None:
    """Only the main thread may; elsewhere the request is there and stays unasked."""
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def work() -> None:
        with stop_requests(patient=True) as stop:
            found.extend((bool(stop), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, True]
