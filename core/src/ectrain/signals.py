"""Being asked to stop: the first signal is a request, the second is an order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import attrs

from ectrain.errors import Interrupted

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 75}


@attrs.define
class StopRequest:
    """Whether a signal asked the process to stop.

    Attributes:
        patient: Wait for the next poll; else stop where the process is.
        exit_code: Of the process, once it was asked; 0 before.
    """

    patient: bool = False
    exit_code: int = 0

    def __bool__(self) -> bool:
        return self.exit_code != 0


@contextmanager
def stop_requests(patient: bool) -> Iterator[StopRequest]:
    """Take SIGINT and SIGTERM as requests to stop.

    Args:
        patient: The first one only sets the request, which the caller polls; the second, or the
            first where nobody is patient, raises `Interrupted` at once.
    """
    request = StopRequest(patient)

    def take(number: int, _: FrameType | None) -> None:
        again = bool(request)
        request.exit_code = EXIT_CODES[signal.Signals(number)]
        if again or not request.patient:
            raise Interrupted("stopped at once; nothing new was saved", request.exit_code)

    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may set handlers; whoever owns it decides
        return
    before = {number: signal.signal(number, take) for number in EXIT_CODES}
    try:
        yield request
    finally:
        for number, handler in before.items():  # None: one that no Python code had set
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
