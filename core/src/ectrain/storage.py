"""Every write of the framework to disk: durable, atomic, and open to faults in tests."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ectrain.errors import BusyError, ResourceError

CHUNK = 1 << 20  # bytes of one write

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Storage:
    """Operations on files; each is announced to `before`, where a test can make it fail."""

    def before(self, operation: str, path: Path) -> None:
        """Called before every operation of the operating system."""

    def make_directory(self, path: Path) -> None:
        """Make a directory and those above it, durably."""
        if path.is_dir():
            return
        self.make_directory(path.parent)
        self.before("mkdir", path)
        path.mkdir(exist_ok=True)
        self.sync_directory(path.parent)

    def write(self, path: Path, data: bytes) -> None:
        """Write a new file and wait until it is on the disk."""
        self.before("open", path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        try:
            view = memoryview(data)
            while view:
                self.before("write", path)
                view = view[os.write(descriptor, view[:CHUNK]) :]
            self.before("fsync", path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        """Write a file so that at any moment there is the old one or the new one.

        Only one process may replace a file at a time.
        """
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            self.remove(temporary)  # a process that was killed may have left it
            self.write(temporary, data)
            self.rename(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def append(self, path: Path, data: bytes) -> None:
        """Add to the end of a file in one write: all of it, or nothing where the disk is full."""
        self.before("append", path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o644)
        try:
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, data) < len(data):
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or directory its final name, durably."""
        self.before("rename", new)
        os.replace(old, new)
        self.sync_directory(new.parent)

    def sync_directory(self, path: Path) -> None:
        """Wait until a directory's names are on the disk."""
        self.before("fsync", path)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file or a whole directory; that it isn't there is fine."""
        self.before("remove", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def names(self, path: Path) -> list[str]:
        """Return the names in a directory; none where there is no such directory."""
        self.before("list", path)
        try:
            return os.listdir(path)
        except FileNotFoundError:
            return []

    def read(self, path: Path) -> bytes:
        """Return the whole content of a regular file; a link is not followed."""
        self.before("read", path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:
            return file.read()


@contextlib.contextmanager
def disk_errors(path: Path, doing: str, needed: int = 0) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence.

    Args:
        path: What it is about.
        doing: What was tried: "can't save".
        needed: Bytes that were to be written, 0 where that says little.

    Raises:
        ResourceError: No space, no permission or no working disk.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        space = _space(path, needed) if error.errno in _FULL else ""
        raise ResourceError(f"{doing} {path}: {reason}{space}") from error


def _space(path: Path, needed: int) -> str:
    wanted = f"{needed / 2**20:,.1f} MiB are needed, " if needed else ""
    try:
        return f"; {wanted}{shutil.disk_usage(_existing(path)).free / 2**20:,.1f} MiB are free"
    except OSError:
        return ""


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


class RunLock:
    """Holds a run directory for one process; the system lets go of it when the process ends.

    Args:
        directory: The run directory, which exists.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / ".lock"
        self._descriptor: int | None = None

    def __enter__(self) -> RunLock:
        """Take the lock.

        Raises:
            BusyError: Another process holds it; it is named.
            ResourceError: The disk refuses it.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with disk_errors(self._path, "can't lock"):
            descriptor = os.open(self._path, flags, 0o644)
            try:
                self._take(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return self

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"{self._path.parent} is in use by another run ({_owner(descriptor)}); "
                "wait for it, or choose another --out"
            ) from None
        mark = {"pid": os.getpid(), "host": socket.gethostname(), "since": utc_now()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(mark).encode(), 0)

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _owner(descriptor: int) -> str:
    try:
        mark = json.loads(os.read(descriptor, 4096))
        return f"pid {int(mark['pid'])} on {mark['host']!s:.64} since {mark['since']!s:.32}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "unknown"


def utc_now() -> str:
    """Return the time as logs have it: ISO 8601 in UTC."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
