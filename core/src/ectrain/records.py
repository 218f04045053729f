"""Records from JSON Lines: strict, and every problem named with its path, line and field."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import attrs

from ectrain.errors import DataError
from ectrain.structure import converter, problems

T = TypeVar("T")

MOST_PROBLEMS = 20  # that one message lists
MOST_BYTES = 16_000_000  # of a line


@attrs.define
class Faults:
    """What is wrong with input, and how much of that may be passed over.

    Attributes:
        budget: Most records that may be skipped; 0 refuses the first.
        listed: The first problems, each with its place.
        problems: How many problems there are.
        records: How many records they are in.
    """

    budget: int = 0
    listed: list[str] = attrs.field(factory=list)
    problems: int = 0
    records: int = 0

    def add(self, *found: str) -> None:
        """Take in all problems of one record."""
        self.records += 1
        self.problems += len(found)
        self.listed += found[: max(0, MOST_PROBLEMS - len(self.listed))]

    def settle(self) -> None:
        """Say that all input was seen.

        Raises:
            DataError: More records are bad than the budget allows; the first problems are listed.
        """
        if self.records <= self.budget:
            return
        more = self.problems - len(self.listed)
        text = "\n".join(self.listed) + (f"\n... and {more} more problems" if more > 0 else "")
        if self.budget:
            text += f"\n{self.records} bad records, at most {self.budget} may be skipped"
        raise DataError(text)


def read_records(
    path: Path, record: type[T], key: str = "id", faults: Faults | None = None
) -> list[T]:
    """Return the records of a file, one JSON object a line; blank lines are passed over.

    Args:
        path: The file, UTF-8.
        record: An attrs class.
        key: Its attribute that must differ from record to record.
        faults: Takes the problems of records that may be skipped; none may, by default.

    Raises:
        DataError: The file is missing, empty or malformed; up to twenty problems are listed.
    """
    found = faults or Faults()
    records = [made for _, made in scan_records(path, record, found, key)]
    found.settle()
    if not records:
        raise DataError(f"{path}: no record in it; expected one JSON object a line")
    return records


def scan_records(
    path: Path, record: type[T], faults: Faults, key: str = "id"
) -> Iterator[tuple[int, T]]:
    """Yield the line number and the record of each good line, one after another.

    Bad lines go to `faults`; what was yielded may be kept only once `faults.settle()` is content.

    Args:
        path: The file, UTF-8; no more than one line of it is held.
        record: An attrs class.
        faults: Takes the problems.
        key: Its attribute that must differ from record to record; "" for none.

    Raises:
        DataError: The file can't be read.
    """
    first_line: dict[Any, int] = {}
    for number, data in scan_objects(path, faults):
        where = f"{path}:{number}"
        try:
            made = converter.structure(data, record)
        except Exception as error:
            faults.add(*(f"{where}: {problem}" for problem in problems(error)))
            continue
        if key:
            name = getattr(made, key)
            if name in first_line:
                faults.add(f"{where}: {key}: {name!r} is already on line {first_line[name]}")
            first_line.setdefault(name, number)
        yield number, made


def scan_objects(path: Path, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the JSON object of each good line; bad ones go to `faults`.

    Raises:
        DataError: The file can't be read.
    """
    for number, line, length in _lines(path):
        try:
            if length > MOST_BYTES:
                raise _BadLineError(
                    f"{length:,} bytes in one line, at most {MOST_BYTES:,} are read"
                )
            yield number, strict_object(line)
        except _BadLineError as error:
            faults.add(f"{path}:{number}: {error}")


class _BadLineError(ValueError):
    """A line that is no JSON object."""


def _lines(path: Path) -> Iterator[tuple[int, bytes, int]]:
    """Yield each line's number, its beginning (all of it if it may be read) and its length."""
    try:
        with path.open("rb") as file:
            for number, (line, length) in enumerate(_bounded(file.readline), start=1):
                if line.strip() or length > MOST_BYTES:
                    text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                    yield number, text, length
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{path}: {reason}") from error


def _bounded(readline: Callable[[int], bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield lines with their lengths, of which no more than the most is ever in memory."""
    while line := readline(MOST_BYTES + 1):
        length, part = len(line), line
        while len(part) > MOST_BYTES and not part.endswith(b"\n"):
            part = readline(MOST_BYTES + 1)
            length += len(part)
        yield line, length


def strict_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object that a line is.

    Raises:
        ValueError: It is none, or says more than JSON can: the reason, in a phrase.
    """
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
    except _BadLineError:
        raise
    except ValueError:  # an integer of thousands of digits
        raise _BadLineError("a number with too many digits") from None
    if not isinstance(data, dict):
        raise _BadLineError(f"expected an object, found {text.strip()[:40]!r}")
    if "\\ud" in text or "\\uD" in text:
        _refuse_lone_surrogates(data)
    return data


def _refuse_lone_surrogates(data: dict[str, Any]) -> None:
    for name, value in data.items():
        try:
            json.dumps({name: value}, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise _BadLineError(f"{name!a}: half of a surrogate pair is no text") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadLineError(f"{twice}: given twice")
    return found


def _no_constant(word: str) -> Any:
    raise _BadLineError(f"{word} is not JSON")
