"""The `ectrain` program: finds commands by name and turns errors into sentences and exit codes.

Nothing heavy is imported here: a command's module is imported when the command is run.
"""

from __future__ import annotations

import importlib
import shlex
import traceback
from collections.abc import Mapping
from typing import Any

import click

from ectrain_cli import extensions

DEBUG = "ectrain.debug"  # key in the context: print tracebacks
WORDS = "ectrain.words"  # key in the context: the command line

# name: (module, attribute, what the list of commands says)
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "run": ("ectrain_cli.run", "run", "Train, or go on with a run that was stopped."),
    "check": ("ectrain_cli.check", "check", "Check everything that can go wrong before training."),
    "tasks": ("ectrain_cli.tasks", "tasks", "List the tasks that installed plugins offer."),
    "plugins": ("ectrain_cli.plugins", "plugins", "Look at installed plugins."),
    "eval": ("ectrain_cli.evaluate", "evaluate", "Measure a trained run on a split."),
    "generate": ("ectrain_cli.generate", "generate", "Write code with a trained run."),
    "predict": ("ectrain_cli.predict", "predict", "Label files with a trained run."),
    "export": ("ectrain_cli.export", "export", "Write a trained run for other tools."),
    "curriculum": ("ectrain_cli.curriculum", "curriculum", "Look at a curriculum."),
    "report": ("ectrain_cli.report", "report", "Write a run's report in Markdown."),
    "doctor": ("ectrain_cli.doctor", "doctor", "Say what this machine has and what is missing."),
}

EXIT_CODES = """\b
Exit codes:
    0  done
    1  failed
    2  wrong usage or configuration
    3  data missing or malformed
    4  plugin that cannot be loaded or breaks its contract
    6  no usable checkpoint
    7  disk, memory or device missing or full
    8  sandbox needed but unavailable
    9  run directory busy
   10  done, and found labels that --fail-on asks about
   75  stopped by a signal, checkpoint saved, safe to start again
  130  stopped by Ctrl-C
"""

EXAMPLES = """Train one shared transformer to do many Elixir coding jobs, each job a plugin.

\b
Examples:
  ectrain tasks
  ectrain run --tasks codegen,security --size tiny
  ectrain generate RUN --prompt "def add(a, b)"
"""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, _, summary) in COMMANDS.items():
            # stands in until asked for, so that click can list and suggest without importing
            self.add_command(click.Command(name, short_help=summary))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of commands in the order of a first session, then added ones."""
        return [*COMMANDS, *(name for name in extensions.added() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, one of these or one that a distribution adds."""
        if cmd_name not in COMMANDS:
            return self._added(cmd_name)
        module, attribute, summary = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is not a command")
        command.short_help = summary
        return command

    def _added(self, name: str) -> click.Command | None:
        added = extensions.added()
        if name in added:
            return extensions.command(added[name])
        for other in added.keys() - COMMANDS.keys():  # to be suggested in place of a mistyped one
            self.add_command(click.Command(other))
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from what is known without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])
        added = {k: v for k, v in extensions.added().items() if k not in COMMANDS}
        if added:
            with formatter.section("Commands of installed plugins"):
                rows = [(k, f"From {v.distribution}.") for k, v in sorted(added.items())]
                formatter.write_dl(rows)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Keep the words of the command line, to be quoted when something breaks."""
        words = list(args)
        ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[WORDS] = words
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its errors become one line on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if ctx.meta.get(DEBUG):
                click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
            ctx.exit(_explained(error, ctx.meta.get(WORDS, [])))


def _explained(error: BaseException, words: list[str]) -> int:
    """Say what went wrong in a sentence and return the exit code."""
    from ectrain.errors import EctrainError
    from ectrain_cli.terminal import visible

    if isinstance(error, EctrainError):
        click.echo(f"error: {visible(str(error))}", err=True)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    message = visible(str(error)).strip().splitlines()
    name = type(error).__name__
    click.echo(f"sorry, ectrain failed in a way that it should not: {name}", err=True)
    if message:
        click.echo(f"  {message[0]}", err=True)
    again = shlex.join([word for word in words if word != "--debug"])
    click.echo(f"for the details: ectrain {again} --debug", err=True)
    return 1


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("ectrain")
    except PackageNotFoundError:  # run from a source tree
        from ectrain import __version__ as number
    click.echo(f"ectrain {number}")
    ctx.exit()


@click.group(
    name="ectrain",
    cls=LazyGroup,
    help=EXAMPLES,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Stand for the program; the group does the work."""
