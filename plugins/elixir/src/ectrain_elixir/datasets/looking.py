"""The commands of `ectrain data` that look at a dataset or make another of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import click

from ectrain.errors import DataError
from ectrain.records import MOST_PROBLEMS
from ectrain_elixir.terminal import bars, columns, note, told

_FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
_OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the new dataset."
)
_NEAR = click.option(
    "--near", type=click.FloatRange(0.5, 1.0), default=0.85, help="Likeness of near duplicates."
)
_TOKENIZER = click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="tokenizer.json of a run; else Elixir's own spellings are counted.",
)
SHOWN_LABELS = 12


def shares_of(_: click.Context, __: click.Parameter, value: str | None) -> Mapping[str, float]:
    """Return shares of train, val and test from "80,10,10".

    Raises:
        click.BadParameter: It is not three numbers above 0.
    """
    from ectrain.splits import SHARES
    from ectrain.task import SPLITS

    if value is None:
        return {str(split): share for split, share in SHARES.items()}
    try:
        parts = [float(part) for part in value.split(",")]
    except ValueError:
        parts = []
    if len(parts) != len(SPLITS) or min(parts) <= 0:
        raise click.BadParameter("expected three numbers above 0, such as 80,10,10")
    return {split: part / sum(parts) for split, part in zip(SPLITS, parts, strict=True)}


@click.command()
@_FOLDER
@click.option("--tasks", default="", metavar="NAME,...", help="Also encode all for these tasks.")
@_TOKENIZER
@click.option("--context", type=click.IntRange(8), default=1024, help="Tokens the trunk takes.")
@click.option(
    "--most-cut",
    type=click.FloatRange(0, 1),
    default=1.0,
    help="Share of examples that a task may cut off.",
)
@_JSON
def check(
    folder: Path, tasks: str, tokenizer: Path | None, context: int, most_cut: float, as_json: bool
) -> None:
    """Check hashes, every field of every row, ids, groups and pairs; status 3 if one is wrong."""
    from ectrain_elixir.datasets.checking import check as checked

    wrong = list(checked(folder))
    lost = [] if wrong else _losses(folder, tasks, tokenizer, context)
    wrong += [
        f"{folder}: task {x.task} cuts off {x.cut} of {x.examples} examples of {x.split}"
        for x in lost
        if x.cut > most_cut * x.examples
    ]
    wrong += [
        f"{folder}: {x.targetless} examples of {x.split} have no target for task {x.task}"
        for x in lost
        if x.targetless
    ]
    rows = [
        f"{x.task} {x.split}: {x.examples:,} examples, {x.cut:,} cut, {x.targetless:,} no target"
        for x in lost
    ]
    shown = wrong[:MOST_PROBLEMS]
    if as_json:
        document = {"ok": not wrong, "problems": shown, "more": len(wrong) - len(shown)}
        told("data check", document | {"tasks": [attrs.asdict(x) for x in lost]}, (), True)
        raise SystemExit(DataError.exit_code if wrong else 0)
    if wrong:
        more = len(wrong) - len(shown)
        raise DataError("\n".join(shown) + (f"\n... and {more} more problems" if more else ""))
    told("data check", {}, [*rows, f"{folder} is whole"], False)


def _losses(folder: Path, tasks: str, tokenizer: Path | None, context: int) -> list[Any]:
    from ectrain.task import SPLITS
    from ectrain.tokenizer import Tokenizer
    from ectrain_elixir.datasets.views import LEARNED_FROM, learned, losses, tasks_over

    names = [name.strip() for name in tasks.split(",") if name.strip()]
    found = []
    for name, task in (tasks_over(folder, names) if names else {}).items():
        given = Tokenizer.from_json(tokenizer.read_text(), str(tokenizer)) if tokenizer else None
        made = given or learned(task, task.examples("train")[:LEARNED_FROM])
        found += [losses(name, task, split, made, context) for split in SPLITS]
    return found


@click.command()
@_FOLDER
@_TOKENIZER
@click.option("--html", type=click.Path(path_type=Path), help="Also write a page with plots.")
@_JSON
def stats(folder: Path, tokenizer: Path | None, html: Path | None, as_json: bool) -> None:
    """Tell lengths, kinds, labels, licences, and what share of tokens training holds."""
    from ectrain.storage import Storage, disk_errors
    from ectrain.tokenizer import Tokenizer
    from ectrain_elixir.datasets.normal import spellings
    from ectrain_elixir.datasets.page import lengths, page
    from ectrain_elixir.datasets.stats import stats as counted

    encode = (
        Tokenizer.from_json(tokenizer.read_text(), str(tokenizer)).encode if tokenizer else None
    )
    found = counted(folder, encode or spellings)
    if html is not None:
        with disk_errors(html, "can't write"):
            Storage().replace(html, page(f"Dataset {folder.name}", found).encode())
    head = ("split", "files", "tokens", "median", "p90", "longest", "tokens known", "spellings")
    lines = list(
        columns(
            [
                head,
                *(
                    (
                        name,
                        f"{s.files:,}",
                        f"{s.tokens:,}",
                        f"{s.median:,.0f}",
                        f"{s.p90:,.0f}",
                        f"{s.longest:,}",
                        "" if s.known_tokens is None else f"{s.known_tokens:.1%}",
                        "" if s.known_spellings is None else f"{s.known_spellings:.1%}",
                    )
                    for name, s in found.splits.items()
                ),
            ]
        )
    )
    histograms = [part.histogram for part in found.splits.values()]
    sums = [sum(column) for column in zip(*histograms, strict=True)]
    lines += ["", "tokens of a file", *bars(dict(zip(lengths(), sums, strict=True)))]
    for name, table in found.tables.items():
        if table:
            lines += ["", name, *bars(dict(list(table.items())[:SHOWN_LABELS]))]
            if len(table) > SHOWN_LABELS:
                lines.append(f"... and {len(table) - SHOWN_LABELS} more")
    if html is not None:
        lines += ["", f"page  {html}"]
    told("data stats", found.as_data(), lines, as_json)


@click.command()
@_FOLDER
@click.argument("name", metavar="ID|SPLIT:NUMBER")
@click.option("--tasks", default="", metavar="NAME,...", help="Else all that read data.")
@_TOKENIZER
@click.option("--context", type=click.IntRange(8), default=1024, help="Tokens the trunk takes.")
@_JSON
def show(
    folder: Path, name: str, tasks: str, tokenizer: Path | None, context: int, as_json: bool
) -> None:
    """Show one file, what is known of it, and what every task makes of it."""
    from ectrain.tokenizer import Tokenizer
    from ectrain_elixir.datasets.portrait import portrait
    from ectrain_elixir.datasets.row import plain_row
    from ectrain_elixir.datasets.views import data_tasks, find_row, tasks_over, views

    split, place, row = find_row(folder, name)
    chosen = [t.strip() for t in tasks.split(",") if t.strip()]
    given = Tokenizer.from_json(tokenizer.read_text(), str(tokenizer)) if tokenizer else None
    readers = tasks_over(folder, chosen) if chosen else data_tasks(folder)
    seen = list(views(readers, split, row, given, context))
    plain = plain_row(row)
    lines = [f"{split}:{place}  {row.id}", *portrait(row)]
    for view in seen:
        lines += ["", f"== {view.task}"]
        if view.why:
            lines.append(view.why)
            continue
        lines.append(
            f"{len(view.examples)} examples; {view.shown} has {view.tokens} tokens, "
            f"{view.prefix} of them seen in both directions, {view.targets} targets"
        )
        if view.values is not None:
            lines.append(f"labels on: {', '.join(map(str, view.values)) or 'none'}")
        lines += [text.rstrip("\n") for text in view.texts]
    document = {"split": split, "place": place, "row": plain}
    told("data show", document | {"tasks": [attrs.asdict(v) for v in seen]}, lines, as_json)


@click.command()
@_FOLDER
@_OUT
@click.option(
    "--split-by",
    "by",
    type=click.Choice(["auto", "package", "folder", "file"]),
    default="auto",
    help="What is never split.",
)
@click.option("--shares", metavar="T,V,T", callback=shares_of, help="train,val,test: 80,10,10.")
@click.option("--seed", type=int, default=0, help="Of the splits.")
@_JSON
def split(folder: Path, out: Path, by: Any, shares: Any, seed: int, as_json: bool) -> None:
    """Write a dataset of the same files with other splits."""
    from ectrain_elixir.datasets.rebuild import resplit

    _made("data split", out, resplit(folder, out, by, shares, seed), as_json)


@click.command()
@_FOLDER
@_OUT
@_NEAR
@_JSON
def dedup(folder: Path, out: Path, near: float, as_json: bool) -> None:
    """Write a dataset without files that repeat an earlier one; training keeps its own."""
    from ectrain_elixir.datasets.rebuild import deduplicate

    _made("data dedup", out, deduplicate(folder, out, near), as_json)


def _made(command: str, out: Path, manifest: Any, as_json: bool) -> None:
    counts = dict(manifest.counts)
    document = {"out": str(out), "fingerprint": manifest.fingerprint, "counts": counts}
    lines = [*columns((name, f"{count:,}") for name, count in counts.items()), f"dataset  {out}"]
    told(command, document, lines, as_json)


@click.command()
@_FOLDER
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Benchmark (JSON Lines) whose code must be in no split.",
)
@click.option("--field", "fields", multiple=True, help="Of the benchmark; else all text; repeat.")
@_NEAR
@click.option(
    "--held",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    help="Share of a problem's runs of ten tokens that makes a file hold it.",
)
@click.option("--most", type=click.IntRange(0), default=0, help="Leaks that are allowed.")
@_JSON
def leaks(
    folder: Path,
    against: Path | None,
    fields: tuple[str, ...],
    near: float,
    held: float,
    most: int,
    as_json: bool,
) -> None:
    """List code that is in two splits, or in a benchmark; status 3 for more than allowed."""
    from ectrain_elixir.datasets.audit import benchmark_leaks, refuse, split_leaks

    found = list(split_leaks(folder, near))
    if against is not None:
        found += benchmark_leaks(folder, against, fields, held)
    lines = [
        f"{x.how} {x.likeness:.2f}: {x.one} ({x.one_split}), {x.other} ({x.other_split})"
        for x in found
    ]
    told("data leaks", {"leaks": [attrs.asdict(x) for x in found]}, lines, as_json)
    if not found:
        note("no leak: exact, layout and variables, near, group")
    refuse(len(found), most)


LOOKING = (check, stats, show, split, dedup, leaks)
