"""The numbers of an event, each by a name that every tracker takes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

OF_A_STEP = ("rate", "grad_norm", "tokens", "tokens_per_s")

_ODD = re.compile(r"[^A-Za-z0-9_./-]")


def figures(event: Mapping[str, Any]) -> dict[str, float]:
    """Return an event's figures by name; what is undefined is left out."""
    found = {
        _ODD.sub("_", name): float(value)
        for name, value in _named(event)
        if isinstance(value, int | float) and math.isfinite(value)
    }
    return found


def _named(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if event["event"] == "step":
        for task, loss in event["losses"].items():
            yield f"train/{task}/loss", loss
        for name in OF_A_STEP:
            yield f"train/{name}", event.get(name)
    elif event["event"] == "evaluated":
        split = event["split"]
        for name, value in event["metrics"].items():
            yield f"{split}/{name}", value
        for name, estimate in {**event["estimates"], **event.get("baselines", {})}.items():
            yield f"{split}/{name}", estimate["value"]
            yield f"{split}/{name}.low", estimate["low"]
            yield f"{split}/{name}.high", estimate["high"]


def seconds(event: Mapping[str, Any]) -> float:
    """Return when an event happened, in seconds since 1970."""
    return datetime.fromisoformat(event["time"]).timestamp()
