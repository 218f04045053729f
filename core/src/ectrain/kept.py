"""Data that is made, not gathered: made once, then kept in the user's cache as a dataset on disk.

    CACHE/made/katas-5f0c.../dataset.json, train-00000.jsonl, ...   see shards.py

A record is read when it is asked for, so that memory stays bounded whatever the size. The name is
a hash of the arguments and of the source that makes the data: other code never meets old data.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from ectrain.errors import DataError, ResourceError
from ectrain.shards import (
    FORMAT,
    DatasetManifest,
    Shards,
    ShardWriter,
    hash_problems,
    read_manifest,
    write_manifest,
)
from ectrain.storage import Storage
from ectrain.task import SPLITS, Split
from ectrain.user_cache import PLACE, cache_folder, drop_unused, mark_used

SHARD_BYTES = 16 << 20  # of each split, held in memory while data are made

T = TypeVar("T")


@attrs.frozen
class Recipe(Generic[T]):
    """How data are made.

    Attributes:
        kind: One word for what they are.
        settings: Everything that they depend on, apart from the source.
        sources: Packages and modules whose source they depend on.
        make: Makes them, the same ones always: records in order, each with its split.
        pack: From a record to what JSON can hold.
        unpack: From that to a record.
        mark: A number below 2**64 of a record, known without reading it: see `Shards.marks`.
    """

    kind: str
    settings: Mapping[str, str]
    sources: tuple[str, ...]
    make: Callable[[], Iterator[tuple[Split, T]]]
    pack: Callable[[T], Mapping[str, Any]]
    unpack: Callable[[dict[str, Any]], T]
    mark: Callable[[T], int] = lambda _: 0

    @property
    def name(self) -> str:
        """What the data are kept as."""
        python = list(sys.version_info[:2])
        sources = [_digest(source) for source in self.sources]
        text = json.dumps([FORMAT, python, sorted(self.settings.items()), sources])
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _digest(module: str) -> str:
    """Return a hash of a module's source, or of all files in a package."""
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    every = (file for folder in spec.submodule_search_locations or () for file in _files(folder))
    found = hashlib.sha256()
    for file in sorted(every) or [Path(spec.origin or "")]:
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _files(folder: str) -> Iterator[Path]:
    for file in Path(folder).rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def kept(recipe: Recipe[T]) -> dict[Split, Shards[T]]:
    """Return made data: from the cache, or made now and kept there for the next time.

    A damaged cache is made anew, and where none can be written the data last as long as the
    process. Of several processes that ask at once, one makes them and the others wait.

    Raises:
        ResourceError: Nothing can be written, neither to the cache nor to a temporary folder.
    """
    folder = cache_folder("made", recipe.name)
    found = _opened(folder, recipe)
    if found is None:
        with _alone(folder):
            found = _opened(folder, recipe) or _made(folder, recipe)
    return found


def _opened(folder: Path, recipe: Recipe[T]) -> dict[Split, Shards[T]] | None:
    """Return what is kept in a folder, None where it is missing or damaged."""
    try:
        manifest = read_manifest(folder)
        if any(hash_problems(folder, manifest)):
            return None
        found = _held(folder, manifest, recipe)
    except DataError:
        return None
    mark_used(folder)
    return found


def _held(folder: Path, manifest: DatasetManifest, recipe: Recipe[T]) -> dict[Split, Shards[T]]:
    """Return the splits of a dataset, whose files may then be removed."""
    found = {split: Shards(folder, manifest, split, recipe.unpack) for split in SPLITS}
    for split in SPLITS:
        found[split].hold()
    return found


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process makes the same; where that can't be told, don't."""
    path, descriptor = folder.with_name(f".{folder.name}.lock"), -1
    try:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if descriptor >= 0:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _made(folder: Path, recipe: Recipe[T]) -> dict[Split, Shards[T]]:
    """Make data, and keep them if that is possible."""
    try:
        half = Path(tempfile.mkdtemp(dir=folder.parent, prefix="half-"))
        found = _written(half, recipe)
    except OSError:
        return _passing(folder, recipe)
    try:
        shutil.rmtree(folder, ignore_errors=True)  # damaged, if it is there
        half.rename(folder)
    except OSError:
        shutil.rmtree(half, ignore_errors=True)
    drop_unused(folder.parent)
    return found


def _passing(folder: Path, recipe: Recipe[T]) -> dict[Split, Shards[T]]:
    """Make data that last as long as this process has their files open."""
    try:
        with tempfile.TemporaryDirectory(prefix="ectrain-made-") as half:
            return _written(Path(half), recipe)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ResourceError(
            f"can't write {recipe.kind} to {folder.parent}, nor to {tempfile.gettempdir()}: "
            f"{reason}; set {PLACE} to a folder with room"
        ) from error


def _written(half: Path, recipe: Recipe[T]) -> dict[Split, Shards[T]]:
    """Write a dataset into an empty folder, which is removed if that fails."""
    try:
        storage = Storage()
        writers = {split: ShardWriter(half, split, storage, SHARD_BYTES) for split in SPLITS}
        for split, record in recipe.make():
            writers[split].add(recipe.pack(record), 0, recipe.mark(record))
        for writer in writers.values():
            writer.flush()
        shards = {split: tuple(writer.shards) for split, writer in writers.items()}
        manifest = DatasetManifest(FORMAT, recipe.kind, 1, shards, dict(recipe.settings))
        write_manifest(half, manifest, storage)
        return _held(half, manifest, recipe)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
