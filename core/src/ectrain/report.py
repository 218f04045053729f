"""The report of a run: Markdown made of its events and of nothing else."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ectrain.balance_report import balance_lines
from ectrain.claims import verdict
from ectrain.digest import Digest, Event, digest, number, table, whole
from ectrain.markdown import NOT_MEASURED, escaped, figure, sparkline, table_lines
from ectrain.task import Estimate, Goal


def make_report(events: Iterable[Event]) -> str:
    """Write the report of a run in Markdown; what was not measured is said to be so."""
    run = digest(events)
    sections = (
        *(_header, _phases, _goals, _figures, _losses),
        *(balance_lines, _speed, _checkpoints, _warnings),
    )
    texts = [list(section(run)) for section in sections]
    return "\n".join(line for text in texts if text for line in (*text, ""))


def _header(run: Digest) -> Iterator[str]:
    start = run.start
    yield "# Training report"
    yield ""
    yield f"Status: {escaped(run.status)}"
    yield ""
    if not start:
        yield f"What ran: {NOT_MEASURED}: the log has no run_started event"
        return
    versions = f"ectrain {_said(start, 'ectrain')}, torch {_said(start, 'torch')}"
    yield f"- Versions: {versions}"
    yield f"- Device: {_said(start, 'device')}, {_said(start, 'dtype')}"
    yield f"- Seed: {_said(start, 'seed')}"
    parameters = table(start.get("parameters"))
    heads = [f"{escaped(k)} {figure(v)}" for k, v in table(parameters.get("heads")).items()]
    counts = f"trunk {figure(parameters.get('trunk'))}, total {figure(parameters.get('total'))}"
    yield f"- Parameters: {counts}" + (f", heads: {', '.join(heads)}" if heads else "")
    tokenizer = table(start.get("tokenizer"))
    mark = _said(tokenizer, "fingerprint")
    yield f"- Tokenizer: {figure(tokenizer.get('size'))} tokens, fingerprint {mark}"
    if run.starts > 1:
        yield f"- Starts: {run.starts}, last resumed from {_said(start, 'resumed_from')}"
    yield ""
    yield from table_lines(("Task", "From", "Train", "Validation", "Test"), _task_rows(run))


def _task_rows(run: Digest) -> Iterator[Sequence[str]]:
    sizes = table(run.start.get("data"))
    for name, offer in table(run.start.get("tasks")).items():
        origin = table(offer)
        counts = table(sizes.get(name))
        source = f"{_said(origin, 'distribution')} {_said(origin, 'version')}"
        yield escaped(name), source, *(figure(counts.get(s)) for s in ("train", "val", "test"))


def _phases(run: Digest) -> Iterator[str]:
    yield "## Phases"
    yield ""
    epochs: dict[str, list[int]] = {}
    for epoch, event in sorted(run.epochs.items()):
        epochs.setdefault(str(event.get("phase")), []).append(epoch)
    if not epochs:
        yield "No epoch was started."
        return
    rows = []
    for phase, numbers in epochs.items():
        ended = run.phase_ends.get(phase)
        why = _said(ended, "reason") if ended is not None else "not ended"
        rows.append((escaped(phase), f"{numbers[0]} to {numbers[-1]}", str(len(numbers)), why))
    yield from table_lines(("Phase", "Epochs", "Count", "Why it ended"), rows)


def _goals(run: Digest) -> Iterator[str]:
    yield "## Goals"
    yield ""
    if not run.claims:
        yield "No goal was judged: " + ("no task states one." if run.end else "the run has no end.")
        return
    yield "A goal is met only if the lower bound is above it and every baseline is beaten."
    yield ""
    header = (
        "Task",
        "Metric",
        "Goal",
        "Value",
        "95 % interval",
        "n",
        "Baselines",
        "Verdict",
        "Why",
    )
    yield from table_lines(header, (claim_row(claim, escaped) for claim in run.claims))


def claim_row(claim: Event, clean: Any = str) -> tuple[str, ...]:
    """Return a claim's cells: task, metric, goal, value, interval, n, baselines, verdict, why."""
    baselines = table(claim.get("baselines")).items()
    measured = number(claim.get("value")) is not None
    return (
        clean(claim.get("task")),
        clean(claim.get("metric")),
        f"> {figure(claim.get('above'))}",
        figure(claim.get("value")),
        _interval(claim),
        figure(claim.get("n")) if measured else "-",
        ", ".join(f"{clean(name)} {figure(value)}" for name, value in baselines) or "-",
        _verdict(claim),
        clean(claim.get("why") or "-"),
    )


def _verdict(claim: Event) -> str:
    """Return the logged verdict, unless the claim's own figures don't bear it."""
    above = number(claim.get("above"))
    value, low = number(claim.get("value")), number(claim.get("low"))
    if above is None or value is None:
        return "not shown"
    rivals = {str(k): Estimate(number(v)) for k, v in table(claim.get("baselines")).items()}
    judged = verdict(Goal("", above, tuple(rivals)), Estimate(value, low=low), rivals)
    said = claim.get("verdict")
    return said if said in ("not met", "not shown") else judged


