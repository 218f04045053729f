"""What differs between the settings of a run and those it was started with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from ectrain.config import RunConfig, to_dict

FREE = ("checkpoints", "device", "evaluation", "log_seconds")
IDENTITY = ("size", "tasks", "tokenizer", "trunk")


@attrs.frozen
class Change:
    """A setting that differs from the one that a run was started with.

    Attributes:
        key: Which.
        old: What it was.
        new: What it is.
        kind: "free" changes nothing that is learned, "trajectory" changes what comes after,
            "identity" makes it another model.
    """

    key: str
    old: Any
    new: Any
    kind: Literal["free", "trajectory", "identity"]

    def __str__(self) -> str:
        """Say it in a phrase."""
        return f"{self.key} was {self.old!r} and is {self.new!r}"


def changes(old: RunConfig, new: RunConfig) -> list[Change]:
    """Return every setting that differs, with what a change of it means for a started run."""
    before, after = dict(_leaves(to_dict(old))), dict(_leaves(to_dict(new)))
    return [
        Change(key, before.get(key), after.get(key), _kind(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key) and not _was_filled(key, before, after)
    ]


def _was_filled(key: str, *sides: Mapping[str, Any]) -> bool:
    """Return whether a key is an empty table on one side that has keys of its own on the other."""
    return any(other.startswith(f"{key}.") for side in sides for other in side)


def _kind(key: str) -> Literal["free", "trajectory", "identity"]:
    top = key.split(".")[0]
    return "free" if top in FREE else "identity" if top in IDENTITY else "trajectory"


def _leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        dotted = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from _leaves(value, dotted)
        else:
            yield dotted, value
