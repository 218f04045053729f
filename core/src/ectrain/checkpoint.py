"""Checkpoints that can be trusted: written aside, hashed, synced, then named in one step.

A checkpoint is a directory of safetensors and strict JSON with a manifest of sizes and SHA-256
sums. Whatever moment a process dies at, the newest directory whose manifest holds is good.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import safetensors
import safetensors.torch
from torch import Tensor

from ectrain.errors import CheckpointError
from ectrain.storage import Storage, disk_errors

FORMAT = 1
MANIFEST = "MANIFEST.json"

_NAME = re.compile(r"\d{6,12}")


@attrs.frozen
class Snapshot:
    """All that a run needs to go on.

    Attributes:
        step: Optimizer steps done.
        epoch: Epochs done.
        phase: Phase of the curriculum.
        loss: Validation loss over the phase's tasks, None where it was not measured since.
        pinned: Kept for good: the curriculum asks for it.
        model: Weights by name.
        optimizer: Its state by name.
        documents: Plain data by name, each a JSON file.
        tokenizer: The whole tokenizer as text.
    """

    step: int
    epoch: int
    phase: str
    loss: float | None
    pinned: bool
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    documents: Mapping[str, Any]
    tokenizer: str


@attrs.frozen
class Entry:
    """A checkpoint whose manifest could be read; its files are verified on loading.

    Attributes:
        path: Its directory.
        step: Optimizer steps done.
        epoch: Epochs done.
        phase: Phase of the curriculum.
        loss: Validation loss, None where unknown.
        pinned: Kept for good.
        files: Size and SHA-256 of each file.
    """

    path: Path
    step: int
    epoch: int
    phase: str
    loss: float | None
    pinned: bool
    files: Mapping[str, tuple[int, str]]


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

    def warn_with(self, warn: Callable[[str], None]) -> None:
        """Say what can't be used or removed in another way from now on."""
        self._warn = warn

    def save(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint; when this returns, it survives a power cut.

        Raises:
            ResourceError: The disk refuses it; older checkpoints are untouched.
        """
        final = self.directory / f"{snapshot.step:06d}"
        temporary = self.directory / f".{final.name}.tmp"
        with disk_errors(final, "can't save checkpoint"):
            try:
                self._write(snapshot, temporary)
                if final.exists():
                    self._put_aside(final)
                self._storage.rename(temporary, final)
            except OSError:
                self._remove(temporary)
                raise
        self._retain()
        return final

    def _put_aside(self, path: Path) -> None:
        """Make room where a checkpoint of the same step lies: a damaged one is kept aside."""
        aside = path.with_name(f".replaced-{path.name}")
        self._storage.remove(aside)
        self._storage.rename(path, aside)

    def _write(self, snapshot: Snapshot, into: Path) -> None:
        storage = self._storage
        storage.make_directory(self.directory)
        storage.remove(into)
        storage.make_directory(into)
        contents = {
            "model.safetensors": safetensors.torch.save(_owned(snapshot.model)),
            "optim.safetensors": safetensors.torch.save(_owned(snapshot.optimizer)),
            "tokenizer.json": snapshot.tokenizer.encode(),
            **{f"{name}.json": _json(data) for name, data in snapshot.documents.items()},
        }
        for name, data in contents.items():
            storage.write(into / name, data)
        sums = {name: [len(data), _sha256(data)] for name, data in contents.items()}
        manifest = {
            "format": FORMAT,
            "step": snapshot.step,
            "epoch": snapshot.epoch,
            "phase": snapshot.phase,
            "loss": _finite(snapshot.loss),
            "pinned": snapshot.pinned,
            "files": sums,
        }
        storage.write(into / MANIFEST, _json(manifest))
        storage.sync_directory(into)

    def entries(self) -> list[Entry]:
        """Return every checkpoint with a readable manifest, newest step first."""
        if not self.directory.is_dir():
            return []
        names = [p.name for p in self.directory.iterdir() if _NAME.fullmatch(p.name)]
        found = []
        for name in sorted(names, key=int, reverse=True):
            try:
                found.append(self._entry(self.directory / name))
            except CheckpointError as error:
                self._warn(f"checkpoint passed over: {error}")
        return found

    def _entry(self, path: Path) -> Entry:
        try:
            data = json.loads(self._storage.read(path / MANIFEST))
            if data["format"] != FORMAT:
                raise CheckpointError(
                    f"{path}: format {data['format']}, this version reads {FORMAT}"
                )
            files = {
                str(k): (int(size), str(digest)) for k, (size, digest) in data["files"].items()
            }
            loss = None if data["loss"] is None else float(data["loss"])
            phase, pinned = str(data["phase"]), bool(data["pinned"])
            step, epoch = int(data["step"]), int(data["epoch"])
        except OSError as error:
            raise CheckpointError(f"{path / MANIFEST}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path / MANIFEST}: not a manifest: {error}") from error
        if step != int(path.name) or any("/" in name or name.startswith(".") for name in files):
            raise CheckpointError(f"{path / MANIFEST}: belongs to step {step}, or names odd files")
        return Entry(path, step, epoch, phase, loss, pinned, files)

    def load(self, entry: Entry) -> Loaded:
        """Read and verify a checkpoint.

        Raises:
            CheckpointError: A file is missing, cut short or changed; it is named.
        """
        contents: dict[str, bytes] = {}
        for name, (size, digest) in entry.files.items():
            path = entry.path / name
            try:
                data = self._storage.read(path)
            except OSError as error:
                raise CheckpointError(f"{path}: {error.strerror}") from error
            if len(data) != size:
                raise CheckpointError(f"{path}: {len(data)} bytes, expected {size}")
            if _sha256(data) != digest:
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
                self._warn(f"checkpoint passed over: {error}")

    def _retain(self) -> None:
        """Remove what is neither new, nor among the best, nor pinned."""
        entries = self.entries()
        kept = {e.step for e in entries[: self._keep_last] if e}
        kept |= {e.step for e in ranked(entries)[: self._keep_best]}
        kept |= {e.step for e in entries if e.pinned}
        for entry in entries:
            if entry.step not in kept:
                self._remove(entry.path)

    def _remove(self, path: Path) -> None:
        try:
            self._storage.remove(path)
        except OSError as error:
            self._warn(f"{path} can't be removed: {error.strerror}")


def ranked(entries: list[Entry]) -> list[Entry]:
    """Return the newest phase's measured checkpoints, lowest loss first, ties by earliest step.

    Losses compare only inside a phase: they are over other tasks in another.
    """
    if not entries:
        return []
    phase = max(entries, key=lambda e: e.step).phase
    measured = [(e.loss, e.step, e) for e in entries if e.phase == phase and e.loss is not None]
    return [entry for *_, entry in sorted(measured, key=lambda found: found[:2])]


@attrs.frozen
class Loaded:
    """A verified checkpoint's content.

    Attributes:
        entry: Which checkpoint.
        contents: Its files by name; each was verified.
    """

    entry: Entry
    contents: Mapping[str, bytes] = attrs.field(repr=False)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of `<name>.safetensors`."""
        try:
            return safetensors.torch.load(self._file(f"{name}.safetensors"))
        except safetensors.SafetensorError as error:
            raise CheckpointError(f"{self.entry.path}/{name}.safetensors: {error}") from error

    def document(self, name: str) -> Any:
        """Return the data of `<name>.json`."""
        try:
            return json.loads(self._file(f"{name}.json"))
        except ValueError as error:
            raise CheckpointError(f"{self.entry.path}/{name}.json: {error}") from error

    @property
    def tokenizer(self) -> str:
        """The tokenizer's text."""
        return self._file("tokenizer.json").decode()

    def _file(self, name: str) -> bytes:
        if name not in self.contents:
            raise CheckpointError(f"{self.entry.path} holds no {name}")
        return self.contents[name]


def no_checkpoint(directory: Path) -> CheckpointError:
    """Return the error of a run without a checkpoint that can be used."""
    return CheckpointError(f"{directory} holds no checkpoint that verifies")


def _owned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.detach().cpu().contiguous() for name, x in tensors.items()}


def _json(data: Any) -> bytes:
    return json.dumps(data, allow_nan=False, indent=1, sort_keys=True).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
