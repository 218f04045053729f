"""A dataset on disk: shards of JSON Lines with an index, under a manifest that names every hash.

    DIR/dataset.json            what it is, and size and SHA-256 of every file
    DIR/train-00000.jsonl       records, one JSON object a line
    DIR/train-00000.idx         of each line: where it starts, how much text it holds, its mark

Any record of a million is read without reading another; nothing but the index is held in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import attrs
import numpy as np
from numpy.typing import NDArray

from ectrain.errors import ConfigError, DataError
from ectrain.records import strict_object
from ectrain.storage import Storage
from ectrain.structure import plain, problems, structured
from ectrain.task import SPLITS, Split

FORMAT = 1
MANIFEST = "dataset.json"
SHARD_BYTES = 64 << 20  # after which the next shard is begun

T = TypeVar("T")


@attrs.frozen
class ShardFile:
    """One shard: its name without ending, its records, and size and SHA-256 of its two files."""

    name: str
    records: int
    bytes: int
    sha256: str
    index_sha256: str


@attrs.frozen
class DatasetManifest:
    """What a dataset says of itself.

    Attributes:
        format: Of this layout.
        kind: What its records are, such as "elixir-files".
        version: Of the record's schema.
        shards: Of each split, in order.
        settings: What it was made with.
        counts: What was read, kept and left out, and why; readable, never needed.
    """

    format: int
    kind: str
    version: int
    shards: Mapping[Split, tuple[ShardFile, ...]]
    settings: Mapping[str, str] = attrs.field(factory=dict)
    counts: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the hashes of all shards: equal only if all records are."""
        names = [(split, s.name, s.sha256) for split in SPLITS for s in self.shards[split]]
        return hashlib.sha256(json.dumps([self.kind, self.version, names]).encode()).hexdigest()


class ShardWriter:
    """Writes one split's records into shards.

    Args:
        folder: Where; it exists.
        split: Whose records.
        storage: Does the writing.
        most_bytes: After which the next shard is begun.
    """

    def __init__(
        self, folder: Path, split: Split, storage: Storage, most_bytes: int = SHARD_BYTES
    ) -> None:
        self._folder, self._split, self._storage = folder, split, storage
        self._most = most_bytes
        self._lines: list[bytes] = []
        self._sizes: list[int] = []
        self._marks: list[int] = []
        self._bytes = 0
        self.shards: list[ShardFile] = []

    def add(self, record: Mapping[str, Any], size: int, mark: int = 0) -> None:
        """Write a record.

        Args:
            record: Plain data.
            size: How much text it holds, in characters: what readers cut it by.
            mark: Bits of the writer's own that readers choose records by, without reading them.
        """
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        line = text.encode()
        self._lines.append(line)
        self._sizes.append(size)
        self._marks.append(mark)
        self._bytes += len(line) + 1
        if self._bytes >= self._most:
            self.flush()

    def flush(self) -> None:
        """Write what is still held."""
        if not self._lines:
            return
        name = f"{self._split}-{len(self.shards):05d}"
        data = b"\n".join((*self._lines, b""))
        lengths = [len(line) + 1 for line in self._lines]
        table = np.zeros((len(lengths) + 1, 3), dtype="<u8")
        table[1:, 0] = np.cumsum(lengths)
        table[:-1, 1], table[:-1, 2] = self._sizes, self._marks
        index = table.tobytes()
        self._storage.write(self._folder / f"{name}.jsonl", data)
        self._storage.write(self._folder / f"{name}.idx", index)
        marks = (hashlib.sha256(data).hexdigest(), hashlib.sha256(index).hexdigest())
        self.shards.append(ShardFile(name, len(lengths), len(data), *marks))
        self._lines, self._sizes, self._marks, self._bytes = [], [], [], 0


def write_manifest(folder: Path, manifest: DatasetManifest, storage: Storage) -> None:
    """Write the manifest: the last file of a dataset, without which it is none."""
    data = json.dumps(plain(manifest), indent=1, allow_nan=False, ensure_ascii=False).encode()
    storage.replace(folder / MANIFEST, data)


def read_manifest(folder: Path) -> DatasetManifest:
    """Return a dataset's manifest.

    Raises:
        DataError: There is none, or it can't be read.
    """
    path = folder / MANIFEST
    try:
        found = structured(strict_object(path.read_bytes()), DatasetManifest, str(path))
    except FileNotFoundError:
        raise DataError(f"{folder} is no dataset: it has no {MANIFEST}") from None
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ConfigError as error:
        raise DataError(str(error)) from error
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if found.format != FORMAT:
        raise DataError(f"{path}: format {found.format}; this version reads {FORMAT}")
    missing = [split for split in SPLITS if split not in found.shards]
    if missing:
        raise DataError(f"{path}: shards.{missing[0]} is missing")
    return found


