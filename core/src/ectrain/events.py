"""The event log of a run: one JSON object a line, the only source of reports and dashboards."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ectrain.errors import DataError
from ectrain.storage import Storage, utc_now

Event = Mapping[str, Any]

_OPENING = b'{"event": '


class EventLog:
    """Writes events, one line each; a disk that refuses them never stops the training.

    Lines that can't be written are kept in memory (the newest thousand) and written when the disk
    takes them again.

    Args:
        path: The log; it is appended to.
        tell: Called with every event, written or not.
        storage: Where it is written.
    """

    def __init__(
        self, path: Path, tell: Callable[[Event], None], storage: Storage | None = None
    ) -> None:
        self._path = path
        self._tell = tell
        self._storage = storage or Storage()
        self._waiting: list[bytes] = []
        self._refused = False

    def write(self, kind: str, **fields: Any) -> None:
        """Write an event of a kind with its fields; NaN and infinities become null."""
        event = {"event": kind, "time": utc_now(), **finite(fields)}
        self._waiting = self._waiting[-999:]
        self._waiting.append(json.dumps(event, allow_nan=False, default=_plain).encode() + b"\n")
        try:
            self._storage.append(self._path, b"".join(self._waiting))
            self._waiting, self._refused = [], False
        except OSError as error:
            if not self._refused:
                self._refused = True
                message = f"{self._path}: {error.strerror}; events wait in memory"
                self._tell({"event": "warning", "time": event["time"], "message": message})
        self._tell(event)


def finite(value: Any) -> Any:
    """Return a value as strict JSON can hold it: numbers that aren't finite become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def _plain(value: Any) -> Any:
    """Return what JSON has for a number of a library, or a text that says what it is."""
    return finite(value.item()) if hasattr(value, "item") else str(value)


def end_torn_line(path: Path, storage: Storage | None = None) -> None:
    """End a last line that a crash cut off, so that the next event starts a line of its own."""
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            is_torn = file.read() != b"\n"
        if is_torn:
            (storage or Storage()).append(path, b"\n")


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log; lines that a crash cut off are left out.

    Raises:
        DataError: The file can't be read, or a line is not a JSON object and no crash explains it
            (path and line named).
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    for number, raw in enumerate(lines, start=1):
        line = raw.strip(b"\0 \t\r")  # a power cut may leave zeros
        if not line:
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) or _is_torn(line):
                continue
            raise DataError(f"{path}:{number}: not a JSON object: {error}") from error
        if not isinstance(event, dict):
            raise DataError(f"{path}:{number}: expected a JSON object, found {line[:40]!r}")
        yield event


def _is_torn(line: bytes) -> bool:
    """Return whether a line is the beginning of an event."""
    return line.startswith(_OPENING) or _OPENING.startswith(line)
