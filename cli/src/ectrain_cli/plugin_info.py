"""`ectrain plugins info`: what a task or a balancer says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ectrain_cli import options
from ectrain_cli.terminal import show, show_json, wrapped

if TYPE_CHECKING:
    from ectrain.describe import Description, Setting
    from ectrain.offers import Offer


@click.command("info")
@click.argument("name")
@options.as_json
@options.debug
def info(name: str, as_json: bool) -> None:
    """Show the settings, figures, goals and tokens of task NAME, or what balancer NAME is.

    \b
    Examples:
      ectrain plugins info codegen
      ectrain plugins info codegen --json
    """
    import attrs

    from ectrain.balancer import BALANCERS
    from ectrain.describe import describe
    from ectrain.offers import installed, origin
    from ectrain.plugins import load_tasks

    if name not in installed() and name in (balancers := installed(BALANCERS)):
        _show_balancer(balancers[name], as_json)
        return
    found = describe(load_tasks([name])[name])
    offer = installed()[name]
    if as_json:
        plugin = {"distribution": offer.distribution, "version": offer.version}
        plugin["origin"] = origin(offer)
        show_json("plugins info", {**attrs.asdict(found), "plugin": plugin})
        return
    for line in _lines(found, offer, origin(offer)):
        show(line)


def _lines(found: Description, offer: Offer, origin: str) -> Iterator[str]:
    major, minor = found.api
    yield wrapped("task", f"{found.name}: {found.does}")
    yield wrapped("plugin", f"{offer.distribution} {offer.version}, contract {major}.{minor}")
    yield f"origin   {origin}"  # never broken: it is copied
    yield wrapped("figures", " ".join(found.metrics) or "none")
    for goal in found.goals:
        rivals = f", and above {', '.join(goal.baselines)}" if goal.baselines else ""
        yield wrapped("goal", f"{goal.metric} above {goal.above:g}{rivals}")
    yield wrapped("tokens", f"{' '.join(found.control_tokens) or 'no control tokens'}")
    yield wrapped("symbols", f"{found.symbols} strings that the tokenizer keeps whole")
    yield wrapped("has", " ".join(found.implements) or "no optional part")
    yield ""
    yield from _setting_lines(f"[tasks.{found.name}]", found.settings)


def _show_balancer(offer: Offer, as_json: bool) -> None:
    import attrs

    from ectrain.balancers import balancer_class
    from ectrain.describe import purpose, settings_of
    from ectrain.offers import origin

    kind = balancer_class(offer.name)
    settings, (major, minor) = settings_of(kind.config_type), kind.api
    if as_json:
        plugin = {"distribution": offer.distribution, "version": offer.version}
        document = {
            "name": offer.name,
            "does": purpose(kind),
            "api": kind.api,
            "needs": attrs.asdict(kind.needs),
            "settings": [attrs.asdict(setting) for setting in settings],
            "plugin": {**plugin, "origin": origin(offer)},
        }
        show_json("plugins info", document)
        return
    show(wrapped("balancer", f"{offer.name}: {purpose(kind)}"))
    show(wrapped("plugin", f"{offer.distribution} {offer.version}, contract {major}.{minor}"))
    show(f"origin   {origin(offer)}")  # never broken: it is copied
    show("")
    for line in _setting_lines("[balancer.settings]", settings):
        show(line)


def _setting_lines(table: str, settings: Sequence[Setting]) -> Iterator[str]:
    yield f"settings, {table}" if settings else "no settings"
    for setting in settings:
        yield f"  {setting.key} = {json.dumps(setting.default)}    {setting.type}"
        if setting.doc:
            yield wrapped("", setting.doc)
