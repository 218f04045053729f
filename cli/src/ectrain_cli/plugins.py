"""`ectrain plugins`: what is installed, what it is, whether it is sound, and a start for more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.plugin_check import check
from ectrain_cli.plugin_info import info
from ectrain_cli.plugin_new import new
from ectrain_cli.terminal import columns, say, show, show_json

if TYPE_CHECKING:
    from ectrain.offers import Offer


@click.group(no_args_is_help=True)
def plugins() -> None:
    """Look at installed plugins, check one, or start a new one."""


plugins.add_command(info)
plugins.add_command(check)
plugins.add_command(new)


@plugins.command("list")
@click.option("--load", is_flag=True, help="Load each plugin, and say why one can't be used.")
@options.as_json
@options.debug
def list_plugins(load: bool, as_json: bool) -> None:
    """List every plugin by kind: distribution, version, state, where it is installed.

    All of it comes from metadata: no plugin is imported, unless --load asks for it.
    """
    from ectrain.balancer import BALANCERS
    from ectrain.hookspecs import OBSERVERS
    from ectrain.offers import CURRICULA, OPTIMIZERS, SANDBOXES, TASKS, installed

    kinds = {
        "task": TASKS,
        "observer": OBSERVERS,
        "balancer": BALANCERS,
        "optimizer": OPTIMIZERS,
        "curriculum": CURRICULA,
        "sandbox": SANDBOXES,
    }
    found = [
        _row(offer, kind, load)
        for kind, group in kinds.items()
        for offer in sorted(installed(group).values(), key=lambda offer: offer.name)
    ]
    if as_json:
        show_json("plugins list", {"plugins": found})
        return
    shown = ("name", "kind", "distribution", "version", "state", "origin")
    for line in columns([str(row[key]) for key in shown] for row in found):
        show(line)
    _point_on(found, load)


def _point_on(found: Iterable[dict[str, Any]], loaded: bool) -> None:
    names = [row["name"] for row in found]
    if not names:
        say("no plugin is installed; `ectrain plugins new NAME` starts one")
    elif not loaded:
        say("--load tries whether each can be loaded; `ectrain plugins info NAME` says more")


def _row(offer: Offer, kind: str, load: bool) -> dict[str, Any]:
    from ectrain.offers import origin

    return {
        "name": offer.name,
        "kind": kind,
        "distribution": offer.distribution,
        "version": offer.version,
        "state": _loaded(offer, kind) if load else _state(offer),
        "origin": origin(offer),
    }


def _state(offer: Offer) -> str:
    """Return what metadata tells of a plugin: whether it may be loaded at all."""
    from ectrain.offers import refusal

    if offer.duplicate_of:
        return f"duplicate: also offered by {', '.join(offer.duplicate_of)}"
    return "not allowed by ECTRAIN_PLUGINS" if refusal(offer) else "ok"


def _loaded(offer: Offer, kind: str) -> str:
    from ectrain.balancers import balancer_class
    from ectrain.curriculum import load_curriculum
    from ectrain.errors import EctrainError
    from ectrain.observers import load_observers
    from ectrain.offers import harmless
    from ectrain.optimizers import optimizer_class
    from ectrain.plugins import load_tasks

    if (state := _state(offer)) != "ok":
        return state
    try:
        match kind:
            case "task":
                load_tasks([offer.name])
            case "observer":
                load_observers([offer.name])
            case "balancer":
                balancer_class(offer.name)
            case "optimizer":
                optimizer_class(offer.name)
            case "curriculum":
                load_curriculum(offer.name)
            case _:
                with harmless(offer):
                    offer.load()
    except EctrainError as error:
        return f"broken: {error}"
    return "ok"
