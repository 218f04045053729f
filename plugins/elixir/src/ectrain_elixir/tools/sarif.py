"""Read SARIF 2.1.0, which Credo and Sobelow write with `--format sarif`."""

from collections.abc import Mapping
from typing import Any

import attrs

from ectrain_elixir.tools.documents import document, number_of, rows, text_of


@attrs.frozen
class SarifResult:
    """One result.

    Args:
        tool: Name of the program.
        rule: Its rule's id, such as "EX3009" or "SBLW020".
        rule_name: The rule's own name, or empty.
        level: "error", "warning", "note" or "none".
        message: The sentence.
        file: As the program names it.
        line: From 1; None without a region.
        column: From 1; None without a region.
        scope: Fully qualified name of the function, or empty.
    """

    tool: str
    rule: str
    rule_name: str
    level: str
    message: str
    file: str
    line: int | None
    column: int | None
    scope: str


def read_sarif(text: str, source: str = "sarif") -> list[SarifResult]:
    """Return the results of all runs; other output around the document is skipped.

    Raises:
        DataError: If there is no such document.
    """
    return [
        _result(row, *_tool(run))
        for run in rows(document(text, source, "runs"), "runs", source)
        for row in rows(run, "results", source)
    ]


def _tool(run: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    driver = _inside(run, "tool", "driver")
    listed = driver.get("rules")
    rules = listed if isinstance(listed, list) else []
    names = {text_of(rule, "id"): text_of(rule, "name") for rule in rules if isinstance(rule, dict)}
    return text_of(driver, "name"), names


def _result(row: Mapping[str, Any], tool: str, names: Mapping[str, str]) -> SarifResult:
    places = row.get("locations")
    place = places[0] if isinstance(places, list) and places else {}
    physical = _inside(place, "physicalLocation")
    region = _inside(physical, "region")
    logical = place.get("logicalLocations") if isinstance(place, dict) else None
    scope = logical[0] if isinstance(logical, list) and logical else {}
    rule = text_of(row, "ruleId")
    return SarifResult(
        tool=tool,
        rule=rule,
        rule_name=names.get(rule, ""),
        level=text_of(row, "level", "warning"),
        message=text_of(_inside(row, "message"), "text"),
        file=text_of(_inside(physical, "artifactLocation"), "uri"),
        line=number_of(region, "startLine"),
        column=number_of(region, "startColumn"),
        scope=text_of(scope, "fullyQualifiedName") if isinstance(scope, dict) else "",
    )


def _inside(row: object, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row if isinstance(row, dict) else {}
