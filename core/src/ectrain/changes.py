"""What differs between the settings of a run and those it was started with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from ectrain.config import RunConfig, to_dict

FREE = ("balancer.cosines_every", "checkpoints", "device", "evaluation", "log_seconds")
IDENTITY = ("init", "size", "tasks", "tokenizer", "trunk")


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

    @property
    def name(self) -> str:
        """What it is allowed by: its key; of all that a curriculum's file says, the curriculum."""
        return "curriculum" if self.key.startswith("curriculum.") else self.key


def changes(old: RunConfig, new: RunConfig) -> list[Change]:
    """Return every setting that differs, with what a change of it means for a started run."""
    before, after = dict(_leaves(to_dict(old))), dict(_leaves(to_dict(new)))
    return [
        Change(key, before.get(key), after.get(key), _kind(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key) and not _was_filled(key, before, after)
    ]


def curriculum_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return all that a curriculum says otherwise than it did under the same name.

    Args:
        old: As it was, as plain data.
        new: As it is.
    """
    sides = [dict(_leaves(_by_name(side), "curriculum")) for side in (old, new)]
    before, after = sides
    return [
        Change(key, before.get(key), after.get(key), "trajectory")
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key) and not _was_filled(key, *sides)
    ]


def _by_name(curriculum: Mapping[str, Any]) -> dict[str, Any]:
    """Return a curriculum with its phases by name, as JSON has it, and the order of their names."""
    found: dict[str, Any] = json.loads(json.dumps(curriculum))
    phases = found.pop("phases")
    found["phases"] = [phase["name"] for phase in phases]
    return {**found, **{phase["name"]: phase for phase in phases}}


def _was_filled(key: str, *sides: Mapping[str, Any]) -> bool:
    """Return whether a key is an empty table on one side that has keys of its own on the other."""
    return any(other.startswith(f"{key}.") for side in sides for other in side)


def _kind(key: str) -> Literal["free", "trajectory", "identity"]:
    top = key.split(".")[0]
    return "free" if top in FREE or key in FREE else "identity" if top in IDENTITY else "trajectory"


def _leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        dotted = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from _leaves(value, dotted)
        else:
            yield dotted, value
