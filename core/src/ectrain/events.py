"""The event log of a run: one JSON object a line, the only source of reports and dashboards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ectrain.errors import DataError


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log; a last line that a crash cut off is left out.

    Raises:
        DataError: A line other than the last is not a JSON object (path and line named).
    """
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return
            raise DataError(f"{path}:{number}: not a JSON object: {error}") from error
        if not isinstance(event, dict):
            raise DataError(f"{path}:{number}: expected a JSON object, found {line[:40]!r}")
        yield event
