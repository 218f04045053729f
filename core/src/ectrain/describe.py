"""What a task says of itself: settings, figures, goals, tokens, optional parts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.plugins import TaskType, blame
from ectrain.structure import plain
from ectrain.task import Goal, Task

OPTIONAL = (
    "control_tokens",
    "symbols",
    "texts",
    "facets",
    "prompt",
    "nats_of_a_guess",
    "refresh",
    "baselines",
    "evaluate",
)

_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


@attrs.frozen
class Setting:
    """A key under `[tasks.<name>]`.

    Attributes:
        key: Its name.
        type: What it may hold, as the source writes it.
        default: Its value where none is given.
        doc: What it means, with its unit; "" where the config class says nothing of it.
    """

    key: str
    type: str
    default: Any
    doc: str


@attrs.frozen
class Description:
    """What a task says of itself.

    Attributes:
        name: Of the task.
        does: What it does, in one sentence.
        api: Version of the contract that it was written for.
        settings: What can be configured.
        metrics: Figures that it measures while training.
        goals: What it must reach.
        control_tokens: Special tokens that it adds.
        symbols: How many plain-text strings the tokenizer keeps whole for it.
        implements: Optional parts of the contract that it has.
    """

    name: str
    does: str
    api: tuple[int, int]
    settings: tuple[Setting, ...]
    metrics: tuple[str, ...]
    goals: tuple[Goal, ...]
    control_tokens: tuple[str, ...]
    symbols: int
    implements: tuple[str, ...]


def describe(kind: TaskType) -> Description:
    """Return what a task says of itself with its default settings; no data is read.

    Raises:
        PluginError: Its own code fails.
    """
    name = kind.name
    with blame(name, "__init__"):
        task = kind(kind.config_type())
    with blame(name, "metrics"):
        metrics = {key: tuple(metric.compute()) for key, metric in task.metrics().items()}
    with blame(name, "control_tokens"):
        control_tokens, symbols = tuple(task.control_tokens()), len(tuple(task.symbols()))
    return Description(
        name,
        purpose(kind),
        kind.api,
        tuple(settings_of(kind.config_type)),
        tuple(
            ".".join(part for part in (key, inner) if part)
            for key, inners in metrics.items()
            for inner in inners
        ),
        kind.goals,
        control_tokens,
        symbols,
        tuple(part for part in OPTIONAL if getattr(kind, part) is not getattr(Task, part)),
    )


def purpose(kind: type[Any]) -> str:
    """Return what a class says that it does: the first line of its docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def settings_of(config_type: type[Any]) -> list[Setting]:
    """Return the keys of an attrs class with their types, defaults and docs."""
    defaults: Mapping[str, Any] = plain(config_type())
    docs = attribute_docs(config_type)
    return [
        Setting(field.name, _type(field.type), defaults.get(field.name), docs.get(field.name, ""))
        for field in attrs.fields(config_type)
        if field.init
    ]


def attribute_docs(kind: type[Any]) -> dict[str, str]:
    """Return what `Attributes:` sections say, by attribute: a class's own and its ancestors'."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        found.update(_own_docs(owner))
    return found


def _own_docs(kind: type[Any]) -> dict[str, str]:
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        match = _ATTRIBUTE.fullmatch(line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif line.startswith("     ") and name:
            found[name] += f" {line.strip()}"
        elif line.strip():
            break
    return found


def _type(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
