"""The table of findings: which there are, what each one is, and the order of labels."""

from __future__ import annotations

import re

import pytest

from ectrain.errors import DataError
from ectrain_elixir.findings import FINDINGS, LABELS_VERSION, SNIPPET_FINDINGS, Finding, finding

# What heads trained with version 1 mean by their outputs. A change of it needs a new version.
LABELS_1 = (
    "CI.OS", "CI.System", "DOS.BinToAtom", "DOS.ListToAtom", "DOS.StringToAtom",
    "Misc.BinToTerm", "RCE.CodeModule", "RCE.EEx", "SQL.Query", "SQL.Stream",
    "Traversal.FileModule", "Traversal.SendDownload", "Traversal.SendFile",
    "XSS.ContentType", "XSS.HTML", "XSS.Raw", "XSS.SendResp",
)  # fmt: skip

CWES = {
    "CI": {"CWE-78"},
    "Config": {"CWE-319", "CWE-352", "CWE-693", "CWE-798", "CWE-1385"},
    "DOS": {"CWE-770"},
    "Misc": {"CWE-502"},
    "RCE": {"CWE-95", "CWE-1336"},
    "SQL": {"CWE-89"},
    "Traversal": {"CWE-22"},
    "Vuln": {"CWE-1395"},
    "XSS": {"CWE-79"},
}


def test_the_order_of_labels_belongs_to_their_version() -> None:
    """Version 1 has these 17 labels in this order: what is learned is stored by place."""
    assert LABELS_VERSION == 1
    assert tuple(f.id for f in SNIPPET_FINDINGS) == LABELS_1


def test_all_rules_of_sobelow_are_there() -> None:
    """Sobelow 0.13 has 31 rules: 17 on functions, 8 on configuration, 6 on dependencies."""
    names = [f.id for f in FINDINGS]
    assert len(set(names)) == len(names) == 31
    projects = [f.id.partition(".")[0] for f in FINDINGS if not f.snippet]
    assert (projects.count("Config"), projects.count("Vuln")) == (8, 6)


@pytest.mark.parametrize("found", FINDINGS, ids=lambda f: f.id)
def test_every_finding_is_mapped(found: Finding) -> None:
    """Each has a weakness of its category, a severity, and a reason in words."""
    assert found.cwe in CWES[found.id.partition(".")[0]]
    assert found.severity in ("high", "medium", "low")
    assert re.fullmatch(r"[a-zA-Z' ]{12,}", found.reason)


def test_unknown_findings_are_named() -> None:
    """An id that does not exist is refused with the nearest one that does."""
    assert finding("SQL.Query").cwe == "CWE-89"
    with pytest.raises(DataError, match=r"unknown finding 'SQL.Querry'; did you mean 'SQL.Query'"):
        finding("SQL.Querry")
