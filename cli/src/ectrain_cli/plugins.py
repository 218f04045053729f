"""`ectrain plugins`: what is installed, and whether it can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ectrain_cli import options
from ectrain_cli.terminal import columns, say, show, show_json

if TYPE_CHECKING:
    from ectrain.plugins import Offer


@click.group(no_args_is_help=True)
def plugins() -> None:
    """Look at installed plugins."""


@plugins.command("list")
@options.as_json
@options.debug
def list_plugins(as_json: bool) -> None:
    """List each task with its distribution, version and state; each plugin is loaded to see."""
    from ectrain.plugins import installed

    offers = sorted(installed().values(), key=lambda offer: offer.name)
    found = [(o.name, o.distribution, o.version, _state(o)) for o in offers]
    if as_json:
        keys = ("name", "distribution", "version", "state")
        rows = [dict(zip(keys, row, strict=True)) for row in found]
        show_json("plugins list", {"plugins": rows})
        return
    for line in columns(found):
        show(line)
    if not found:
        say("no plugin is installed")


def _state(offer: Offer) -> str:
    if offer.duplicate_of:
        return f"refused: also offered by {', '.join(offer.duplicate_of)}"
    from ectrain.errors import EctrainError
    from ectrain.plugins import load_tasks

    try:
        load_tasks([offer.name])
    except EctrainError as error:
        return f"broken: {error}"
    return "ok"
