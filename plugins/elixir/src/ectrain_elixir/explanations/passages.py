"""Passages: what each check of Credo and each finding of Sobelow is about, in our own words.

They are the corpus that explanations are looked up in. They were written for this project and are
under its licence; no text of the tools' own documentation is in them. They are kept as data, one
file for each category, with what explanations of labels are made of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Literal

import attrs

from ectrain.errors import DataError, did_you_mean
from ectrain_elixir.checks import CHECKS, CREDO_VERSION
from ectrain_elixir.findings import FINDINGS, SOBELOW_VERSION

Tool = Literal["credo", "sobelow"]
LICENCE = "Apache-2.0"
SOURCE = "written by the authors of ectrain"
FILES = ("consistency", "design", "readability", "refactor", "warning", "sobelow")


@attrs.frozen
class Passage:
    """What a check or a finding is about.

    Attributes:
        issue: Its id: "Refactor.Nesting", "SQL.Query".
        tool: Which tool reports it.
        version: Of the tool, for which this was written.
        rule: What the rule is.
        risk: What goes wrong otherwise.
        fix: What to do.
        licence: Of the text, as SPDX has it.
        source: Who wrote it.
    """

    issue: str
    tool: Tool
    version: str
    rule: str
    risk: str
    fix: str
    licence: str = LICENCE
    source: str = SOURCE

    @property
    def text(self) -> str:
        """The whole passage; its first line is the id."""
        return f"{self.issue}\n{self.rule} {self.risk} {self.fix}"


@attrs.frozen
class Reasons:
    """Sentences that explanations of a label are made of.

    Attributes:
        rule: The rule in two wordings.
        risk: What goes wrong, in two wordings.
        fix: What to do, in two wordings.
        sees: What is to be seen at the place; ends "on line 3, ...".
    """

    rule: tuple[str, str]
    risk: tuple[str, str]
    fix: tuple[str, str]
    sees: str


def _tables() -> dict[str, dict[str, str]]:
    folder = resources.files("ectrain_elixir") / "explanations" / "passages"
    found: dict[str, dict[str, str]] = {}
    for name in FILES:
        found |= tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    return found


_TABLES = _tables()
_TOOLS: dict[str, Tool] = {check.id: "credo" for check in CHECKS}
_TOOLS.update({finding.id: "sobelow" for finding in FINDINGS})
_VERSIONS: Mapping[Tool, str] = {"credo": CREDO_VERSION, "sobelow": SOBELOW_VERSION}

PASSAGES: Mapping[str, Passage] = {
    issue: Passage(
        issue, tool, _VERSIONS[tool], _TABLES[issue]["what"], _TABLES[issue]["why"],
        _TABLES[issue]["how"],
    )
    for issue, tool in _TOOLS.items()
}  # fmt: skip

REASONS: Mapping[str, Reasons] = {
    issue: Reasons(
        (table["what"], table["rule"]),
        (table["why"], table["risk"]),
        (table["how"], table["fix"]),
        table["sees"],
    )
    for issue, table in _TABLES.items()
    if "sees" in table
}


def passage(issue: str) -> Passage:
    """Return the passage about a check or a finding.

    Raises:
        DataError: There is no such check or finding.
    """
    if issue in PASSAGES:
        return PASSAGES[issue]
    raise DataError(f"unknown check or finding {issue!r}{did_you_mean(issue, list(PASSAGES))}")
