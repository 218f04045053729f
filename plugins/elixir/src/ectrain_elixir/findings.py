"""Sobelow's findings: which there are, which weakness each one is, how grave it is.

Sobelow reports neither CWE nor severity; both are judgements of this project, kept with their
reasons in `findings.json` and versioned with it.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

import attrs

from ectrain.errors import DataError, did_you_mean


@attrs.frozen
class Finding:
    """A vulnerability type that Sobelow 0.13 reports.

    Attributes:
        id: Its name, such as "SQL.Query".
        cwe: The weakness that it is, such as "CWE-89".
        severity: How grave it is.
        snippet: Whether a function alone shows it; others need a project's settings or versions.
        reason: What is wrong, in a phrase.
    """

    id: str
    cwe: str
    severity: Literal["high", "medium", "low"]
    snippet: bool
    reason: str


def _table() -> dict[str, Any]:
    text = (resources.files("ectrain_elixir") / "findings.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


LABELS_VERSION: int = _table()["labels_version"]
SOBELOW_VERSION: str = _table()["sobelow"]
FINDINGS: tuple[Finding, ...] = tuple(Finding(**entry) for entry in _table()["findings"])
SNIPPET_FINDINGS: tuple[Finding, ...] = tuple(f for f in FINDINGS if f.snippet)


def finding(name: str) -> Finding:
    """Return a finding by its id.

    Raises:
        DataError: There is none of that name.
    """
    for found in FINDINGS:
        if found.id == name:
            return found
    near = did_you_mean(name, [found.id for found in FINDINGS])
    raise DataError(f"unknown finding {name!r}{near}")
