"""`ectrain eval`: measure a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ectrain_cli import options
from ectrain_cli.terminal import say, show, show_json, warning

if TYPE_CHECKING:
    from ectrain.task import Split


def _numbers(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not words or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise click.BadParameter("expected numbers above 0, separated by commas")
    return tuple(sorted({int(word) for word in words}))


@click.command()
@options.RUN
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="What to measure on.",
)
@options.tasks
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Most examples of a task to generate for and execute.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Time after which a task's generation takes no new example.",
)
@click.option(
    "--k",
    "tries",
    metavar="K,...",
    default="1",
    show_default=True,
    callback=_numbers,
    help="Measure pass@k: whether one of k answers is right; above 1, many are sampled.",
)
@options.as_json
@options.debug
def evaluate(
    run: Path,
    split: str,
    tasks: tuple[str, ...] | None,
    examples: int,
    seconds: float,
    tries: tuple[int, ...],
    as_json: bool,
) -> None:
    """Measure RUN, a run directory, on a split."""
    import attrs

    from ectrain.evaluate import evaluate_tasks
    from ectrain.model import load_model
    from ectrain.task import Budget
    from ectrain_cli.closing import estimates as lines
    from ectrain_cli.selection import known_tasks

    model = load_model(run, warning)
    names = known_tasks(tasks, model.tasks)
    metrics, estimates = evaluate_tasks(
        model,
        names,
        cast("Split", split),
        Budget(examples, seconds, tries),
        lambda what: say(f"measuring {what}"),
    )
    rows = {name: attrs.asdict(estimate) for name, estimate in estimates.items()}
    if as_json:
        document = {
            "run": str(run),
            "split": split,
            "metrics": dict(metrics),
            "estimates": rows,
        }
        show_json("eval", document)
        return
    bare = {name: {"value": value} for name, value in metrics.items() if name not in rows}
    for line in lines({**bare, **rows}, {}):
        show(line)
