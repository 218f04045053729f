"""`ectrain check`: what can go wrong before training, one line each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ectrain_cli import options
from ectrain_cli.terminal import columns, show, show_json

if TYPE_CHECKING:
    from ectrain.checks import Check


@click.command()
@options.selection
@options.as_json
@options.debug
@click.pass_context
def check(ctx: click.Context, /, as_json: bool, **chosen: Any) -> None:
    """Check data, tokenizer, model, device and gradients before training.

    The exit code is that of the first check that fails.
    """
    from ectrain.checks import run_checks
    from ectrain_cli.selection import configuration

    found = []
    for result in run_checks(configuration(**chosen)):
        found.append(result)
        if not as_json:
            show(line(result))
    failed = [result for result in found if not result.ok]
    if as_json:
        show_json("check", {"ok": not failed, "checks": [document(result) for result in found]})
    elif failed:
        show(f"{len(failed)} of {len(found)} checks failed")
    else:
        show(f"all {len(found)} checks passed")
    ctx.exit(first_failure(found))


def line(result: Check) -> str:
    """Return the line of a check."""
    return next(
        columns(
            [
                (
                    "ok  " if result.ok else "FAIL",
                    f"{result.item:<7}",
                    f"{result.name}: {result.message}",
                )
            ]
        )
    )


def document(result: Check) -> dict[str, Any]:
    """Return a check as JSON has it."""
    return {
        "item": result.item,
        "name": result.name,
        "ok": result.ok,
        "message": result.message,
        "exit_code": result.exit_code,
    }


def first_failure(results: Iterable[Check]) -> int:
    """Return the exit code of the first check that failed, 0 if none did."""
    return next((result.exit_code or 1 for result in results if not result.ok), 0)
