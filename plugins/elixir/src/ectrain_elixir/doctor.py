"""What `ectrain doctor` says about Elixir and the sandbox of this machine."""

from ectrain_elixir.runner import availability
from ectrain_elixir.runner.bubblewrap import REMEDY
from ectrain_elixir.runner.cgroups import Delegated, delegated


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
    """Say what bounds memory and processes: limits of processes, and a group for each machine."""
    found = delegated()
    detail = "limits of address space, CPU, files and processes hold for each machine"
    if isinstance(found, Delegated):
        detail += f"; control groups below {found.path} bound memory.max and pids.max"
    else:
        detail += f"; control groups are not used: {found}"
    return ("sandbox limits", "ok", detail, "")
