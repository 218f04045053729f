"""What `ectrain doctor` says about Elixir and the sandbox of this machine."""

import os
from pathlib import Path

from ectrain_elixir.runner import availability
from ectrain_elixir.runner.bubblewrap import REMEDY


def examine() -> list[tuple[str, str, str, str]]:
    """Return findings: whether Elixir runs, in which sandbox tier, and what limits hold in it."""
    found = availability()
    if found.elixir is None:
        missing = "programs are not executed; figures that need it say so"
        return [("elixir", "missing", f"{found.why}; {missing}", found.remedy)]
    elixir = ("elixir", "ok", found.elixir, "")
    if found.tier is None:
        detail = f"{found.why}; the limited tier, no security boundary, must be asked for by name"
        return [elixir, ("sandbox", "missing", detail, REMEDY)]
    return [elixir, ("sandbox", "ok", "strict: bubblewrap, own namespaces", ""), _memory()]


def _memory() -> tuple[str, str, str, str]:
    """Say what bounds memory and processes: limits of each process, or a cgroup for all."""
    delegated = any(os.access(path, os.W_OK) for path in _own_cgroups())
    detail = "limits of address space, CPU, files and processes hold for each machine"
    if delegated:
        detail += "; a cgroup could be used here and is not yet"
    return ("sandbox limits", "ok", detail, "")


def _own_cgroups() -> list[Path]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    unified = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    return [Path("/sys/fs/cgroup", path) for path in unified]
