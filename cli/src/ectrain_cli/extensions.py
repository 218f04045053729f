"""What installed distributions add to the command line, known by metadata until it is used.

The entry-point group `ectrain.commands` names click commands; each is a word after `ectrain`. The
group `ectrain.doctor` names functions without arguments that return what they found out about this
machine, as (what, state, detail, remedy), for `ectrain doctor`; an empty remedy means all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import click

COMMANDS = "ectrain.commands"
DOCTOR = "ectrain.doctor"
Finding = tuple[str, str, str, str]


def added(group: str = COMMANDS) -> Mapping[str, EntryPoint]:
    """Return the entry points of a group by name; of two with one name the first by value."""
    found = sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value))
    return {entry.name: entry for entry in reversed(found)}


def origin(entry: EntryPoint) -> str:
    """Return the name of the distribution that an entry point belongs to."""
    return entry.dist.name if entry.dist is not None else "an unknown distribution"


def command(entry: EntryPoint) -> click.Command:
    """Import an added command.

    Raises:
        PluginError: If it cannot be imported, or is no command.
    """
    import click

    from ectrain.errors import PluginError

    try:
        found = entry.load()
    except Exception as error:
        text = f"command {entry.name!r} of {origin(entry)} cannot be loaded: {error}"
        raise PluginError(text) from error
    if not isinstance(found, click.Command):
        raise PluginError(f"{entry.value} of {origin(entry)} is not a click command")
    return found


def findings() -> list[Finding]:
    """Return what installed distributions say about this machine; one that fails is a finding."""
    found: list[Finding] = []
    for name, entry in sorted(added(DOCTOR).items()):
        try:
            examine = cast(Callable[[], Iterable[Finding]], entry.load())
            found.extend(examine())
        except Exception as error:
            remedy = f"report it to the authors of {origin(entry)}"
            found.append((name, "unknown", f"the check of {origin(entry)} failed: {error}", remedy))
    return found
