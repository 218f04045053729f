"""`ectrain tasks`: what installed plugins offer, read from their metadata alone."""

from __future__ import annotations

import click

from ectrain_cli import options
from ectrain_cli.terminal import columns, say, show, show_json


@click.command()
@options.as_json
@options.debug
def tasks(as_json: bool) -> None:
    """List the tasks that installed plugins offer; no plugin is imported."""
    from ectrain.offers import installed

    offers = sorted(installed().values(), key=lambda offer: offer.name)
    if as_json:
        rows = [
            {"name": o.name, "distribution": o.distribution, "version": o.version} for o in offers
        ]
        show_json("tasks", {"tasks": rows})
        return
    for line in columns((o.name, f"{o.distribution} {o.version}") for o in offers):
        show(line)
    if not offers:
        say("no installed plugin offers a task; install one, such as ectrain-codegen")
    else:
        say(f"next: ectrain run --tasks {offers[0].name} --size tiny")
