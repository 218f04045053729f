"""Run a Mix task in somebody's project, with a time limit; say how to install what is missing."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

from ectrain.errors import SandboxError

_INSTALL = {
    "credo": 'add {:credo, "~> 1.7", only: [:dev, :test], runtime: false} to deps in mix.exs',
    "sobelow": 'add {:sobelow, "~> 0.13", only: [:dev, :test], runtime: false} to deps in mix.exs',
    "muzak": 'add {:muzak, "~> 1.1", only: :test} to deps in mix.exs',
    "test": "write tests in the folder test of the project",
}
_ENVIRONMENT = {"credo": "dev", "sobelow": "dev", "muzak": "test", "test": "test"}
_ARGUMENTS = {
    "credo": ("--format", "json", "--strict", "--mute-exit-status"),
    "sobelow": ("--format", "json", "--private", "--strict"),
    "test": ("--cover",),
    "muzak": (),
}
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "MIX_HOME", "HEX_HOME", "MIX_ARCHIVES")
_VERSION = re.compile(r'"(?P<name>\w+)": \{:hex, :\w+, "(?P<version>[^"]+)"')


@attrs.frozen
class Tool:
    """A tool in a project.

    Args:
        name: "credo", "sobelow", "muzak" or "test".
        version: As the project's `mix.lock` has it; Elixir's own tools have none.
    """

    name: str
    version: str | None


@attrs.frozen
class ToolRun:
    """What a tool left.

    Args:
        tool: Which, and its version.
        output: What it printed, errors included.
        status: Its exit status; what that means differs from tool to tool.
    """

    tool: Tool
    output: str
    status: int


def find_tool(name: str, project: Path) -> Tool:
    """Return a tool that a project has.

    Raises:
        SandboxError: If it has not, or Mix is missing; with the way to install it.
        ValueError: If this is no tool that is known here.
    """
    if name not in _INSTALL:
        raise ValueError(f"there is no tool {name!r}; there are: {', '.join(_INSTALL)}")
    if shutil.which("mix") is None:
        raise SandboxError("mix is not in PATH; install Elixir: apt-get install elixir")
    if not (project / "mix.exs").is_file():
        raise SandboxError(f"{project} is no Mix project: it has no mix.exs")
    if name == "test":
        return Tool(name, None)
    lock = project / "mix.lock"
    text = lock.read_text(errors="replace") if lock.is_file() else ""
    versions = {found["name"]: found["version"] for found in _VERSION.finditer(text)}
    present = (project / "deps" / name).is_dir() or f":{name}," in _text(project / "mix.exs")
    if name not in versions and not present:
        hint = f"{_INSTALL[name]}, then run mix deps.get"
        raise SandboxError(f"{name} is not installed in {project}; {hint}")
    return Tool(name, versions.get(name))


def run_tool(
    name: str,
    project: Path,
    arguments: Sequence[str] | None = None,
    time_limit_s: float = 600,
) -> ToolRun:
    """Run a tool in a project, which is executed by that.

    Args:
        name: "credo", "sobelow", "muzak" or "test".
        project: The folder with `mix.exs`.
        arguments: Behind the task's name; by default those whose output the readers read.
        time_limit_s: Seconds after which it is ended, with all that it started.

    Raises:
        SandboxError: If it is missing, does not start, or takes too long.
    """
    tool = find_tool(name, project)
    given = _ARGUMENTS[name] if arguments is None else tuple(arguments)
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    with tempfile.TemporaryDirectory(prefix="ectrain-tool-") as folder:
        environment |= {"MIX_ENV": _ENVIRONMENT[name], "SOBELOW_HOME": folder}
        process = subprocess.Popen(
            ["mix", name, *given],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=time_limit_s)
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"mix {name} took more than {time_limit_s:g} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):  # what it left running, too
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return ToolRun(tool, output.decode("utf-8", "replace"), process.returncode)


def _text(path: Path) -> str:
    return path.read_text(errors="replace")
