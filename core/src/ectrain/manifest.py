"""What a checkpoint says of itself: its place in the run, and the size and sum of every file."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from ectrain.errors import CheckpointError, ConfigError
from ectrain.structure import plain, structured

FORMAT = 1
REQUIRED = ("model.safetensors", "optim.safetensors", "tokenizer.json")

_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_JSON = (ValueError, RecursionError)


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


@attrs.frozen
class _Manifest:
    """An entry as it lies on the disk, with the sum of all the rest."""

    format: int
    step: int
    epoch: int
    phase: str
    loss: float | None
    pinned: bool
    files: Mapping[str, tuple[int, str]]
    sha256: str = ""


def encode(entry: Entry) -> bytes:
    """Return an entry's manifest."""
    fields = {a.name: getattr(entry, a.name) for a in attrs.fields(Entry) if a.name != "path"}
    manifest = _Manifest(FORMAT, **fields)
    return strict_json(plain(attrs.evolve(manifest, sha256=_sum(manifest))))


def decode(path: Path, text: bytes) -> Entry:
    """Return the entry of the checkpoint at `path` with the manifest `text`.

    Raises:
        CheckpointError: It is not one that `encode` wrote for this place.
    """
    try:
        data = json.loads(text)
        version = data.get("format", FORMAT) if isinstance(data, dict) else FORMAT
        if version != FORMAT:
            raise CheckpointError(f"format {version!r:.40}, this version reads {FORMAT}")
        manifest = structured(data, _Manifest, "not a manifest")
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    except _NOT_JSON as error:
        raise CheckpointError(f"not a manifest: {error}") from error
    if manifest.sha256 != _sum(manifest):
        raise CheckpointError("its SHA-256 is not the one it names; it was changed")
    if path.name != directory_name(manifest.step):
        raise CheckpointError(f"belongs to step {manifest.step}")
    odd = [name for name in manifest.files if not _FILE.fullmatch(name)]
    if odd:
        raise CheckpointError(f"names an odd file: {odd[0]!r:.80}")
    missing = [name for name in REQUIRED if name not in manifest.files]
    if missing:
        raise CheckpointError(f"names no {missing[0]}")
    fields = {a.name: getattr(manifest, a.name) for a in attrs.fields(Entry) if a.name != "path"}
    return Entry(path, **fields)


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Return the newest phase's measured checkpoints, lowest loss first, ties by earliest step.

    Losses compare only inside a phase: they are over other tasks in another.
    """
    by_step = sorted(entries, key=lambda e: e.step)
    measured = [
        (e.loss, e.step, e)
        for e in by_step
        if e.phase == by_step[-1].phase and e.loss is not None and math.isfinite(e.loss)
    ]
    return [entry for *_, entry in sorted(measured, key=lambda found: found[:2])]


def directory_name(step: int) -> str:
    """Return the name of a step's checkpoint."""
    return f"{step:06d}"


def strict_json(data: Any) -> bytes:
    """Return plain data as JSON without NaN, keys in order."""
    return json.dumps(data, allow_nan=False, indent=1, sort_keys=True).encode()


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _sum(manifest: _Manifest) -> str:
    return digest(strict_json(plain(attrs.evolve(manifest, sha256=""))))
