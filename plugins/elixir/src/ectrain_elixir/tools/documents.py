"""Find the JSON document in what a tool printed, and read fields of it without surprises."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ectrain.errors import DataError


def document(text: str, source: str, key: str) -> dict[str, Any]:
    """Return the first JSON object with a key in a text that may have other output around it.

    Where none has the key, it is the first object at all: it may tell what went wrong.

    Raises:
        DataError: If there is none.
    """
    decoder = json.JSONDecoder()
    first: dict[str, Any] | None = None
    end = 0
    for start in _starts(text):
        if start < end:  # inside of what was read
            continue
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            if key in found:
                return found
            first = found if first is None else first
    if first is None:
        raise DataError(f"{source}: no JSON object in {len(text)} characters of output")
    return first


def _starts(text: str) -> Iterator[int]:
    """Yield where a line begins with a brace: compilers print before a tool does."""
    start = 0
    for line in text.splitlines(keepends=True):
        stripped = line.lstrip()
        if stripped.startswith("{"):
            yield start + len(line) - len(stripped)
        start += len(line)


def rows(found: Mapping[str, Any], key: str, source: str) -> list[Mapping[str, Any]]:
    """Return a list of objects under a key.

    Raises:
        DataError: If something else is there.
    """
    value = found.get(key)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise DataError(f"{source}: {key} is not a list of objects")
    return value


def text_of(row: Mapping[str, Any], key: str, default: str = "") -> str:
    """Return a field as text; a missing or null one is the default."""
    value = row.get(key)
    return default if value is None else str(value)


def number_of(row: Mapping[str, Any], key: str) -> int | None:
    """Return a field as a whole number; None where it is missing, null or something else."""
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
