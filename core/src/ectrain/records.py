"""Records from JSON Lines: strict, and every problem named with its path, line and field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from ectrain.errors import DataError
from ectrain.structure import converter, problems

T = TypeVar("T")

MOST_PROBLEMS = 20  # that one message lists
MOST_BYTES = 10_000_000  # of a line


def read_records(path: Path, record: type[T], key: str = "id") -> list[T]:
    """Return the records of a file, one JSON object a line; blank lines are passed over.

    Args:
        path: The file, UTF-8.
        record: An attrs class.
        key: Its attribute that must differ from record to record.

    Raises:
        DataError: The file is missing, empty or malformed; up to twenty problems are listed.
    """
    found: list[T] = []
    wrong: list[str] = []
    first_line: dict[Any, int] = {}
    for number, line in _lines(path):
        where = f"{path}:{number}"
        try:
            made = converter.structure(_object(line), record)
        except _BadLineError as error:
            wrong.append(f"{where}: {error}")
            continue
        except Exception as error:
            wrong += [f"{where}: {problem}" for problem in problems(error)]
            continue
        name = getattr(made, key)
        if name in first_line:
            wrong.append(f"{where}: {key}: {name!r} is already on line {first_line[name]}")
        first_line.setdefault(name, number)
        found.append(made)
    if wrong:
        more = len(wrong) - MOST_PROBLEMS
        listed = "\n".join(wrong[:MOST_PROBLEMS])
        raise DataError(listed + (f"\n... and {more} more problems" if more > 0 else ""))
    if not found:
        raise DataError(f"{path}: no record in it; expected one JSON object a line")
    return found


class _BadLineError(ValueError):
    """A line that is no JSON object."""


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{path}: {reason}") from error


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MOST_BYTES:
        raise _BadLineError(f"{len(line):,} bytes in one line, at most {MOST_BYTES:,} are read")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadLineError(f"not UTF-8 at byte {error.start + 1} of the line") from None
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _BadLineError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise _BadLineError("not JSON that can be read: too deeply nested") from None
    if not isinstance(data, dict):
        raise _BadLineError(f"expected an object, found {text.strip()[:40]!r}")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadLineError(f"{twice}: given twice")
    return found


def _no_constant(word: str) -> Any:
    raise _BadLineError(f"{word} is not JSON")
