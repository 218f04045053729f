"""Checkpoints that can be trusted: written aside, hashed, synced, then named in one step.

A checkpoint is a directory of safetensors and strict JSON with a manifest of sizes and SHA-256
sums. Whatever moment a process dies at, the newest directory whose manifest holds is good.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ectrain.errors import CheckpointError, ResourceError
from ectrain.events import finite
from ectrain.manifest import Entry, decode, digest, directory_name, encode, ranked
from ectrain.snapshot import Loaded, Snapshot
from ectrain.storage import Storage, disk_errors

__all__ = ["Checkpoints", "Entry", "Loaded", "Snapshot", "no_checkpoint", "ranked"]

MANIFEST = "MANIFEST.json"

_NAME = re.compile(r"[0-9]{6}|[1-9][0-9]{6,11}")


class Checkpoints:
    """The checkpoints of one run.

    Args:
        directory: Where they lie.
        keep_last: Newest ones that are kept.
        keep_best: Ones with the lowest loss of the newest phase that are kept.
        storage: Where they are written.
        warn: Called with a sentence for each checkpoint that can't be used or removed.
    """

    def __init__(
        self,
        directory: Path,
        keep_last: int = 2,
        keep_best: int = 3,
        storage: Storage | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.directory = directory
        self._keep_last, self._keep_best = keep_last, keep_best
        self._storage = storage or Storage()
        self._warn = warn
        self._passed_over: set[Path] = set()

    def warn_with(self, warn: Callable[[str], None]) -> None:
        """Say what can't be used or removed in another way from now on."""
        self._warn = warn

    def save(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint; when this returns, it survives a power cut.

        One of the same step that verifies is left as it is: a run's state is a function of its
        step. A damaged one is put aside.

        Raises:
            ResourceError: The disk refuses it; older checkpoints are untouched.
        """
        final = self.directory / directory_name(snapshot.step)
        temporary = self.directory / ".saving"
        contents = snapshot.contents()
        with disk_errors(final, "can't save checkpoint", sum(map(len, contents.values()))):
            if self._verifies(final):
                self._passed_over.discard(final)
                self._storage.sync_directory(self.directory)  # it may be there by luck alone
                return final
            try:
                self._write(snapshot, contents, temporary, final)
                if os.path.lexists(final):
                    self._move(final, _aside(final))
                self._storage.rename(temporary, final)
                self._passed_over.discard(final)
            except OSError:
                self._remove(temporary)
                raise
        self._retain(snapshot.step)
        return final

    def _write(
        self, snapshot: Snapshot, contents: Mapping[str, bytes], into: Path, final: Path
    ) -> None:
        storage = self._storage
        storage.make_directory(self.directory)
        storage.remove(into)
        storage.make_directory(into)
        for name, data in contents.items():
            storage.write(into / name, data)
        entry = Entry(
            path=final,
            step=snapshot.step,
            epoch=snapshot.epoch,
            phase=snapshot.phase,
            loss=finite(snapshot.loss),
            pinned=snapshot.pinned,
            files={name: (len(data), digest(data)) for name, data in contents.items()},
        )
        storage.write(into / MANIFEST, encode(entry))
        storage.sync_directory(into)

    def entries(self) -> list[Entry]:
        """Return every checkpoint with a readable manifest, newest step first.

        Raises:
            ResourceError: The directory can't be listed.
        """
        found = []
        for path in self._paths():
            try:
                found.append(self._entry(path))
            except CheckpointError as error:
                self._pass_over(path, error)
        return found

    def _paths(self) -> list[Path]:
        with disk_errors(self.directory, "can't list"):
            there = filter(_NAME.fullmatch, self._storage.names(self.directory))
            steps = sorted((int(name) for name in there), reverse=True)
        return [self.directory / directory_name(step) for step in steps]

    def _entry(self, path: Path) -> Entry:
        try:
            if path.is_symlink():
                raise CheckpointError("its directory is a link, which is not followed")
            return decode(path, self._storage.read(path / MANIFEST))
        except OSError as error:
            raise CheckpointError(f"{path / MANIFEST}: {error.strerror}") from error
        except CheckpointError as error:
            raise CheckpointError(f"{path / MANIFEST}: {error}") from error

    def _verifies(self, path: Path) -> bool:
        try:
            self.load(self._entry(path))
        except CheckpointError:
            return False
        return True

    def load(self, entry: Entry) -> Loaded:
        """Read and verify a checkpoint.

        Raises:
            CheckpointError: A file is missing, cut short or changed; it is named.
        """
        contents: dict[str, bytes] = {}
        for name, (size, sha256) in entry.files.items():
            path = entry.path / name
            try:
                data = self._storage.read(path)
            except OSError as error:
                raise CheckpointError(f"{path}: {error.strerror}") from error
            if len(data) != size:
                raise CheckpointError(f"{path}: {len(data)} bytes, expected {size}")
            if digest(data) != sha256:
                raise CheckpointError(f"{path}: its SHA-256 is not the manifest's; it was changed")
            contents[name] = data
        return Loaded(entry, contents)

    def newest(self) -> Loaded | None:
        """Return the newest checkpoint that verifies; bad ones are passed over with a warning."""
        return next(self._verified(self.entries()), None)

    def best(self) -> Loaded | None:
        """Return the one with the lowest loss in the newest phase, else the newest."""
        return next(self._verified(ranked(self.entries())), None) or self.newest()

    def _verified(self, entries: list[Entry]) -> Iterator[Loaded]:
        for entry in entries:
            try:
                yield self.load(entry)
            except CheckpointError as error:
                self._pass_over(entry.path, error)

    def _pass_over(self, path: Path, error: CheckpointError) -> None:
        self._passed_over.add(path)
        self._warn(f"checkpoint passed over: {error}")

    def _retain(self, step: int) -> None:
        """Remove what is neither new, nor among the best, nor pinned.

        What was passed over is put aside before, for whoever wants to look: it must not count.
        """
        for path in sorted(self._passed_over):
            self._put_aside(path)
        self._passed_over.clear()
        try:
            entries = self.entries()
        except ResourceError as error:
            self._warn(f"{error}; nothing was removed")
            return
        kept = {step, *(e.step for e in entries[: self._keep_last])}
        kept |= {e.step for e in ranked(entries)[: self._keep_best]}
        kept |= {e.step for e in entries if e.pinned}
        for entry in entries:
            if entry.step not in kept:
                self._discard(entry.path)

    def _put_aside(self, path: Path) -> None:
        try:
            if os.path.lexists(path):
                self._move(path, _aside(path))
        except OSError as error:
            self._warn(f"{path} can't be put aside: {error.strerror}")

    def _discard(self, path: Path) -> None:
        """Remove a checkpoint so that at any moment it is there whole or not at all."""
        aside = self.directory / ".removed"
        try:
            self._move(path, aside)
            self._storage.remove(aside)
        except OSError as error:
            self._warn(f"{path} can't be removed: {error.strerror}")

    def _move(self, path: Path, aside: Path) -> None:
        self._storage.remove(aside)
        self._storage.rename(path, aside)

    def _remove(self, path: Path) -> None:
        try:
            self._storage.remove(path)
        except OSError as error:
            self._warn(f"{path} can't be removed: {error.strerror}")


def _aside(path: Path) -> Path:
    return path.with_name(f".damaged-{path.name}")


def no_checkpoint(directory: Path, why: Sequence[str] = ()) -> CheckpointError:
    """Return the error of a run without a checkpoint that can be used, and why each can't be."""
    reasons = dict.fromkeys(why)
    return CheckpointError("\n".join((f"{directory} holds no checkpoint that verifies", *reasons)))
