"""`ectrain elixir pairs`: check pairs of code and tests by running them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from ectrain_elixir.terminal import told

SHOWN = 20  # wrong pairs that are named


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A built dataset; embedded pairs unless given.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="train",
    help="Which pairs; --quarantine takes all.",
)
@click.option("--size", type=click.IntRange(3), default=600, help="Embedded training pairs.")
@click.option("--seed", type=int, default=0, help="Of the embedded pairs.")
@click.option("--misses", type=click.IntRange(0), default=1, help="Near misses that are run, too.")
@click.option("--quarantine", is_flag=True, help="Keep what is wrong in a dataset out of training.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
def pairs(
    data: Path | None,
    split: Any,
    size: int,
    seed: int,
    misses: int,
    quarantine: bool,
    as_json: bool,
) -> None:
    """Run pairs of code and tests: the code must pass, near misses must fail; status 1 else."""
    from ectrain.task import SPLITS
    from ectrain_elixir.runner import find_runner
    from ectrain_elixir.testpairs import pairs as embedded
    from ectrain_elixir.testpairs import stored_pairs
    from ectrain_elixir.testpairs.verification import WRONG, verified, write_quarantine

    if quarantine and data is None:
        raise click.UsageError("--quarantine is for a dataset: name it with --data")
    splits = SPLITS if quarantine else (split,)
    found = [
        pair
        for name in splits
        for pair in (stored_pairs(data, name) if data else embedded(name, size, seed))
    ]
    checked = list(verified(found, find_runner(mode="warm"), misses))
    wrong = [each for each in checked if each.state in WRONG]
    states = Counter(f"{each.pair.kind} {each.state}" for each in checked)
    if quarantine and data is not None:
        write_quarantine(data, checked)
    document = {
        "states": dict(states),
        "wrong": [{"id": w.pair.id, "state": w.state, "message": w.message} for w in wrong],
    }
    lines = [f"{count:6} {state}" for state, count in sorted(states.items())]
    lines += [f"{each.state}: {each.pair.id}: {each.message[:200]}" for each in wrong[:SHOWN]]
    told("elixir pairs", document, lines, as_json)
    raise SystemExit(1 if wrong and not quarantine else 0)
