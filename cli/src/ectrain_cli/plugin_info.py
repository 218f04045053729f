"""`ectrain plugins info`: what a task says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ectrain_cli import options
from ectrain_cli.terminal import show, show_json, wrapped

if TYPE_CHECKING:
    from ectrain.describe import Description
    from ectrain.offers import Offer


@click.command("info")
@click.argument("name")
@options.as_json
@options.debug
def info(name: str, as_json: bool) -> None:
    """Show the settings, figures, goals and tokens of task NAME.

    \b
    Examples:
      ectrain plugins info codegen
      ectrain plugins info codegen --json
    """
    import attrs

    from ectrain.describe import describe
    from ectrain.offers import installed, origin
    from ectrain.plugins import load_tasks

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
    yield f"settings, [tasks.{found.name}]" if found.settings else "no settings"
    for setting in found.settings:
        yield f"  {setting.key} = {json.dumps(setting.default)}    {setting.type}"
        if setting.doc:
            yield wrapped("", setting.doc)
