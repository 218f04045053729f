"""Laws of checkpoints under fire: kills, power cuts, full disks, damage and forgery."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from disks import Faulty, Recorder, moments, plant, tree_of
from hypothesis import given
from hypothesis import strategies as st
from snapshots import FILES, assert_is, damage, snapshot

from ectrain.checkpoint import Checkpoints, Loaded
from ectrain.errors import ResourceError


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for the real disk: what a cut leaves is worked out from the operations."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


# --- kills and power cuts -------------------------------------------------------------------------


BEFORE: dict[str, tuple[int, ...]] = {"first": (), "next": (10, 20), "again": (10, 20)}


@pytest.mark.parametrize("scene", BEFORE)
def test_any_moment_of_a_save_leaves_old_or_new(tmp_path: Path, scene: str) -> None:
    """Killed or without power at any operation, the run goes on from before or after the save.

    The first save of all, one that removes an older checkpoint, and one over a damaged one.
    """
    root = tmp_path / "disk"
    root.mkdir()
    for step in BEFORE[scene]:
        Checkpoints(root / "c", 2, 1).save(snapshot(step))
    if scene == "again":
        damage(root / "c" / "000020" / "optim.safetensors")
    old, new = {"first": (None, 20), "next": (20, 30), "again": (10, 20)}[scene]
    assert new is not None
    base = tree_of(root)
    recorder = Recorder(root)
    Checkpoints(root / "c", 2, 1, recorder).save(snapshot(new))
    seen: dict[int | None, int] = {}
    known: set[int] = set()
    for done, tree in moments(base, recorder.operations):
        state = hash(tuple(sorted(tree.items())))
        over = done == len(recorder.operations)
        if state in known and not over:
            continue
        known.add(state)
        found = _found(plant(tmp_path / "moment", tree) / "c")
        seen[found] = seen.get(found, 0) + 1
        assert found == new if over else found in (old, new), (done, sorted(tree))
    assert seen.keys() == {old, new}
    assert len(known) > 20


def _found(directory: Path) -> int | None:
    """Return the step that a directory gives, whole; then save there, and clear it away."""
    checkpoints = Checkpoints(directory, 2, 1)
    loaded = checkpoints.newest()
    step = None if loaded is None else loaded.entry.step
    if loaded is not None:
        assert_is(loaded, snapshot(loaded.entry.step))
    for later in (40, 50):
        checkpoints.save(snapshot(later))
        after = checkpoints.newest()
        assert after is not None
        assert_is(after, snapshot(later))
    left = {name for name in os.listdir(directory) if name.startswith(".")}
    assert left <= {".damaged-000020"}, left
    shutil.rmtree(directory.parent)
    return step


# --- a disk that refuses --------------------------------------------------------------------------


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_refused_save_leaves_what_was_there(tmp_path: Path, number: int, lasting: bool) -> None:
    """Whichever operation fails, the old checkpoint stays, the rest goes, and the disk is named."""
    Checkpoints(tmp_path / "old").save(snapshot(10))
    first, refused = 1, 0
    while True:
        directory = tmp_path / str(first)
        shutil.copytree(tmp_path / "old", directory)
        disk, warnings = Faulty(first, number, lasting), list[str]()
        path = directory / "000020"
        try:
            Checkpoints(directory, storage=disk, warn=warnings.append).save(snapshot(20))
        except ResourceError as error:
            refused += 1
            said = f"can't save checkpoint {path}: {os.strerror(number).lower()}"
            assert str(error).startswith(said)  # noqa: PT017 - until nothing fails any more
        else:
            assert disk.failed in ("", "read", "list", "remove"), disk.failed
        assert disk.failed == "remove" or os.listdir(directory).count(".saving") == 0
        assert_is(_loaded(directory, 10), snapshot(10))
        if path.exists():
            assert_is(_loaded(directory, 20), snapshot(20))
        if not disk.failed:
            break
        first += 1
    assert refused > 20
    assert warnings == []


def _loaded(directory: Path, step: int) -> Loaded:
    checkpoints = Checkpoints(directory)
    return checkpoints.load(next(e for e in checkpoints.entries() if e.step == step))


def test_a_directory_that_cannot_be_listed_is_a_sentence(tmp_path: Path) -> None:
    """Looking for checkpoints is refused in words; a save that is through stays through."""
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=f"can't list {tmp_path / 'file'}: not a directory"):
        Checkpoints(tmp_path / "file").newest()


# --- damage ---------------------------------------------------------------------------------------


@given(file=st.sampled_from(FILES), data=st.data())
def test_damage_is_named_and_passed_over(
    tmp_path_factory: pytest.TempPathFactory, file: str, data: st.DataObject
) -> None:
    """A flipped bit, a cut, a tail, a lost file: the older checkpoint, and the file's name."""
    directory = tmp_path_factory.mktemp("run")
    for step in (10, 20):
        Checkpoints(directory).save(snapshot(step))
    path = directory / "000020" / file
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(("flip", "cut", "tail", "lose", "zeros")))
    flipped = bytes([content[at] ^ 1 << data.draw(st.integers(0, 7))])
    path.write_bytes(
        {
            "flip": content[:at] + flipped + content[at + 1 :],
            "cut": content[:at],
            "tail": content + flipped,
            "lose": b"",
            "zeros": bytes(len(content)),
        }[kind]
    )
    if kind == "lose":
        path.unlink()
    warnings: list[str] = []
    loaded = Checkpoints(directory, warn=warnings.append).newest()
    assert loaded is not None
    if loaded.entry.step == 20:  # blanks of the manifest mean nothing
        assert file == "MANIFEST.json"
        assert json.loads(path.read_bytes()) == json.loads(content)
    else:
        assert len(warnings) == 1
        assert warnings[0].startswith(f"checkpoint passed over: {path}: ")
        assert "\n" not in warnings[0]
        resized = kind in ("cut", "tail") and file != "MANIFEST.json"
        assert (f"expected {len(content)}" in warnings[0]) == resized
    assert_is(loaded, snapshot(loaded.entry.step))


def test_nothing_is_better_than_damage(tmp_path: Path) -> None:
    """Where all are damaged, none is had, and each is named."""
    warnings: list[str] = []
    checkpoints = Checkpoints(tmp_path, warn=warnings.append)
    for step in (1, 2):
        damage(checkpoints.save(snapshot(step)) / "model.safetensors")
    assert checkpoints.newest() is None
    assert checkpoints.best() is None
    assert {warning.split(": ")[1] for warning in warnings} == {
        str(tmp_path / f"00000{step}" / "model.safetensors") for step in (1, 2)
    }
