"""What a finished run leaves where people look for it: its best model, and its report by date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from ectrain.checkpoint import Checkpoints, no_checkpoint
from ectrain.digest import Digest, digest, table
from ectrain.events import read_events
from ectrain.markdown import NOT_MEASURED, escaped, figure, table_lines
from ectrain.report import claim_row, make_report
from ectrain.snapshot import Loaded, Snapshot
from ectrain.storage import Storage, disk_errors

COPIED = ("events.jsonl", "tokenizer.json", "training_config.json")


@attrs.frozen
class Published:
    """Where they are.

    Attributes:
        model: A directory that every command takes for a run.
        report: The report, named by when the run ended.
    """

    model: Path
    report: Path


def publish(run: Path, data: Path, storage: Storage | None = None) -> Published | None:
    """Put a finished run's model in `<data>/models/final` and its report in `<data>/reports`.

    A report is never overwritten. A run whose report is there already was published before:
    nothing is done, so that a newer run's model stays.

    Args:
        run: A run directory.
        data: The folder that holds `models` and `reports`.
        storage: Where it is written.

    Returns:
        Where both are, or None where the run has not finished.

    Raises:
        CheckpointError: No checkpoint of the run verifies.
        ResourceError: The disk refuses it.
    """
    storage = storage or Storage()
    events = list(read_events(run / "events.jsonl"))
    found = digest(events)
    end = found.end or {}
    if end.get("status") != "finished":
        return None
    model, reports = data / "models" / "final", data / "reports"
    text = make_report(events).encode()
    stamp = re.sub(r"[^0-9TZ]", "", str(end.get("time")).partition(".")[0] + "Z")
    with disk_errors(reports, "can't write to"):
        storage.make_directory(reports)
        report, is_new = _free_name(reports, f"training-{stamp}", text)
        if is_new:
            keep_model(run, model, storage)
            storage.replace(report, text)
    return Published(model, report)


def _free_name(folder: Path, name: str, text: bytes) -> tuple[Path, bool]:
    """Return where a report goes, and whether it isn't there yet."""
    number = 1
    while True:
        path = folder / (f"{name}.md" if number == 1 else f"{name}-{number}.md")
        if not path.exists():
            return path, True
        if path.read_bytes() == text:
            return path, False
        number += 1


def keep_model(run: Path, out: Path, storage: Storage | None = None) -> None:
    """Write the best model of a run, without what only training needs, in place of what is there.

    The directory has the layout of a run with one checkpoint, so whatever takes a run takes it. Its
    configuration and tokenizer are those of the run, byte for byte; `README.md` is its card.

    Raises:
        CheckpointError: No checkpoint of the run verifies.
        ResourceError: The disk refuses it.
    """
    storage = storage or Storage()
    passed_over: list[str] = []
    checkpoints = Checkpoints(run / "checkpoints", warn=passed_over.append)
    best = checkpoints.best()
    if best is None:
        raise no_checkpoint(checkpoints.directory, passed_over)
    events = digest(read_events(run / "events.jsonl"))
    temporary, aside = (out.with_name(f".{out.name}.{what}") for what in ("new", "old"))
    with disk_errors(out, "can't write"):
        storage.make_directory(out.parent)
        storage.remove(temporary)
        storage.make_directory(temporary)
        for name in COPIED:
            if (run / name).is_file():
                storage.write(temporary / name, storage.read(run / name))
        card = "\n".join(card_lines(events)) + "\n"
        storage.write(temporary / "README.md", card.encode())
        Checkpoints(temporary / "checkpoints", storage=storage).save(_without_training(best))
        storage.remove(aside)
        if out.exists():
            storage.rename(out, aside)
        storage.rename(temporary, out)
        storage.remove(aside)


def _without_training(best: Loaded) -> Snapshot:
    """Return a checkpoint's content without the optimizer's state."""
    names = [name.removesuffix(".json") for name in best.contents if name.endswith(".json")]
    return Snapshot(
        step=best.entry.step,
        epoch=best.entry.epoch,
        phase=best.entry.phase,
        loss=best.entry.loss,
        pinned=True,
        model=best.tensors("model"),
        optimizer={},
        documents={name: best.document(name) for name in names if name != "tokenizer"},
        tokenizer=best.tokenizer,
    )


def card_lines(run: Digest) -> Iterator[str]:
    """Yield a model's card: what it is, what it learned, how well it does, what it is not for."""
    start = run.start
    parameters, tokenizer = table(start.get("parameters")), table(start.get("tokenizer"))
    yield f"# A trunk trained on {escaped(', '.join(run.tasks)) or 'no task'}"
    yield ""
    yield (
        f"A transformer of {figure(parameters.get('total'))} weights with one head a task, trained "
        f"by ectrain {escaped(start.get('ectrain'))}; {figure(tokenizer.get('size'))} tokens."
    )
    yield ""
    yield "## What it learned from"
    yield ""
    sizes = table(start.get("data"))
    rows = [
        (escaped(task), figure(table(sizes.get(task)).get("train")), _plugin(run, task))
        for task in run.tasks
    ]
    yield from table_lines(("Task", "Training examples", "From"), rows)
    yield ""
    yield "## How well it does"
    yield ""
    yield "On test data that nothing was chosen by; an interval is one of 95 %."
    yield ""
    if run.claims:
        header = ("Task", "Metric", "Goal", "Value", "Interval", "n", "Baselines", "Verdict", "Why")
        yield from table_lines(header, (claim_row(claim, escaped) for claim in run.claims))
    else:
        yield f"{NOT_MEASURED}: no task states a goal."
    yield ""
    yield "## What it is not for"
    yield ""
    yield (
        "What it writes was not reviewed: run it only in a sandbox. Labels it doesn't give are no "
        "proof that there is nothing to find."
    )


def _plugin(run: Digest, task: str) -> str:
    offer = table(table(run.start.get("tasks")).get(task))
    return escaped(f"{offer.get('distribution')} {offer.get('version')}")


def data_folder(run: Path) -> Path | None:
    """Return the folder whose `runs` a run directory is in, None where it is elsewhere."""
    runs = run.parent
    return runs.parent if runs.name == "runs" else None
