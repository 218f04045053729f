"""What installed distributions add to the command line, known by metadata until it is used.

The entry-point group `ectrain.commands` names click commands; each is a word after `ectrain`. The
group `ectrain.doctor` names functions without arguments that return what they found out about this
machine, as (what, state, detail, remedy), for `ectrain doctor`; an empty remedy means all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from ectrain.errors import EctrainError, PluginError
from ectrain.offers import Offer, harmless, installed, said

if TYPE_CHECKING:
    import click

COMMANDS = "ectrain.commands"
DOCTOR = "ectrain.doctor"
Finding = tuple[str, str, str, str]


def added() -> dict[str, Offer]:
    """Return the commands that installed distributions add, by name; none is imported."""
    return installed(COMMANDS)


def command(offer: Offer) -> click.Command:
    """Import an added command.

    Raises:
        PluginError: If it cannot be imported, or is no command.
    """
    import click

    with harmless(offer):
        found = offer.load()
        if not isinstance(found, click.Command):
            raise PluginError(f"plugin {offer}: {offer.value} is not a click command")
    return found


def findings() -> list[Finding]:
    """Return what installed distributions say about this machine; one that fails is a finding."""
    found: list[Finding] = []
    for name, offer in installed(DOCTOR).items():
        try:
            with harmless(offer):
                examine = cast(Callable[[], Iterable[Finding]], offer.load())
            found.extend(examine())
        except Exception as error:
            why = str(error) if isinstance(error, EctrainError) else said(error)
            remedy = f"report it to the authors of {offer.distribution}"
            found.append((name, "unknown", f"the check of {offer} failed: {why}", remedy))
    return found
