"""The strict tier: bubblewrap, with nothing of the host inside but Elixir and shared libraries."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ectrain.errors import SandboxError
from ectrain_elixir.runner.cgroups import Delegated, delegated
from ectrain_elixir.runner.ends import memory_file, pipe
from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.sandbox import IDLE_MB, Child, Pipes, cpu_ceiling_s, kill_group
from ectrain_elixir.runner.toolchain import Toolchain

REMEDY = (
    "install bubblewrap (apt-get install bubblewrap) and allow unprivileged user namespaces "
    "(sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0)"
)
NOBODY = 65534

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64")
_START_S = 10.0


class Bubblewrap:
    """Start processes in bubblewrap: own namespaces, empty environment, read-only runtime.

    Args:
        groups: Where control groups can be made; by default where this process may. Machines then
            have one each, in addition to limits of each process.
    """

    tier = "strict"

    def __init__(self, groups: Delegated | None = None) -> None:
        found = groups or delegated()
        self._groups = found if isinstance(found, Delegated) else None
        if self._groups is not None:
            self._groups.tidy()
        self._program = _found("bwrap", "bubblewrap")
        self._prlimit = _found("prlimit", "util-linux")

    def check(self) -> None:
        """Run a command that does nothing.

        Raises:
            SandboxError: If this machine does not let bubblewrap work.
        """
        options = [*_isolation(), *_mounts([]), "--chdir", "/"]
        target = "/usr/lib/ectrain-absent"
        try:
            done = subprocess.run(
                [self._program, *options, "--", target],
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_START_S,
                user=_nobody(),
                group=_nobody(),
                extra_groups=None if _nobody() is None else [],
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"bubblewrap does not start ({error}); {REMEDY}") from error
        # A sandbox that was set up gets as far as looking for the program, and does not find it.
        if target not in done.stderr:
            said = " ".join(done.stderr.split())[:300]
            raise SandboxError(f"bubblewrap cannot make a sandbox here ({said}); {REMEDY}")

    @contextlib.contextmanager
    def start(
        self, toolchain: Toolchain, mode: str, limits: Limits, pipes: Pipes
    ) -> Iterator[Child]:
        """Start a worker; see `ectrain_elixir.runner.sandbox.Sandbox`."""
        with contextlib.ExitStack() as stack:
            info_read, info_write = pipe(stack)
            go_read, go_write = pipe(stack)
            group = None if self._groups is None else self._groups.group(limits)
            if group is not None:
                stack.callback(group.remove)
            fds = info_write.fd, go_read.fd
            process = self._spawn(toolchain, mode, limits, pipes, fds)
            stack.callback(_end, process)
            info_write.close()
            inside = _child_pid(info_read.fd)
            info_read.close()
            if group is not None:
                group.add(inside)
            go_write.close()
            pidfd = os.pidfd_open(inside)
            stack.callback(os.close, pidfd)
            yield Child(process=process, inside=inside, kill=lambda: _kill(pidfd, process))

    def _spawn(
        self, toolchain: Toolchain, mode: str, limits: Limits, pipes: Pipes, fds: tuple[int, int]
    ) -> subprocess.Popen[bytes]:
        """Start bubblewrap; it inherits its files, and this process closes them at once.

        It writes the process inside to the first of `fds`, and starts nothing there before the
        other one is closed.
        """
        info, go = fds
        with contextlib.ExitStack() as files:
            given = {memory_file(files, data): name for name, data in toolchain.files.items()}
            options = [
                *_isolation(),
                *_mounts(toolchain.folders),
                *("--ro-bind", self._prlimit, "/harness/prlimit"),
                *("--size", str(limits.disk_mb << 20), "--tmpfs", "/work"),
                *("--chdir", "/work", "--info-fd", str(info), "--block-fd", str(go)),
            ]
            for fd, name in given.items():
                options += ["--perms", "0444", "--ro-bind-data", str(fd), f"/harness/{name}"]
            for name, value in toolchain.environment("/work").items():
                options += ["--setenv", name, value]
            options += ["--remount-ro", "/"]
            arguments = memory_file(files, b"\0".join(os.fsencode(o) for o in options))
            limited = _limited(mode, limits, pipes)
            command = toolchain.command("/harness", mode, pipes.requests, pipes.answers)
            return subprocess.Popen(
                [self._program, "--args", str(arguments), "--", *limited, *command],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=pipes.output,
                stderr=pipes.output,
                pass_fds=(pipes.requests, pipes.answers, info, go, *given, arguments),
                start_new_session=True,
                user=_nobody(),
                group=_nobody(),
                extra_groups=None if _nobody() is None else [],
            )


def _found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SandboxError(f"{program} is not in PATH; install it: apt-get install {package}")
    return path


def _isolation() -> list[str]:
    return [
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--uid", str(NOBODY), "--gid", str(NOBODY)),
        *("--hostname", "sandbox.local", "--new-session", "--die-with-parent", "--as-pid-1"),
        *("--cap-drop", "ALL"),
    ]


def _mounts(folders: Sequence[Path]) -> list[str]:
    """Bind shared libraries and the given folders, and no /proc: it shows memory and commands."""
    options = ["--dev", "/dev", "--remount-ro", "/dev"]
    for name in _LIBRARIES:
        if os.path.islink(name):
            options += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            options += ["--ro-bind", name, name]
    for folder in folders:
        if not any(str(folder.resolve()).startswith(f"{name}/") for name in _LIBRARIES):
            options += ["--ro-bind", str(folder), str(folder)]
    return options


def _nobody() -> int | None:
    """Return whom root becomes, for root is exempt from the limit on processes; else None."""
    return NOBODY if os.geteuid() == 0 else None


def _child_pid(info: int) -> int:
    """Return the process id of the sandbox's first process, as this machine counts."""
    text = b""
    while b"}" not in text:
        ready, _, _ = select.select([info], [], [], _START_S)
        chunk = os.read(info, 4096) if ready else b""
        if not chunk:
            raise OSError("bubblewrap did not start")
        text += chunk
    return int(json.loads(text)["child-pid"])


def _limited(mode: str, limits: Limits, pipes: Pipes) -> list[str]:
    """Return the start of a command that sets limits inside, where only its processes count."""
    return [
        "/harness/prlimit",
        f"--cpu={cpu_ceiling_s(mode, limits)}",
        f"--as={(IDLE_MB + limits.memory_mb) << 20}",
        f"--fsize={limits.disk_mb << 20}",
        f"--nproc={limits.processes}",
        f"--nofile={pipes.open_files}",
        "--core=0",
    ]


def _kill(pidfd: int, process: subprocess.Popen[bytes]) -> None:
    """Kill the sandbox's first process, and with it the namespace; bubblewrap then ends itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        return
    kill_group(process.pid)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        kill_group(process.pid)
        process.wait()
