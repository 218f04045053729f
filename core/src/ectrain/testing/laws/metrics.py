"""Laws about metrics: streaming, mergeable, plain."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ectrain.task import Metric, Segment
from ectrain.testing.law import NotApplicable, near, require
from ectrain.testing.subject import Subject, without_targets

Figures = Mapping[str, float | None]

_NAME = re.compile(r"[A-Za-z0-9_.@-]{0,60}")


def metrics_stream(subject: Subject) -> None:
    """Metrics come out the same from one batch, many batches and any order of them."""
    pieces = [subject.segments[at : at + 3] for at in range(0, len(subject.segments), 3)]
    whole = _figures(_measured(subject, [subject.segments]))
    for what, batches in (("size", pieces), ("order", pieces[::-1])):
        found = _figures(_measured(subject, batches))
        require(
            _equal(whole, found),
            f"the {what} of batches changes {_first_difference(whole, found)}; add up counts and "
            "sums in update, and divide in compute alone",
        )


def metrics_merge(subject: Subject) -> None:
    """Metrics of shards, merged in any order, are those of the whole."""
    pieces = [subject.segments[at : at + 3] for at in range(0, len(subject.segments), 3)]
    whole = _figures(_measured(subject, [subject.segments]))
    random.Random("shards").shuffle(pieces)
    merged = _new(subject)
    for piece in pieces:
        for name, metric in _measured(subject, [piece]).items():
            merged[name].merge(metric)
    found = _figures(merged)
    require(
        _equal(whole, found),
        f"merging shards changes {_first_difference(whole, found)}; merge must add all that the "
        "other one has seen",
    )


def metrics_know_nothing_yet(subject: Subject) -> None:
    """Before any batch every figure is undefined (None) or finite, never NaN."""
    for name, value in _figures(subject.task.metrics()).items():
        require(
            value is None or (isinstance(value, int | float) and math.isfinite(value)),
            f"{name or 'the metric'} is {value!r} before any batch; return None where nothing was "
            "counted",
        )


def metrics_take_little(subject: Subject) -> None:
    """Measured on one segment, or on one that predicts nothing, figures are finite or undefined."""
    if not all(_is_sound(value) for value in _figures(subject.task.metrics()).values()):
        raise NotApplicable("its figures are not even sound before any batch")
    few = {
        "one segment": subject.segments[:1],
        "segments without a target": [without_targets(s) for s in subject.segments[:2]],
    }
    for what, segments in few.items():
        try:
            found = _figures(_measured(subject, [segments]))
        except ArithmeticError as error:
            found = {str(error): math.nan}
        for name, value in found.items():
            require(
                _is_sound(value),
                f"on {what} {name or 'the metric'} is {value!r}; return None where there is too "
                "little to measure, and divide by no count that may be 0",
            )


def _is_sound(value: Any) -> bool:
    return value is None or math.isfinite(value)


def metrics_are_fresh(subject: Subject) -> None:
    """Each call of `metrics` makes new ones: two evaluations never add up."""
    shared = _shared(subject)
    require(not shared, f"metric {shared} is the same object again; make it in metrics()")


def metrics_compute_again(subject: Subject) -> None:
    """Asking for figures changes nothing: the same again, and after more batches, too."""
    first, rest = subject.segments[:3], subject.segments[3:]
    asked = _new(subject)
    _update(subject, asked, first)
    one, other = _figures(asked), _figures(asked)
    require(
        _equal(one, other),
        f"compute changes {_first_difference(one, other)} when it is called again; let it read "
        "the counts and leave them",
    )
    if rest:
        _update(subject, asked, rest)
        whole = _figures(_measured(subject, [first, rest]))
        require(
            _equal(whole, _figures(asked)),
            "asking for figures half-way changes those of the whole; let compute leave the counts",
        )


def metrics_are_json(subject: Subject) -> None:
    """Figures have short names, each its own, and are plain finite numbers or None."""
    names: set[str] = {"loss"}
    for metric, found in _measured(subject, [subject.segments]).items():
        for inner, value in found.compute().items():
            full = ".".join(part for part in (metric, inner) if part)
            require(
                bool(full) and _NAME.fullmatch(full) is not None,
                f"a figure is named {full[:80]!r}; use letters, digits and _ . @ -",
            )
            require(
                full not in names,
                f"two figures are named {full!r} (core has one named 'loss'); choose another name",
            )
            names.add(full)
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            require(
                value is None or (plain and math.isfinite(value)),
                f"{full} is {value!r}; return a finite float (.item() of a tensor) or None",
            )


def _shared(subject: Subject) -> list[str]:
    one, other = subject.task.metrics(), subject.task.metrics()
    return [name for name in one if one[name] is other.get(name)]


def _new(subject: Subject) -> dict[str, Metric]:
    if _shared(subject):
        raise NotApplicable("its metrics are not even new ones each time")
    return dict(subject.task.metrics())


def _update(subject: Subject, metrics: Mapping[str, Metric], batch: Sequence[Segment]) -> None:
    with torch.no_grad():
        output, targets = subject.apply(batch)
        for metric in metrics.values():
            metric.update(output, targets)


def _measured(subject: Subject, batches: Sequence[Sequence[Segment]]) -> Mapping[str, Metric]:
    metrics = _new(subject)
    for batch in batches:
        _update(subject, metrics, batch)
    return metrics


def _figures(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {
        ".".join(part for part in (name, inner) if part): value
        for name, metric in metrics.items()
        for inner, value in metric.compute().items()
    }


def _equal(one: Figures, other: Figures) -> bool:
    return not _first_difference(one, other)


def _first_difference(one: Figures, other: Figures) -> str:
    for name in sorted({*one, *other}):
        a, b = one.get(name), other.get(name)
        if (a is None) != (b is None) or (a is not None and b is not None and not _close(a, b)):
            return f"{name or 'it'} from {a} to {b}"
    return ""


def _close(a: float, b: float) -> bool:
    return near(float(a), float(b)) or (math.isnan(a) and math.isnan(b))
