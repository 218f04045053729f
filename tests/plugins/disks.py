"""Disks that fail, and disks that are remembered so that any moment of theirs can be had again."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from ectrain.storage import Storage

Tree = dict[str, bytes | None]  # by path below a root; None is a directory

WRITES = ("mkdir", "open", "write", "append", "fsync", "rename")


class Faulty(Storage):
    """Fails at the n-th operation.

    Args:
        first: Which operation fails, from 1; 0 for none.
        number: The error's number.
        lasting: Every later operation that writes fails as well, as on a full disk.
    """

    def __init__(self, first: int, number: int = errno.ENOSPC, lasting: bool = False) -> None:
        self.done = 0
        self.failed = ""
        self._first, self._number, self._lasting = first, number, lasting

    def before(self, operation: str, path: Path) -> None:
        """Count the operation, and fail where it is due."""
        self.done += 1
        again = self._lasting and 0 < self._first < self.done and operation in WRITES
        if self.done == self._first or again:
            self.failed = self.failed or operation
            raise OSError(self._number, os.strerror(self._number), str(path))


@attrs.frozen
class Operation:
    """What a storage did: its kind and path, what was written or what was renamed."""

    kind: str
    path: str
    data: bytes = b""
    source: str = ""


class Recorder(Storage):
    """Remembers every operation that changes a disk.

    Args:
        root: What paths are relative to.
    """

    def __init__(self, root: Path) -> None:
        self.operations: list[Operation] = []
        self._root = root
        self._data = b""
        self._source = ""

    def write(self, path: Path, data: bytes) -> None:
        """Remember what is written."""
        self._data = data
        super().write(path, data)

    def rename(self, old: Path, new: Path) -> None:
        """Remember what is renamed."""
        self._source = self._named(old)
        super().rename(old, new)

    def before(self, operation: str, path: Path) -> None:
        """Remember the operation."""
        kind = "sync" if operation == "fsync" and path.is_dir() else operation
        done = Operation(kind, self._named(path))
        if kind == "write":
            done = attrs.evolve(done, data=self._data)
        if kind == "rename":
            done = attrs.evolve(done, source=self._source)
        self.operations.append(done)

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._root))


@attrs.define
class _Disk:
    """Names of a file system, and what the files that they name hold."""

    names: dict[str, int | None] = attrs.field(factory=dict)
    files: list[bytes] = attrs.field(factory=list)
    synced: set[int] = attrs.field(factory=set)

    def apply(self, done: Operation) -> None:
        """Do an operation."""
        below = [n for n in self.names if n == done.path or n.startswith(f"{done.path}/")]
        if done.kind == "mkdir":
            self.names[done.path] = None
        elif done.kind == "open":
            self.names[done.path] = len(self.files)
            self.files.append(b"")
        elif done.kind == "write":
            self.files[self._number(done.path)] += done.data
        elif done.kind == "fsync":
            self.synced.add(self._number(done.path))
        elif done.kind == "remove":
            for name in below:
                del self.names[name]
        elif done.kind == "rename":
            moved = [n for n in self.names if f"{n}/".startswith(f"{done.source}/")]
            for name in moved:
                self.names[done.path + name.removeprefix(done.source)] = self.names.pop(name)

    def _number(self, path: str) -> int:
        number = self.names[path]
        assert number is not None
        return number


def moments(base: Tree, operations: list[Operation]) -> Iterator[tuple[int, Tree]]:
    """Yield every disk that a kill or a power cut can leave, with the operations done by then.

    A kill leaves what was done, a write or removal perhaps half. A power cut, moreover, undoes
    names back to any point since a directory was last synced (names reach the disk in order, as a
    journal has them), and of data that was not synced it leaves all, half, none or zeros.
    """
    disks = [_disk_after(base, operations[:done]) for done in range(len(operations) + 1)]
    durable = 0
    for done, disk in enumerate(disks):
        if done < len(operations) and operations[done].kind == "remove":
            yield from ((done, tree) for tree in _half_removed(disk, operations[done].path))
        if done and operations[done - 1].kind == "sync":
            durable = done
        for named in range(durable, done + 1):
            names = disks[named].names
            for cut in (lambda x: x, lambda x: x[: len(x) // 2], lambda x: b"", _zeros):
                yield (
                    done,
                    {
                        name: None
                        if number is None
                        else disk.files[number]
                        if number in disk.synced
                        else cut(disk.files[number])
                        for name, number in names.items()
                    },
                )


def _half_removed(disk: _Disk, path: str) -> Iterator[Tree]:
    """Yield disks on which some of the files below a path are gone."""
    whole = {name: None if n is None else disk.files[n] for name, n in disk.names.items()}
    below = [name for name, content in whole.items() if content and name.startswith(f"{path}/")]
    for cut in range(1, len(below) + 1):
        for gone in (below[:cut], below[-cut:]):
            yield {name: content for name, content in whole.items() if name not in gone}


def _zeros(data: bytes) -> bytes:
    return bytes(len(data))


def _disk_after(base: Tree, operations: list[Operation]) -> _Disk:
    disk = _Disk()
    for name, content in base.items():
        if content is None:
            disk.names[name] = None
            continue
        disk.names[name] = len(disk.files)
        disk.files.append(content)
    disk.synced = set(range(len(disk.files)))
    for done in operations:
        disk.apply(done)
    return disk


def tree_of(root: Path) -> Tree:
    """Return all that lies below a folder."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }


def plant(root: Path, tree: Mapping[str, bytes | None]) -> Path:
    """Write a tree into a folder that is made for it."""
    root.mkdir()
    for name, content in sorted(tree.items()):
        path = root / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
    return root
