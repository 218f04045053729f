"""The limited tier: resource limits and an empty environment. Not a security boundary."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.sandbox import IDLE_MB, Child, Pipes, cpu_ceiling_s, kill_group
from ectrain_elixir.runner.toolchain import Toolchain

# Limits must hold before Elixir starts, and `preexec_fn` is not safe beside other threads.
_LAUNCH = """
import json, os, resource, sys
for what, value in json.loads(sys.argv[1]):
    resource.setrlimit(what, (value, value))
os.execve(sys.argv[3], sys.argv[3:], json.loads(sys.argv[2]))
"""


class Bare:
    """Start processes in their own group and temporary folder, and in nothing else.

    The program can read the user's files and use the network: for trusted programs, and for
    machines without bubblewrap.
    """

    tier = "limited"

    @contextlib.contextmanager
    def start(
        self, toolchain: Toolchain, mode: str, limits: Limits, pipes: Pipes
    ) -> Iterator[Child]:
        """Start a worker; see `ectrain_elixir.runner.sandbox.Sandbox`."""
        with tempfile.TemporaryDirectory(
            prefix="ectrain-run-", ignore_cleanup_errors=True
        ) as folder:
            harness, work = Path(folder, "harness"), Path(folder, "work")
            harness.mkdir()
            work.mkdir()
            for name, data in toolchain.files.items():
                (harness / name).write_bytes(data)
            environment = json.dumps(toolchain.environment(str(work)))
            process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", _LAUNCH),
                    *(json.dumps(_resources(mode, limits, pipes)), environment),
                    *toolchain.command(str(harness), mode, pipes.requests, pipes.answers),
                ],
                cwd=work,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=pipes.output,
                stderr=pipes.output,
                pass_fds=(pipes.requests, pipes.answers),
                start_new_session=True,
            )
            try:
                pid = process.pid
                yield Child(process=process, inside=pid, kill=lambda: kill_group(pid))
            finally:
                kill_group(process.pid)
                if process.returncode is None:
                    process.wait()


def _resources(mode: str, limits: Limits, pipes: Pipes) -> list[tuple[int, int]]:
    wanted = [
        (resource.RLIMIT_CPU, cpu_ceiling_s(mode, limits)),
        (resource.RLIMIT_FSIZE, limits.disk_mb << 20),
        (resource.RLIMIT_NOFILE, pipes.open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    if os.uname().sysname == "Linux":
        wanted.append((resource.RLIMIT_AS, (IDLE_MB + limits.memory_mb) << 20))
    return wanted
