"""Laws of control groups, on a tree of plain files: where they can be made, and what is written."""

import os
import subprocess
from pathlib import Path

import pytest

from ectrain_elixir.doctor import examine
from ectrain_elixir.runner import Limits, PooledRunner, Program, Status, availability
from ectrain_elixir.runner.bubblewrap import Bubblewrap
from ectrain_elixir.runner.cgroups import IDLE_MB, Delegated, Group, delegated
from ectrain_elixir.runner.toolchain import find_toolchain

USER = "user.slice/app.slice"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree of version 2, in which `USER` hands memory and processes down."""
    root = tmp_path / "cgroup"
    for path, below in (("", "cpu memory pids"), ("user.slice", "memory"), (USER, "memory pids")):
        folder = root / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(below)
        (folder / "cgroup.procs").write_text("")
    (root / "cgroup.procs").chmod(0o444)
    (root / "cgroup.controllers").write_text("cpu memory pids")
    (root / USER / "shell.scope").mkdir()
    return root


def own(tree: Path, path: str) -> Path:
    """Return a file that says in which group this process is."""
    file = tree.parent / "own"
    file.write_text(f"4:memory:/elsewhere\n0::/{path}\n")
    return file


def test_the_nearest_group_that_hands_down_both_is_used(tree: Path) -> None:
    """A leaf hands nothing down, and its parent may not hand down enough."""
    found = delegated(tree, own(tree, f"{USER}/shell.scope"))
    assert found == Delegated(tree / USER)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_what_may_not_be_written_is_not_used(tree: Path) -> None:
    """The root's group hands everything down, and belongs to somebody else."""
    assert isinstance(delegated(tree, own(tree, "user.slice")), str)


def test_what_cannot_be_used_is_said_with_the_reason(tree: Path) -> None:
    """Without version 2, without a tree, or without delegation there is a sentence."""
    assert "no control groups" in str(delegated(tree, tree / "absent"))
    older = tree.parent / "older"
    older.write_text("4:memory:/elsewhere\n")
    assert "version 2" in str(delegated(tree, older))
    (tree / USER / "cgroup.subtree_control").write_text("memory")
    (tree / "cgroup.subtree_control").write_text("cpu")
    assert "systemd-run" in str(delegated(tree, own(tree, f"{USER}/shell.scope")))


def test_a_group_has_the_limits_of_its_machine(tree: Path) -> None:
    """Memory beyond an idle machine's, processes, and death of all together."""
    parent = Delegated(tree / USER)
    first, second = (parent.group(Limits(memory_mb=64, processes=40)) for _ in range(2))
    assert first.path != second.path
    assert (first.path / "memory.max").read_text() == str((IDLE_MB + 64) << 20)
    assert (first.path / "pids.max").read_text() == "40"
    assert (first.path / "memory.oom.group").read_text() == "1"
    first.add(123)
    assert (first.path / "cgroup.procs").read_text() == "123"
    first.remove()
    assert (first.path / "cgroup.kill").read_text() == "1"


def test_groups_of_dead_processes_are_tidied_up(tree: Path) -> None:
    """What a killed process left is removed; what a living one has is not."""
    parent = tree / USER
    dead, alive = parent / "ectrain-4194999-0", parent / f"ectrain-{os.getpid()}-0"
    dead.mkdir()
    alive.mkdir()
    Delegated(parent).tidy()
    assert (dead / "cgroup.kill").exists()  # a real group's files vanish with it
    assert not (alive / "cgroup.kill").exists()


def test_the_doctor_says_whether_groups_are_used() -> None:
    """Where programs run, the line about limits names control groups, used or not and why."""
    limits = [detail for what, _, detail, _ in examine() if what == "sandbox limits"]
    assert all("control groups" in detail for detail in limits)


def test_a_real_group_takes_a_process_and_ends_it() -> None:
    """The kernel moves a process into a group, and kills and removes the group with it."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    trees = [Path(place) for _, place, kind, *_ in lines if kind == "cgroup2"]
    if not trees or not os.access(trees[0] / "cgroup.procs", os.W_OK):
        pytest.skip("no tree of control groups (version 2) that this user may write to")
    path = trees[0] / f"ectrain-{os.getpid()}-test"
    path.mkdir()
    process = subprocess.Popen(["sleep", "60"])
    try:
        Group(path).add(process.pid)
        assert (path / "cgroup.procs").read_text().split() == [str(process.pid)]
        if not (path / "cgroup.kill").exists():
            pytest.skip("this kernel cannot kill a group at once (before Linux 5.14)")
        (path / "cgroup.kill").write_text("1")
        assert process.wait(timeout=10) == -9
        Group(path).remove()
        assert not path.exists()
    finally:
        process.kill()
        process.wait()
        if path.exists():
            path.rmdir()


@pytest.mark.requires_elixir
def test_a_delegated_group_bounds_a_machine() -> None:
    """A machine in a real group runs, ends for memory, and its group is gone afterwards."""
    found = delegated()
    if not isinstance(found, Delegated):
        pytest.skip(found)
    if availability().why:
        pytest.skip(availability().why)
    code = "defmodule M do\ndef f, do: byte_size(:binary.copy(<<1>>, 900_000_000))\nend"
    tests = 'defmodule T do\nuse ExUnit.Case\ntest "x", do: assert M.f() > 0\nend'
    runner = PooledRunner(find_toolchain(), Bubblewrap(found), "strict", spares=0)
    limits = Limits(memory_mb=512)
    assert runner.run(Program(code, tests, ("x",)), limits).status is Status.MEMORY
    runner.close()
    assert not list(found.path.glob(f"ectrain-{os.getpid()}-*"))
