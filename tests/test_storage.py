"""Laws of storage: whole or not at all, and every refusal of the disk is a sentence."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from disks import Faulty, Recorder, moments, plant, tree_of
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import BusyError, ResourceError
from ectrain.storage import CHUNK, RunLock, Storage, disk_errors, utc_now

NUMBERS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)


@given(data=st.binary(max_size=200) | st.just(b"x" * (2 * CHUNK + 1)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes come back, once; a file that is there is never overwritten by `write`."""
    path = tmp_path_factory.mktemp("files") / "a"
    Storage().write(path, data)
    assert Storage().read(path) == data
    with pytest.raises(FileExistsError):
        Storage().write(path, b"other")
    assert path.read_bytes() == data


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Reading, writing and appending through a link is refused; what it names stays."""
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_bytes(b"mine")
    link.symlink_to(victim)
    calls: list[Callable[[], object]] = [
        lambda: Storage().read(link),
        lambda: Storage().write(link, b"x"),
        lambda: Storage().append(link, b"x"),
        lambda: RunLock(link.parent).__enter__(),
    ]
    (tmp_path / ".lock").symlink_to(victim)
    for call in calls:
        with pytest.raises((OSError, ResourceError)):
            call()
    Storage().replace(link, b"new")
    assert (victim.read_bytes(), link.read_bytes(), link.is_symlink()) == (b"mine", b"new", False)
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "to-folder").symlink_to(folder)
    Storage().remove(tmp_path / "to-folder")
    assert folder.is_dir()


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    """Once or twice; a file in its place is an error."""
    deep = tmp_path / "a" / "b" / "c"
    Storage().make_directory(deep)
    Storage().make_directory(deep)
    assert deep.is_dir()
    (deep / "file").touch()
    with pytest.raises(FileExistsError):
        Storage().make_directory(deep / "file")
    assert Storage().names(tmp_path / "nowhere") == []


# --- replacing ------------------------------------------------------------------------------------


def test_replacing_survives_any_moment(tmp_path: Path) -> None:
    """A kill or power cut leaves the old file or the new one, and the next replacement works."""
    root = plant(tmp_path / "disk", {"a": b"old"})
    recorder = Recorder(root)
    recorder.replace(root / "a", b"new!")
    seen = set()
    for number, (done, tree) in enumerate(moments({"a": b"old"}, recorder.operations)):
        seen.add(tree["a"])
        if done == len(recorder.operations):
            assert tree == {"a": b"new!"}
        folder = plant(tmp_path / str(number), tree)
        Storage().replace(folder / "a", b"newer")
        assert tree_of(folder) == {"a": b"newer"}
    assert seen == {b"old", b"new!"}


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", NUMBERS)
def test_a_refused_replacement_leaves_the_old_file(
    tmp_path: Path, number: int, lasting: bool
) -> None:
    """Whichever operation fails, the old or the new file is there whole, and nothing beside it."""
    first, found = 1, set()
    while True:
        folder = plant(tmp_path / str(first), {"a": b"old"})
        disk = Faulty(first, number, lasting)
        try:
            disk.replace(folder / "a", b"new")
        except OSError as error:
            assert error.errno == number  # noqa: PT017 - until nothing fails any more
        tree = tree_of(folder)
        assert tree in ({"a": b"old"}, {"a": b"new"})
        found.add(tree["a"])
        if not disk.failed:
            break
        first += 1
    assert first > 5
    assert tree == {"a": b"new"}


# --- appending ------------------------------------------------------------------------------------


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system cut every write at a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_is_appended_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where the disk takes only a part, none of it stays."""
    path = tmp_path / "log"
    Storage().append(path, b"one\n")
    with largest_file(6), pytest.raises(OSError, match="No space"):
        Storage().append(path, b"two\n")
    assert path.read_bytes() == b"one\n"
    Storage().append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_a_refusal_is_a_sentence(tmp_path: Path, number: int) -> None:
    """It names what was tried, the path and the reason; a full disk also what it would take."""
    path = tmp_path / "a" / "b"
    with pytest.raises(ResourceError) as raised, disk_errors(path, "can't save", 3 << 20):
        raise OSError(number, os.strerror(number), str(path))
    said = str(raised.value)
    assert said.startswith(f"can't save {path}: {os.strerror(number).lower()}")
    full = re.search(r"; 3\.0 MiB are needed, [\d,.]+ MiB are free$", said)
    assert bool(full) == (number == errno.ENOSPC)
    assert raised.value.exit_code == 7


def test_time_is_utc() -> None:
    """Logs have ISO 8601 with milliseconds in UTC."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", utc_now())


# --- the lock -------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from ectrain.storage import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_held_directory_names_its_owner_until_it_dies(tmp_path: Path) -> None:
    """A second process is told who holds it; the system lets go when the first is killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=rf"in use by another run \(pid {holder.pid} on "):
            RunLock(tmp_path).__enter__()
        holder.send_signal(signal.SIGKILL)
    with RunLock(tmp_path):
        mark = json.loads((tmp_path / ".lock").read_bytes())
        assert mark["pid"] == os.getpid()


def test_one_of_many_wins(tmp_path: Path) -> None:
    """Of all that race for a directory, one has it; when it leaves, another may."""

    def attempt(_: int) -> RunLock | None:
        try:
            return RunLock(tmp_path).__enter__()
        except BusyError:
            return None

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            won = [lock for lock in pool.map(attempt, range(8)) if lock is not None]
        assert len(won) == 1
        won[0].__exit__()


@pytest.mark.parametrize("mark", [b"", b"{}", b"[1]", b"\xff", b'{"pid": "x"}', b"[" * 5000])
def test_an_owner_that_left_no_word_is_unknown(tmp_path: Path, mark: bytes) -> None:
    """Whatever the lock file holds, the second one gets a sentence."""
    with RunLock(tmp_path):
        (tmp_path / ".lock").write_bytes(mark)
        with pytest.raises(BusyError, match=r"another run \(unknown\); wait for it, or choose"):
            RunLock(tmp_path).__enter__()


def test_a_directory_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    """A lock in a place that isn't there or is a file can't be had."""
    (tmp_path / "file").touch()
    for place in ("nowhere", "file"):
        with pytest.raises(ResourceError, match=f"can't lock {tmp_path / place}/.lock: no"):
            RunLock(tmp_path / place).__enter__()
