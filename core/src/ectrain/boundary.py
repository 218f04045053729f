"""What a task's answers must be like: refused with what was expected and what was found."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

from torch import Tensor

from ectrain.errors import FaultError, PluginError
from ectrain.plugins import blame
from ectrain.task import Estimate, Metric

MOST_IDS = 5  # of examples that a message names

_FIGURE = re.compile(r"[A-Za-z0-9_.@-]{1,60}")
_FIGURE_NAMES = "1 to 60 letters, digits and _ . @ -"


def listed(ids: Sequence[str]) -> str:
    """Return examples by name, the first few of many; "" for none."""
    if not ids:
        return ""
    more = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
    word = "example" if len(ids) == 1 else "examples"
    return f"{word} {', '.join(map(repr, ids[:MOST_IDS]))}{more}"


@contextmanager
def placed(where: Callable[[FaultError], str]) -> Iterator[None]:
    """Add where it happened to the fault of a task.

    Args:
        where: Gives the place of a fault in words; "" adds nothing.

    Raises:
        FaultError: The same kind of it.
    """
    try:
        yield
    except FaultError as error:
        words = where(error) if error.task else ""
        if not words:
            raise
        raise type(error)(f"{error}; {words}", error.task) from error


def tensors(value: Any, path: str = "output") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a head's output by where they lie in it: fields, members, keys."""
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from tensors(inner, f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from tensors(inner, f"{path}[{number}]")
    else:
        slots: Iterable[str] = getattr(type(value), "__slots__", ())
        for name in getattr(value, "__dict__", None) or slots:
            yield from tensors(getattr(value, name, None), f"{path}.{name}")


def figures_of(
    name: str, metrics: Mapping[str, Metric], taken: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of a task's metrics, by name; one that is not finite is undefined.

    Args:
        name: Of the task.
        metrics: What has measured.
        taken: Figures whose names are taken.

    Raises:
        PluginError: A name or a figure that no log can hold.
    """
    found: dict[str, float | None] = {}
    for metric_name, metric in metrics.items():
        with blame(name, f"metric {metric_name!r}"):
            given: Any = metric.compute()
            if not isinstance(given, Mapping):
                raise PluginError(
                    f"task {name}: metric {metric_name!r} computes {given!r:.60}, expected figures "
                    "by name",
                    name,
                )
            for inner, value in given.items():
                full = ".".join(part for part in (metric_name, inner) if part)
                if full in found or full in taken:
                    raise PluginError(f"task {name}: two figures are named {full!r}", name)
                if not _FIGURE.fullmatch(full):
                    raise PluginError(
                        f"task {name}: a figure is named {full!r:.70}, expected {_FIGURE_NAMES}",
                        name,
                    )
                found[full] = _number(name, f"figure {full!r}", value)
    return found


def _number(name: str, what: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"task {name}: {what} is {value!r:.60}, expected a number or None", name
        ) from error
    return number if math.isfinite(number) else None


def estimates_of(name: str, given: Any) -> dict[str, Estimate]:
    """Return what a task estimates by "task/name".

    Raises:
        PluginError: It is something else, or a number that no report can hold.
    """
    if not isinstance(given, Mapping):
        raise PluginError(f"task {name} gives {given!r:.60}, expected estimates by name", name)
    for metric, estimate in given.items():
        if not isinstance(metric, str) or not _FIGURE.fullmatch(metric):
            raise PluginError(
                f"task {name}: an estimate is named {metric!r:.70}, expected {_FIGURE_NAMES}", name
            )
        if not isinstance(estimate, Estimate):
            raise PluginError(
                f"task {name}: {metric} is {estimate!r:.60}, expected an Estimate", name
            )
        for part in ("value", "low", "high"):
            number = getattr(estimate, part)
            if number is not None and (not isinstance(number, Real) or not math.isfinite(number)):
                raise PluginError(
                    f"task {name}: the {part} of {metric} is {number!r:.60}, expected a finite "
                    "number or None (Estimate.missing says why)",
                    name,
                )
    return {f"{name}/{metric}": estimate for metric, estimate in given.items()}