def _figures(run: Digest) -> Iterator[str]:
    for split, title in (("val", "Validation"), ("test", "Test")):
        yield f"## {title} figures"
        yield ""
        rows = list(_figure_rows(run, split))
        if rows:
            header = ("Task", "Metric", "Value", "95 % interval", "n", "Baseline", "Note")
            yield from table_lines(header, rows)
        else:
            yield f"{NOT_MEASURED}: the log has no evaluation of this split".capitalize()
        yield ""


def _figure_rows(run: Digest, split: str) -> Iterator[Sequence[str]]:
    figures, estimates = run.latest(split), run.estimates.get(split, {})
    baselines = run.baselines if split == "test" else {}
    for name in sorted({*figures, *estimates, *baselines}, key=str):
        estimate = estimates.get(name, {})
        value = figures.get(name) if name not in estimates else number(estimate.get("value"))
        why = str(estimate.get("why") or ("" if value is not None else "no value was logged"))
        task, _, metric = str(name).partition("/")
        baseline = baselines.get(name)
        yield (
            escaped(task),
            escaped(metric),
            figure(value, "" if value is not None else escaped(why)),
            _interval(estimate),
            figure(estimate.get("n")) if value is not None and "n" in estimate else "-",
            figure(baseline.get("value"), _reason(baseline)) if baseline is not None else "-",
            escaped(why) if value is not None and why else "-",
        )


def _reason(estimate: Event) -> str:
    return escaped(estimate.get("why") or "no reason was logged")


def _losses(run: Digest) -> Iterator[str]:
    yield "## Losses by epoch"
    yield ""
    train = run.train
    tasks = sorted({t for losses in train.values() for t in losses} | set(run.tasks))
    epochs = sorted(run.epochs)
    if not tasks or not epochs:
        yield f"{NOT_MEASURED}: the log has no epoch".capitalize()
        return
    yield "Nats per target; training losses are means over the logged steps."
    yield ""
    measured = run.metrics.get("val", {})
    curves: dict[tuple[str, str], list[float | None]] = {}
    for task in tasks:
        curves[task, "train"] = [_mean(train.get(e, {}).get(task, [])) for e in epochs]
        curves[task, "val"] = [measured.get(e, {}).get(f"{task}/loss") for e in epochs]
    header = ("Task", "Split", "First", "Lowest", "Last", "Course")
    yield from table_lines(header, (_curve_row(t, s, curve) for (t, s), curve in curves.items()))
    yield ""
    columns = [f"{escaped(task)} {split}" for task, split in curves]
    rows = (
        (
            str(epoch),
            escaped(run.epochs[epoch].get("phase")),
            *(_cell(c[i]) for c in curves.values()),
        )
        for i, epoch in enumerate(epochs)
    )
    yield from table_lines(("Epoch", "Phase", *columns), rows)


def _curve_row(task: str, split: str, curve: Sequence[float | None]) -> Sequence[str]:
    known = [value for value in curve if value is not None]
    ends = (known[0], min(known), known[-1]) if known else (None, None, None)
    return escaped(task), split, *(figure(value) for value in ends), sparkline(curve) or "-"


def _mean(seen: Sequence[float]) -> float | None:
    return math.fsum(seen) / len(seen) if seen else None


def _cell(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _speed(run: Digest) -> Iterator[str]:
    yield "## Time"
    yield ""
    end = run.end or {}
    why = "" if run.end else "the run has no end"
    yield f"- Seconds: {figure(end.get('seconds'), why)}"
    yield f"- Steps: {figure(end.get('steps'), why)}"
    yield f"- Tokens: {figure(end.get('tokens'), why)}"
    middle = statistics.median(run.rates) if run.rates else None
    yield f"- Tokens per second, median of logged steps: {figure(middle, 'no step was logged')}"


def _checkpoints(run: Digest) -> Iterator[str]:
    yield "## Checkpoints"
    yield ""
    if not run.checkpoints:
        yield "None was saved."
        return
    rows = (
        (
            escaped(path),
            figure(whole(event.get("step"))),
            figure(whole(event.get("epoch"))),
            "yes" if event.get("best") is True else "no",
            figure(event.get("seconds")),
        )
        for path, event in run.checkpoints.items()
    )
    yield "As saved; older ones may have been pruned since."
    yield ""
    yield from table_lines(("Path", "Step", "Epoch", "Best so far", "Seconds"), rows)


def _warnings(run: Digest) -> Iterator[str]:
    yield "## Warnings"
    yield ""
    if not run.warnings:
        yield "None was logged."
    for message, count in run.warnings.items():
        yield f"- {count} x: {escaped(message)}"


def _said(event: Event, key: str) -> str:
    value = event.get(key)
    return escaped(value) if value is not None else f"{NOT_MEASURED}: not in the log"


def _interval(estimate: Event) -> str:
    low, high = number(estimate.get("low")), number(estimate.get("high"))
    return "-" if low is None or high is None else f"{low:.4g} to {high:.4g}"
