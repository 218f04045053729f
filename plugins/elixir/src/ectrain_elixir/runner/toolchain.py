"""Find Elixir, and compile the harness once for all runs of this process."""

import base64
import functools
import os
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

import attrs

from ectrain.errors import SandboxError

REMEDY = "install Debian's elixir package: apt-get install elixir"
_START_S = 60
_PROBE = """
[{_, beam}] = Code.compile_file(hd(System.argv()))
erts = :erlang.system_info(:version)
ebins = for app <- [:elixir, :ex_unit, :eex, :logger], do: :code.lib_dir(app, :ebin)
IO.puts(Enum.join([System.version(), :code.root_dir(), erts, Base.encode64(beam) | ebins], "\\n"))
"""


@attrs.frozen
class Toolchain:
    """An Elixir installation that starts.

    Args:
        version: Elixir's version.
        root: Erlang's root folder.
        erts: The version of Erlang's runtime.
        ebins: The folders of Elixir's compiled modules.
        harness: The compiled harness.
    """

    version: str
    root: Path
    erts: str
    ebins: tuple[Path, ...]
    harness: bytes = attrs.field(repr=False)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder the virtual machine reads, apart from shared libraries."""
        return (self.root, *self.ebins)

    def command(self, harness_folder: str) -> list[str]:
        """Return the command that starts the harness, without the shell scripts around Erlang."""
        ebins = [str(ebin) for ebin in self.ebins]
        flags = "+S 1:1 +SDcpu 1:1 +SDio 1 +A 1 +sbwt none +t 200000 +P 32768 +MIscs 64 +fnu"
        return [
            str(self.root / f"erts-{self.erts}" / "bin" / "erlexec"),
            *flags.split(),
            *("-noinput", "-boot", "no_dot_erlang", "-pa", *ebins, harness_folder),
            *("-s", "Elixir.EctrainHarness", "main"),
        ]

    def environment(self, home: str) -> dict[str, str]:
        """Return the whole environment of the virtual machine."""
        return {
            "BINDIR": str(self.root / f"erts-{self.erts}" / "bin"),
            "ROOTDIR": str(self.root),
            "EMU": "beam",
            "PROGNAME": "erl",
            "HOME": home,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "ERL_CRASH_DUMP_BYTES": "0",
        }


@functools.cache
def find_toolchain(path: str | None = None) -> Toolchain:
    """Return the installation whose `elixir` comes first in a PATH, by default this process's.

    Raises:
        SandboxError: If there is none, or it does not start.
    """
    elixir = shutil.which("elixir", path=path)
    if elixir is None:
        raise SandboxError(f"elixir is not in PATH; {REMEDY}")
    environment = {"PATH": path or os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    with (
        resources.as_file(resources.files(__package__) / "harness.exs") as harness,
        tempfile.TemporaryDirectory(prefix="ectrain-elixir-") as home,
    ):
        try:
            done = subprocess.run(
                [elixir, "-e", _PROBE, str(harness)],
                env=environment | {"HOME": home},
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_START_S,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"{elixir} does not start ({error}); {REMEDY}") from error
    lines = done.stdout.split()
    if done.returncode != 0 or len(lines) < 5:
        said = " ".join((done.stderr or done.stdout).split())[:300]
        raise SandboxError(f"{elixir} does not start ({said or 'it says nothing'}); {REMEDY}")
    return Toolchain(
        version=lines[0],
        root=Path(lines[1]),
        erts=lines[2],
        harness=base64.b64decode(lines[3]),
        ebins=tuple(Path(line) for line in lines[4:]),
    )
