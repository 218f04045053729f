"""The limited tier: resource limits and an empty environment. Not a security boundary."""

import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ectrain_elixir.runner.model import Limits
from ectrain_elixir.runner.process import Child, Pipes, kill_group
from ectrain_elixir.runner.toolchain import Toolchain

IDLE_MB = 600
"""Address space of an idle virtual machine; `memory_mb` comes on top."""

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
    def start(self, toolchain: Toolchain, limits: Limits, pipes: Pipes) -> Iterator[Child]:
        """Start the harness; see `ectrain_elixir.runner.process.Sandbox`."""
        with tempfile.TemporaryDirectory(
            prefix="ectrain-run-", ignore_cleanup_errors=True
        ) as folder:
            harness, work = Path(folder, "harness"), Path(folder, "work")
            harness.mkdir()
            work.mkdir()
            (harness / "Elixir.EctrainHarness.beam").write_bytes(toolchain.harness)
            environment = json.dumps(toolchain.environment(str(work)))
            process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", _LAUNCH),
                    *(json.dumps(_resources(limits)), environment),
                    *toolchain.command(str(harness)),
                ],
                cwd=work,
                env={},
                stdin=pipes.input,
                stdout=pipes.output,
                stderr=pipes.output,
                pass_fds=(pipes.record,),
                start_new_session=True,
            )
            try:
                yield Child(process=process, kill=lambda: kill_group(process.pid))
            finally:
                kill_group(process.pid)
                if process.returncode is None:
                    process.wait()


def _resources(limits: Limits) -> list[tuple[int, int]]:
    wanted = [
        (resource.RLIMIT_CPU, math.ceil(limits.cpu_s)),
        (resource.RLIMIT_FSIZE, limits.disk_mb << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ]
    if os.uname().sysname == "Linux":
        wanted.append((resource.RLIMIT_AS, (IDLE_MB + limits.memory_mb) << 20))
    return wanted
