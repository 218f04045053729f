"""Files that a command reads: named ones, those below named folders, and what can't be read."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import attrs

from ectrain.errors import DataError

STDIN = "-"
MOST_BYTES = 1_000_000  # a larger file is a generated table more often than somebody's code


@attrs.frozen
class Source:
    """A text.

    Attributes:
        name: Its path, with slashes, as it was given.
        text: What is in it.
    """

    name: str
    text: str


@attrs.frozen
class Skipped:
    """A file that was not read.

    Attributes:
        name: Its path.
        why: The reason, in a phrase.
    """

    name: str
    why: str


def read_sources(
    given: Sequence[str], suffixes: Collection[str], left_out: Collection[str]
) -> tuple[list[Source], list[Skipped]]:
    """Return the texts of files and folders, each once, and the files that can't be read.

    Args:
        given: Paths, or `-` for stdin.
        suffixes: Of files that are taken from folders; named files may have any.
        left_out: Names of folders that are not gone into; hidden ones are not, either.

    Raises:
        DataError: There is no text at all.
    """
    found: dict[str, Source | Skipped] = {}
    for path in _paths(given, suffixes, left_out):
        found.setdefault(os.path.realpath(path) if path != STDIN else path, _read(path))
    texts = [source for source in found.values() if isinstance(source, Source)]
    skipped = [source for source in found.values() if isinstance(source, Skipped)]
    if not texts:
        why = f" ({skipped[0].name}: {skipped[0].why})" if skipped else ""
        kinds = " or ".join(sorted(suffixes))
        raise DataError(f"{' '.join(given)}: no {kinds} file that can be read{why}")
    return texts, skipped


def _paths(
    given: Sequence[str], suffixes: Collection[str], left_out: Collection[str]
) -> Iterator[str]:
    for path in given:
        if path == STDIN or not Path(path).is_dir():
            yield path
            continue
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if f not in left_out and not f.startswith("."))
            for file in sorted(files):
                if file.endswith(tuple(suffixes)) and not Path(folder, file).is_symlink():
                    yield str(Path(folder, file))


def _read(path: str) -> Source | Skipped:
    name = "stdin" if path == STDIN else Path(path).as_posix()
    try:
        data = sys.stdin.buffer.read() if path == STDIN else _limited(Path(path))
        text = data.decode("utf-8")
    except OSError as error:
        return Skipped(name, (error.strerror or str(error)).lower())
    except UnicodeDecodeError as error:
        return Skipped(name, f"not UTF-8 at byte {error.start + 1}")
    if len(data) > MOST_BYTES:
        return Skipped(name, f"more than {MOST_BYTES:,} bytes")
    return Source(name, text) if text.strip() else Skipped(name, "empty")


def _limited(path: Path) -> bytes:
    """Return a file's content, no more of it than shows that it is too long."""
    if not path.is_file():
        raise OSError(0, "not a plain file")
    if path.stat().st_size > MOST_BYTES:
        return b" " * (MOST_BYTES + 1)
    return path.read_bytes()