def is_dataset(folder: Path) -> bool:
    """Return whether a folder holds a dataset."""
    return (folder / MANIFEST).is_file()


@attrs.define
class _Open:
    """A shard that is read from: its file, and what that was when it was opened."""

    path: Path
    descriptor: int
    stamp: tuple[int, int]


class Shards(Sequence[T], Generic[T]):
    """One split of a dataset, a record made anew each time it is asked for.

    Args:
        folder: The dataset.
        manifest: Of it.
        split: Which.
        make: From a record's plain data to the record.

    Raises:
        DataError: A file is missing or has another size than the manifest says.
    """

    def __init__(
        self,
        folder: Path,
        manifest: DatasetManifest,
        split: Split,
        make: Callable[[dict[str, Any]], T],
    ) -> None:
        self._make = make
        self._folder, self._shards = folder, manifest.shards[split]
        self.fingerprint = f"{manifest.fingerprint}/{split}"
        self._tables = [_index(folder, shard) for shard in self._shards]
        self._starts = np.cumsum([0, *(shard.records for shard in self._shards)])
        self._open: dict[int, _Open] = {}

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How much text each record holds, in characters, `[records]`."""
        return self._column(1)

    @property
    def marks(self) -> NDArray[np.int64]:
        """The mark that each record was written with, `[records]`."""
        return self._column(2)

    def _column(self, column: int) -> NDArray[np.int64]:
        parts = [table[:-1, column].astype(np.int64) for table in self._tables]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """Read a record, or several.

        Raises:
            DataError: The file has changed since it was opened, or the line is no record.
        """
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(f"record {at} of {len(self)}")
        shard = int(np.searchsorted(self._starts, at, side="right")) - 1
        row = at - int(self._starts[shard])
        file = self._file(shard)
        try:
            return self._make(json.loads(self._line(file, shard, row)))
        except DataError:
            raise
        except Exception as error:
            first = next(iter(problems(error)))
            raise DataError(f"{file.path}:{row + 1}: {first}") from error

    def _line(self, file: _Open, shard: int, row: int) -> bytes:
        if _stamp(os.fstat(file.descriptor)) != file.stamp:
            raise DataError(f"{file.path}: changed while it was read; bring it back, or build anew")
        start, end = (int(x) for x in self._tables[shard][row : row + 2, 0])
        return os.pread(file.descriptor, end - start, start)

    def _file(self, shard: int) -> _Open:
        if shard not in self._open:
            path = self._folder / f"{self._shards[shard].name}.jsonl"
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from error
            found = os.fstat(descriptor)
            if found.st_size != self._shards[shard].bytes:
                os.close(descriptor)
                raise DataError(
                    f"{path}: {found.st_size:,} bytes, its manifest says "
                    f"{self._shards[shard].bytes:,}"
                )
            self._open[shard] = _Open(path, descriptor, _stamp(found))
        return self._open[shard]

    def hold(self) -> None:
        """Open every file: from then on they are read even if their names are removed.

        Raises:
            DataError: A file is missing or has another size than the manifest says.
        """
        for shard in range(len(self._shards)):
            self._file(shard)

    def lines(self) -> Iterator[tuple[Path, int, bytes, int]]:
        """Yield path, line number, line and size of text of all records, in order."""
        for shard, table in enumerate(self._tables):
            file = self._file(shard)
            for row, size in enumerate(table[:-1, 1].tolist()):
                yield file.path, row + 1, self._line(file, shard, row).rstrip(b"\n"), size

    def __del__(self) -> None:
        """Close the files."""
        for file in getattr(self, "_open", {}).values():
            os.close(file.descriptor)


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _index(folder: Path, shard: ShardFile) -> NDArray[np.uint64]:
    path = folder / f"{shard.name}.idx"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if len(data) != 24 * (shard.records + 1):
        raise DataError(f"{path}: {len(data):,} bytes, expected {24 * (shard.records + 1):,}")
    table = np.frombuffer(data, dtype="<u8").reshape(-1, 3)
    if int(table[-1, 0]) != shard.bytes or (np.diff(table[:, 0].astype(np.int64)) <= 0).any():
        raise DataError(f"{path}: not the index of {shard.name}.jsonl")
    return table


def hash_problems(folder: Path, manifest: DatasetManifest) -> Iterator[str]:
    """Yield what is not as the manifest says: every file is read and its SHA-256 compared."""
    for split in SPLITS:
        for shard in manifest.shards[split]:
            for ending, expected in (("jsonl", shard.sha256), ("idx", shard.index_sha256)):
                path = folder / f"{shard.name}.{ending}"
                try:
                    with path.open("rb") as file:
                        found = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    yield f"{path}: {(error.strerror or str(error)).lower()}"
                    continue
                if found != expected:
                    yield f"{path}: SHA-256 {found[:12]}..., its manifest says {expected[:12]}..."
