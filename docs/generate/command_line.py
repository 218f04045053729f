"""The command line: every command with its arguments, options and defaults."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

import click

from docs.generate.markup import code, table
from docs.generate.tree import distributions
from ectrain_cli import extensions
from ectrain_cli.main import COMMANDS, main


def lines() -> Iterator[str]:
    """Yield the page."""
    yield from ("# Command line", "")
    yield "Every command has `-h` and `--help`. [Exit codes](exit-codes.md) are the same for all."
    yield ""
    for command, context in commands():
        yield from _command(command, context)


def commands() -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command that this repository has, groups before what is in them."""
    root = click.Context(main, info_name="ectrain")
    for name in main.list_commands(root):
        if name in COMMANDS or extensions.added()[name].distribution in distributions():
            yield from _below(name, main, root)


def _below(
    name: str, group: click.Group, parent: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    command = group.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    yield command, context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _below(inner, command, context)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    path = context.command_path
    yield from (f"{'#' * (len(path.split()))} `{path}`", "")
    if not isinstance(command, click.Group):
        yield from ("```text", " ".join([path, *command.collect_usage_pieces(context)]), "```", "")
    yield from _help(command)
    options = [p for p in command.params if isinstance(p, click.Option)]
    if options:
        rows = (_option(option, context) for option in options)
        yield from table(("option", "default", "meaning"), rows)


def _help(command: click.Command) -> Iterator[str]:
    """Yield a command's help; what click leaves unwrapped is shown as it is."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if not paragraph.startswith("\b\n"):
            yield from (paragraph, "")
            continue
        head, _, rest = paragraph.removeprefix("\b\n").partition("\n")
        yield from (head, "", "```text", *textwrap.dedent(rest).splitlines(), "```", "")


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag:
        names += f" {code(option.make_metavar(context).removesuffix(' RANGE'))}"
    notes = [option.help or "", "Required." if option.required else ""]
    return names, code(_default(option)), " ".join(filter(None, notes))


def _default(option: click.Option) -> str:
    value = option.to_info_dict()["default"]
    if option.is_flag and option.secondary_opts:
        return option.opts[0] if value else option.secondary_opts[0]
    if option.is_flag or option.multiple or value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
