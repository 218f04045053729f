"""Options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from ectrain_cli.main import DEBUG
from ectrain_cli.terminal import stdout_for_results

Function = TypeVar("Function", bound=Callable[..., Any])

RUN = click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))


def _set_debug(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.meta[DEBUG] = True


def debug(command: Function) -> Function:
    """Add `--debug`: a traceback under an error's sentence."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )(command)


def as_json(command: Function) -> Function:
    """Add `--json`: one document on stdout, whatever a plugin prints meanwhile."""

    @wraps(command)
    def alone(*given: Any, as_json: bool, **more: Any) -> Any:
        if not as_json:
            return command(*given, as_json=False, **more)
        with stdout_for_results():
            return command(*given, as_json=True, **more)

    flag = click.option(
        "--json", "as_json", is_flag=True, help="Write one JSON document to stdout."
    )
    return flag(cast(Function, alone))


def _words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    words = tuple(dict.fromkeys(w.strip() for w in value.split(",") if w.strip()))
    if not words:
        raise click.BadParameter("names no task; write task names separated by commas")
    return words


def tasks(command: Function) -> Function:
    """Add `--tasks a,b`."""
    return click.option(
        "--tasks", metavar="NAME,...", callback=_words, help="Tasks, separated by commas."
    )(command)


_SELECTION: tuple[Callable[[Any], Any], ...] = (
    tasks,
    click.option(
        "--config",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Configuration file (TOML).",
    ),
    click.option(
        "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change one setting; repeat."
    ),
    click.option("--data", type=click.Path(path_type=Path), help="Folder of the tasks' data."),
    click.option(
        "--size",
        type=click.Choice(["tiny", "small", "base", "full"]),
        help="Preset of the trunk's size.",
    ),
    click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps."),
    click.option("--curriculum", metavar="NAME|FILE", help="Phases to train in."),
    click.option(
        "--scale", type=click.FloatRange(min=0, min_open=True), help="Stretch of every phase."
    ),
)


def selection(command: Function) -> Function:
    """Add the options that say what to train, on what and how."""
    for option in reversed(_SELECTION):
        command = option(command)
    return command
