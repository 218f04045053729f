"""Laws of checkpoints from strangers: nothing forged is followed, believed or crashed on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from snapshots import snapshot

from ectrain.checkpoint import Checkpoints
from ectrain.errors import CheckpointError
from ectrain.manifest import decode


def forged(path: Path, **changes: Any) -> None:
    """Change a manifest, its own sum with it."""
    data = {**json.loads(path.read_bytes()), **changes, "sha256": ""}
    data["sha256"] = hashlib.sha256(json.dumps(data, indent=1, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(data))


LISTED = [1, "0" * 64]
WHOLE = dict.fromkeys(("model.safetensors", "optim.safetensors", "tokenizer.json"), LISTED)
HOSTILE: list[tuple[dict[str, Any], str]] = [
    *(
        ({"files": {**WHOLE, name: LISTED}}, "names an odd file")
        for name in (
            "../x",
            "/etc/hostname",
            ".hidden",
            "",
            "a/b",
            "a\0b",
            "-rf",
            "n" * 300,
            "\u00e9",
        )
    ),
    ({"files": {}}, "names no model.safetensors"),
    ({"files": [1]}, "files: expected a table, found [1]"),
    ({"files": {**WHOLE, "x": [1]}}, "files.x: expected 2 values, found 1"),
    ({"files": {**WHOLE, "x": ["1", "0"]}}, "files.x[0]: expected an integer, found '1'"),
    ({"step": 11}, "belongs to step 11"),
    ({"step": "10"}, "step: expected an integer, found '10'"),
    ({"step": True}, "step: expected an integer, found True"),
    ({"loss": "low"}, "loss: expected a number, found 'low'"),
    ({"loss": float("nan")}, "loss: expected a finite number, found nan"),
    ({"pinned": 1}, "pinned: expected true or false, found 1"),
    ({"format": 2}, "format 2, this version reads 1"),
    ({"more": 1}, "unknown key 'more'"),
]


@pytest.mark.parametrize(("changes", "said"), HOSTILE, ids=[str(c)[:40] for c, _ in HOSTILE])
def test_a_forged_manifest_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """With a sum that fits, names that lead elsewhere and values of other types are refused."""
    warnings: list[str] = []
    checkpoints = Checkpoints(tmp_path, warn=warnings.append)
    manifest = checkpoints.save(snapshot(10)) / "MANIFEST.json"
    forged(manifest)
    assert checkpoints.newest() is not None
    forged(manifest, **changes)
    assert checkpoints.newest() is None
    assert warnings[0].startswith(f"checkpoint passed over: {manifest}: ")
    assert said in warnings[0]


@pytest.mark.parametrize("text", [b"", b"[]", b"3", b"{", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: bytes) -> None:
    """Whatever lies there, it is one line."""
    with pytest.raises(CheckpointError, match=r"^not a manifest: [^\n]*$"):
        decode(tmp_path / "000001", text)


HEADERS = [
    b"",
    b"\xff" * 64,
    (2**63).to_bytes(8, "little") + b"{}",
    (100 << 20).to_bytes(8, "little") + b"{}",
    *(
        len(header).to_bytes(8, "little") + header + bytes(8)
        for header in (
            b"[" * 5000,
            b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,80]}}',
            b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}',
            b'{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}',
            b'{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,8]}}',
            b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
            b'"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        )
    ),
]


@pytest.mark.parametrize("content", HEADERS, ids=range(len(HEADERS)))
def test_tensors_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    """A safetensors file with a lying header is named, even where its sum was made to fit."""
    path = Checkpoints(tmp_path).save(snapshot(10))
    (path / "model.safetensors").write_bytes(content)
    files = json.loads((path / "MANIFEST.json").read_bytes())["files"]
    files["model.safetensors"] = [len(content), hashlib.sha256(content).hexdigest()]
    forged(path / "MANIFEST.json", files=files)
    loaded = Checkpoints(tmp_path).newest()
    assert loaded is not None
    with pytest.raises(CheckpointError, match=f"^{path}/model.safetensors: "):
        loaded.tensors("model")


def test_only_real_directories_count(tmp_path: Path) -> None:
    """Links and odd names are no checkpoints, and what they lead to is not touched."""
    elsewhere = Checkpoints(tmp_path / "elsewhere").save(snapshot(30))
    directory = tmp_path / "c"
    real = Checkpoints(directory).save(snapshot(10))
    (directory / "000030").symlink_to(elsewhere)
    for name in ("0000040", "000041.bak", "\u0660" * 6, "-00001", ".saving"):
        shutil.copytree(real, directory / name)
    (directory / "000050").write_bytes(b"")
    (real / "state.json").rename(tmp_path / "state.json")
    (real / "state.json").symlink_to(tmp_path / "state.json")
    warnings: list[str] = []
    checkpoints = Checkpoints(directory, 1, 1, warn=warnings.append)
    assert checkpoints.newest() is None
    assert len(warnings) == 3
    checkpoints.save(snapshot(60))
    checkpoints.save(snapshot(70))
    assert elsewhere.is_dir()
    assert [entry.step for entry in checkpoints.entries()] == [70]
