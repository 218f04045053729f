"""The first lines of a run: what will be trained, on what, and where it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ectrain_cli.terminal import labelled, wrapped


def opening(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that introduce a run, from its `run_started` event."""
    tasks: Mapping[str, Any] = event.get("tasks") or {}
    device = f"{event.get('device')} {event.get('dtype')}"
    count = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'}"
    yield f"ectrain {event.get('ectrain')}   torch {event.get('torch')} {device}   {count}"
    yield wrapped("tasks", " ".join(tasks))
    data: Mapping[str, Any] = event.get("data") or {}
    sums = {s: sum(sizes.get(s, 0) for sizes in data.values()) for s in ("train", "val", "test")}
    yield labelled("data", " / ".join(f"{n:,} {split}" for split, n in sums.items()))
    yield labelled("model", _model(event))
    steps = event.get("total_steps")
    yield labelled("plan", f"{steps:,} steps" if isinstance(steps, int) else "steps unknown")
    init: Mapping[str, Any] = event.get("init") or {}
    if init:
        yield labelled("init", f"from {init.get('run')} at step {init.get('step')}")
        for part, fate in (init.get("parts") or {}).items():
            yield labelled("", f"{part}: {fate}")
    if event.get("resumed_from"):
        yield labelled("resumed", f"from {event['resumed_from']}")


def _model(event: Mapping[str, Any]) -> str:
    parameters: Mapping[str, Any] = event.get("parameters") or {}
    tokenizer: Mapping[str, Any] = event.get("tokenizer") or {}
    heads = sum((parameters.get("heads") or {}).values())
    trunk = _short(parameters.get("trunk", 0))
    size = tokenizer.get("size", 0)
    return f"trunk {trunk} + heads {_short(heads)}   tokenizer {size:,}"


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} K" if count >= 1000 else str(count)
