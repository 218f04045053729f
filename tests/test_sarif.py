"""Predictions as SARIF: what the format requires, and what editors and CI services look for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ectrain.label_evidence import Evidence
from ectrain.label_prediction import LabelInfo, Prediction, Said, Taxon
from ectrain_cli.labelled_file import LabelledFile
from ectrain_cli.sarif import sarif
from ectrain_cli.sources import Skipped
from ectrain_elixir.tools import read_sarif

CWES = [(Taxon("CWE", number),) for number in ("89", "79")]
INFOS = {
    "security": {
        "SQL.Query": LabelInfo("SQL.Query", "Text becomes a query", "Why.", "error", CWES[0]),
        "XSS.Raw": LabelInfo("XSS.Raw", "Text is not escaped", "", "warning", CWES[1]),
    },
    "quality": {"Nesting": LabelInfo("Nesting", "Blocks are nested", "", "note")},
}

# Required properties by definition, from the schema of SARIF 2.1.0.
REQUIRED = {
    "": ("version", "runs"),
    "runs": ("tool",),
    "tool": ("driver",),
    "driver": ("name",),
    "taxonomies": ("name",),
    "rules": ("id",),
    "taxa": ("id",),
    "results": ("message",),
    "relationships": ("target",),
    "invocations": ("executionSuccessful",),
    "toolExecutionNotifications": ("message",),
    "shortDescription": ("text",),
    "fullDescription": ("text",),
    "help": ("text",),
}


def file(name: str = "lib/a b.ex") -> LabelledFile:
    """Return a file with two labels of two tasks, one with two lines."""
    lines = (Evidence(2, 4, 7, 0.6), Evidence(1, 0, 3, 0.3))
    security = (Said("SQL.Query", 0.9, 0.4, True, lines), Said("XSS.Raw", 0.1, 0.4, False))
    quality = (Said("Nesting", 0.7, 0.5, True),)
    predictions = {"security": Prediction(security, 1), "quality": Prediction(quality, 1)}
    return LabelledFile(name, "one\ntwo\n", predictions)


@pytest.fixture(scope="module")
def log() -> dict[str, Any]:
    """Return a log of two files, one without labels, and a skipped one, through JSON."""
    clean = LabelledFile("b.ex", "x\n", {"security": Prediction((), 1)})
    found = sarif([file(), clean], INFOS, [Skipped("c.ex", "empty")])
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def objects(value: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object of a document with the key that it is under."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item, key)
    elif isinstance(value, dict):
        yield key, value
        for name, item in value.items():
            yield from objects(item, name)


def test_what_the_schema_requires_is_there(log: dict[str, Any]) -> None:
    """Every object has the properties that its definition requires; levels and ranks are right."""
    assert (log["version"], log["$schema"].rpartition("/")[2]) == (
        "2.1.0",
        "sarif-schema-2.1.0.json",
    )
    seen = set()
    for key, value in objects(log):
        seen.add(key)
        assert set(REQUIRED.get(key, ())) <= set(value), key
    assert set(REQUIRED) <= seen
    for result in log["runs"][0]["results"]:
        assert result["level"] in ("note", "warning", "error")
        assert 0 <= result["rank"] <= 100


def test_rules_carry_help_and_weaknesses(log: dict[str, Any]) -> None:
    """Each label is a rule with help; its CWE is a taxon of a taxonomy that the run holds."""
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [
        "security/SQL.Query", "security/XSS.Raw", "quality/Nesting",
    ]  # fmt: skip
    assert rules[0]["help"]["text"] == "Why."
    assert rules[2]["help"]["text"] == "Blocks are nested"
    for rule in rules[:2]:
        target = rule["relationships"][0]["target"]
        taxonomy = run["taxonomies"][target["toolComponent"]["index"]]
        assert taxonomy["name"] == target["toolComponent"]["name"] == "CWE"
        assert taxonomy["taxa"][target["index"]]["id"] == target["id"]
    assert "relationships" not in rules[2]


def test_results_point_to_rules_and_lines(log: dict[str, Any]) -> None:
    """A result's rule is where it says; the weightiest line is its region, others are related."""
    (run,) = log["runs"]
    sql, nesting = run["results"]
    for result in (sql, nesting):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    place = sql["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "lib/a%20b.ex"
    assert place["region"] == {"startLine": 2, "endLine": 2, "snippet": {"text": "two"}}
    (other,) = sql["relatedLocations"]
    assert other["physicalLocation"]["region"]["startLine"] == 1
    assert "region" not in nesting["locations"][0]["physicalLocation"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "Not read: empty."


def test_a_reader_of_the_format_reads_it_back(log: dict[str, Any]) -> None:
    """The reader that takes in Credo's and Sobelow's SARIF takes this, too."""
    found = read_sarif(json.dumps(log))
    assert [(r.tool, r.rule, r.rule_name, r.level, r.line) for r in found] == [
        ("ectrain", "security/SQL.Query", "SQL.Query", "error", 2),
        ("ectrain", "quality/Nesting", "Nesting", "note", None),
    ]


def test_an_absolute_path_is_a_file_uri() -> None:
    """A path from the root is named with the scheme that such paths need."""
    found = sarif([file("/x/a.ex")], INFOS, [])
    assert found["runs"][0]["artifacts"][0]["location"]["uri"] == "file:///x/a.ex"
