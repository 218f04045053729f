"""Find Elixir, and compile the engine's Elixir side once for each version of both."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

import attrs

from ectrain.errors import SandboxError
from ectrain.user_cache import cache_folder

REMEDY = "install Debian's elixir package: apt-get install elixir"
_START_S = 60
_BUILD = "build.exs"
_FILES = ("Elixir.EctrainBoot.beam", "engine.boot", "modules", "owned", "warm")
# Passes of Erlang's compiler that cost more than they gain for small programs: a quarter of it.
_QUICK = (
    "[no_copt,no_bool_opt,no_ssa_opt,no_share_opt,no_bsm_opt,no_recv_opt,no_type_opt,no_fun_opt,"
    "no_jopt,no_postopt,no_stack_trimming]"
)


@attrs.frozen
class Toolchain:
    """An Elixir installation that starts.

    Args:
        version: Elixir's version.
        root: Erlang's root folder.
        erts: The version of Erlang's runtime.
        ebins: The folders of compiled modules, Erlang's own and Elixir's.
        files: What a machine starts from, by file name; `beam/build.exs` made them.
    """

    version: str
    root: Path
    erts: str
    ebins: tuple[Path, ...]
    files: Mapping[str, bytes] = attrs.field(repr=False)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder the virtual machine reads, apart from shared libraries."""
        return (self.root, *self.ebins)

    def command(self, harness_folder: str, mode: str, requests: int, answers: int) -> list[str]:
        """Return the command that starts a worker, without the shell scripts around Erlang.

        Args:
            harness_folder: Where `files` lie.
            mode: "strict" or "warm".
            requests: File descriptor that requests come from.
            answers: File descriptor that answers go to.
        """
        ebins = [str(ebin) for ebin in self.ebins]
        flags = (
            "+S 1:1 +SDcpu 1:1 +SDio 1 +A 1 +sbwt none +t 200000 +P 32768 +Q 1024 +MIscs 64 +fnu"
        )
        return [
            str(self.root / f"erts-{self.erts}" / "bin" / "erlexec"),
            *flags.split(),
            *("-noinput", "-boot", f"{harness_folder}/engine", "-pa", *ebins),
            *("-boot_var", "HARNESS", harness_folder, "-s", "Elixir.EctrainCollector", "main"),
            *("-extra", mode, str(requests), str(answers), harness_folder),
        ]

    def environment(self, home: str) -> dict[str, str]:
        """Return the whole environment of the virtual machine."""
        return {
            "ERL_COMPILER_OPTIONS": _QUICK,
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

    Its modules are compiled once and kept in the user's cache folder.

    Raises:
        SandboxError: If there is none, or it does not start.
    """
    elixir = shutil.which("elixir", path=path)
    if elixir is None:
        raise SandboxError(f"elixir is not in PATH; {REMEDY}")
    sources = _sources()
    kept = cache_folder("elixir", _key(elixir, sources))
    return _read(kept) or _compile(elixir, path, sources, kept)


def _sources() -> dict[str, str]:
    """Return the engine's Elixir files, and the script that builds them."""
    folder = resources.files(__package__) / "beam"
    files = [file for file in folder.iterdir() if file.name.endswith((".ex", ".exs"))]
    return {file.name: file.read_text() for file in sorted(files, key=lambda file: file.name)}


def _key(elixir: str, sources: Mapping[str, str]) -> str:
    """Return a name for a compilation: another one after an update of Elixir or of the engine."""
    real = os.path.realpath(elixir)
    state = os.stat(real)
    text = json.dumps([real, state.st_mtime_ns, state.st_size, sources])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(folder: Path) -> Toolchain | None:
    """Return what an earlier process compiled, unless it no longer fits what is installed."""
    try:
        facts = json.loads((folder / "toolchain.json").read_text())
        found = Toolchain(
            version=facts["version"],
            root=Path(facts["root"]),
            erts=facts["erts"],
            ebins=tuple(Path(ebin) for ebin in facts["ebins"]),
            files={name: (folder / name).read_bytes() for name in facts["files"]},
        )
        fits = facts["stamps"] == _stamps(found.ebins)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    launcher = found.root / f"erts-{found.erts}" / "bin" / "erlexec"
    return found if fits and launcher.exists() else None


def _stamps(ebins: Iterable[Path]) -> list[int]:
    """Return what changes when a package is updated: a compilation holds code of the old one."""
    return [ebin.stat().st_mtime_ns for ebin in ebins]


def _compile(elixir: str, path: str | None, sources: Mapping[str, str], kept: Path) -> Toolchain:
    environment = {
        "PATH": path or os.environ.get("PATH", ""),
        "LC_ALL": "C.UTF-8",
        "ERL_COMPILER_OPTIONS": _QUICK,
    }
    with tempfile.TemporaryDirectory(prefix="ectrain-elixir-") as home:
        out = Path(home, "out")
        out.mkdir()
        for name, text in sources.items():
            Path(home, name).write_text(text)
        modules = [str(Path(home, name)) for name in sources if name != _BUILD]
        try:
            done = subprocess.run(
                [elixir, str(Path(home, _BUILD)), str(out), *modules],
                env=environment | {"HOME": home},
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_START_S,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SandboxError(f"{elixir} does not start ({error}); {REMEDY}") from error
        _, found, said = done.stdout.rpartition("found\n")
        lines = said.split()
        if done.returncode != 0 or not found or len(lines) < 4:
            text = " ".join((done.stderr or done.stdout).split())[:300]
            raise SandboxError(f"{elixir} does not start ({text or 'it says nothing'}); {REMEDY}")
        toolchain = Toolchain(
            version=lines[0],
            root=Path(lines[1]),
            erts=lines[2],
            ebins=tuple(Path(line) for line in lines[3:]),
            files={name: (out / name).read_bytes() for name in _FILES},
        )
    _keep(toolchain, kept)
    return toolchain


def _keep(toolchain: Toolchain, folder: Path) -> None:
    """Write a compilation for later processes; without a place to write, each compiles anew."""
    facts = {
        "version": toolchain.version,
        "root": str(toolchain.root),
        "erts": toolchain.erts,
        "ebins": [str(ebin) for ebin in toolchain.ebins],
        "stamps": _stamps(toolchain.ebins),
        "files": list(toolchain.files),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = Path(tempfile.mkdtemp(dir=folder.parent, prefix="half-"))
    except OSError:
        return
    try:
        for name, data in toolchain.files.items():
            (half / name).write_bytes(data)
        (half / "toolchain.json").write_text(json.dumps(facts))
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
    except OSError:  # another process was first, or the disk is full
        shutil.rmtree(half, ignore_errors=True)
