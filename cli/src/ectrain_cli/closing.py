"""The last lines of a run: figures beside their goals and baselines, paths, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ectrain_cli.terminal import columns, labelled

if TYPE_CHECKING:
    from ectrain.digest import Digest


def goals(claims: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line per goal: metric, value, interval, goal, verdict; its baselines below it."""
    from ectrain.report import claim_row

    rows = [claim_row(claim) for claim in claims]
    if not rows:
        yield "no goal was judged"
        return
    heads = columns(
        (f"{task} {metric}", value, interval, f"goal {goal}", verdict)
        for task, metric, goal, value, interval, _, _, verdict, _ in rows
    )
    for head, (*_, baselines, _, why) in zip(heads, rows, strict=True):
        yield head
        if baselines != "-":
            yield f"    baselines: {baselines}"
        if why != "-":
            yield f"    {why}"


def estimates(figures: Mapping[str, Any], baselines: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line per figure with its interval and baseline; what is missing says why."""
    from ectrain.markdown import figure

    rows = []
    for name in sorted({*figures, *baselines}):
        found: Mapping[str, Any] = figures.get(name) or {}
        low, high = found.get("low"), found.get("high")
        interval = f"{figure(low)} to {figure(high)}" if None not in (low, high) else ""
        baseline = baselines.get(name)
        beside = f"baseline {figure(baseline.get('value'))}" if baseline else ""
        value = figure(found.get("value"), str(found.get("why") or "no value"))
        rows.append((name, value, interval, beside))
    yield from columns(rows) if rows else ["nothing was measured"]


def courses(found: Digest) -> Iterator[str]:
    """Yield a line per task: its held-out loss after the first epoch that had it, and the last."""
    from ectrain.markdown import figure

    rows = []
    for task in found.tasks:
        losses = [
            (epoch, loss)
            for epoch, figures in sorted(found.metrics.get("val", {}).items())
            if (loss := figures.get(f"{task}/loss")) is not None
        ]
        if losses:
            (first, before), (last, after) = losses[0], losses[-1]
            rows.append(
                (
                    f"{task} loss",
                    f"{figure(before)} -> {figure(after)}",
                    f"nats a target on validation data, after epochs {first} and {last}",
                )
            )
    yield from columns(rows) if rows else ()


def closing(found: Digest, run: Path, model: Path | None = None) -> Iterator[str]:
    """Yield the last lines of a run; `model` is where its final model was put."""
    yield labelled("status", found.status)
    yield from courses(found)
    yield from goals(found.claims)
    yield labelled("report", str(run / "report.md"))
    best = [path for path, event in found.checkpoints.items() if event.get("best")]
    kept = best or list(found.checkpoints)
    if kept:
        yield labelled("best" if best else "newest", kept[-1])
    if model is not None:
        yield labelled("model", str(model))
    yield labelled("next", f"ectrain eval {run}")
    if "codegen" in found.tasks:
        yield labelled("", f'ectrain generate {run} --prompt "def add(a, b)"')
    yield labelled("", f"ectrain report {run}")
