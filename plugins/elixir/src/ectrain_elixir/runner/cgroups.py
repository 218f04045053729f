"""Limits of memory and processes by control groups (cgroup v2), where this process may make some.

A group bounds what a machine and all that it starts use together, in memory that is really used;
limits of each process (`prlimit`) hold besides, and alone where there are no groups.
"""

import contextlib
import itertools
import os
from pathlib import Path

import attrs

from ectrain_elixir.runner.model import Limits

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
NEEDED = frozenset({"memory", "pids"})
IDLE_MB = 128
"""Memory of an idle virtual machine; `Limits.memory_mb` comes on top."""

_PREFIX = "ectrain-"
_numbers = itertools.count()


@attrs.frozen
class Group:
    """One group, for one machine."""

    path: Path

    def add(self, pid: int) -> None:
        """Put a process into it; its later children are born there.

        Raises:
            OSError: If the system refuses.
        """
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Kill what is left in it, and remove it."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")
        with contextlib.suppress(OSError):
            self.path.rmdir()


@attrs.frozen
class Delegated:
    """A folder of groups in which this process may make others."""

    path: Path

    def group(self, limits: Limits) -> Group:
        """Make a group with limits.

        Raises:
            OSError: If the system refuses.
        """
        path = self.path / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        path.mkdir()
        group = Group(path)
        try:
            (path / "memory.max").write_text(str((IDLE_MB + limits.memory_mb) << 20))
            (path / "pids.max").write_text(str(limits.processes))
            (path / "memory.oom.group").write_text("1")
            if (path / "memory.swap.max").exists():
                (path / "memory.swap.max").write_text("0")
        except OSError:
            group.remove()
            raise
        return group

    def tidy(self) -> None:
        """Remove groups that processes left which were killed themselves."""
        for path in self.path.glob(f"{_PREFIX}*"):
            pid = path.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdigit() and not Path("/proc", pid).exists():
                Group(path).remove()


def delegated(root: Path = ROOT, own: Path = OWN) -> Delegated | str:
    """Return where groups can be made, or the reason why nowhere.

    It is the nearest group around this process that hands memory and processes down to groups below
    it, and that this process may write to: a process can only be moved between groups below one
    that it may write to.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return "this system has no control groups"
    paths = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    if not paths or not (root / "cgroup.controllers").is_file():
        return f"{root} is not a tree of version 2 (cgroup2)"
    here = root / paths[0]
    for folder in (here, *here.parents):
        if folder == root.parent:
            break
        if _hands_down(folder) and _writable(folder):
            return Delegated(folder)
    return (
        f"no group around {here} hands down memory and pids and is writable for this user; under "
        "systemd: systemd-run --user --scope -p Delegate=yes COMMAND"
    )


def _hands_down(folder: Path) -> bool:
    try:
        found = (folder / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return NEEDED.issubset(found)


def _writable(folder: Path) -> bool:
    return all(os.access(path, os.W_OK) for path in (folder, folder / "cgroup.procs"))
