"""How a run is shown: drawn on a terminal, in lines, as a log, or hardly at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass  # help is to import no attrs
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import click

if TYPE_CHECKING:
    from ectrain_cli.live import LiveProgress
    from ectrain_cli.log_lines import LogLines
    from ectrain_cli.progress import LineProgress, Quiet

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Display:
    """What was asked for.

    Attributes:
        quiet: Warnings alone.
        verbose: 1 for every event, with a step now and then; 2 for every logged step, too.
        form: Of log lines; "" for progress instead of a log, unless verbose.
        interval: Seconds between lines of progress where nothing is drawn.
    """

    quiet: bool = False
    verbose: int = 0
    form: Literal["", "text", "json"] = ""
    interval: float = 30.0

    @property
    def shows_progress(self) -> bool:
        """Whether people read along, not a log's reader or nobody."""
        return not (self.quiet or self.verbose or self.form)

    def watcher(self, checkpoint_every: int) -> LineProgress | LiveProgress | LogLines | Quiet:
        """Return what shows the events of a run that is saved every so many epochs."""
        if self.quiet:
            from ectrain_cli.progress import Quiet

            return Quiet()
        if self.form or self.verbose:
            from ectrain_cli.log_lines import LogLines

            return LogLines(self.form or "text", 0.0 if self.verbose > 1 else self.interval)
        from ectrain_cli.live import LiveProgress, can_draw
        from ectrain_cli.progress import LineProgress, Progress

        progress = Progress(checkpoint_every=checkpoint_every)
        return LiveProgress(progress) if can_draw() else LineProgress(progress, self.interval)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and the result."),
    click.option(
        "-v", "--verbose", count=True, help="Log every event; -vv: every logged step, too."
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="Log lines on stderr in place of progress.",
    ),
    click.option(
        "--log-every",
        type=click.FloatRange(min=0),
        default=30.0,
        show_default=True,
        help="Seconds between lines of progress where stderr is no terminal, or of steps in a log.",
    ),
)


def display(command: Function) -> Function:
    """Add `--quiet`, `--verbose`, `--log-format` and `--log-every`, handed on as one `Display`."""

    @wraps(command)
    def with_display(
        *given: Any,
        quiet: bool,
        verbose: int,
        log_format: Literal["text", "json"] | None,
        log_every: float,
        **more: Any,
    ) -> Any:
        if quiet and (verbose or log_format):
            raise click.UsageError("--quiet and a log exclude each other")
        asked = Display(quiet, verbose, log_format or "", log_every)
        return command(*given, display=asked, **more)

    decorated: Any = with_display
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast(Function, decorated)
