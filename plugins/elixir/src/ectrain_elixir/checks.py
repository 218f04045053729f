"""Credo's checks: which there are, their category, and which of them one file can show.

The labels of quality tasks are the checks with `snippet`, in the order of `checks.json`, which is
versioned: what a head has learned is stored by place.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

import attrs

from ectrain.errors import DataError, did_you_mean


@attrs.frozen
class Check:
    """A check of Credo 1.7.

    Attributes:
        id: Its module without "Credo.Check.", such as "Refactor.Nesting".
        category: As Credo gives it, which is not always the first part of its name.
        default: Whether it is on in Credo's default settings.
        snippet: Whether it is a label here: a file alone shows it.
        why_not: Why it is none.
        about: What it says of a file, in a phrase; "" where it is no label.
    """

    id: str
    category: Literal["consistency", "design", "readability", "refactor", "warning"]
    default: bool
    snippet: bool
    why_not: str = ""
    about: str = ""


def _table() -> dict[str, Any]:
    text = (resources.files("ectrain_elixir") / "checks.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


LABELS_VERSION: int = _table()["labels_version"]
CREDO_VERSION: str = _table()["credo"]
CHECKS: tuple[Check, ...] = tuple(Check(**entry) for entry in _table()["checks"])
SNIPPET_CHECKS: tuple[Check, ...] = tuple(c for c in CHECKS if c.snippet)

_BY_ID = {check.id: check for check in CHECKS}


def check(name: str) -> Check:
    """Return a check by its id.

    Raises:
        DataError: There is none of that name.
    """
    if name in _BY_ID:
        return _BY_ID[name]
    raise DataError(f"unknown check {name!r}{did_you_mean(name, list(_BY_ID))}")
