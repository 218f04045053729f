"""Read `mix sobelow --format json`.

The type before the colon is the key; the words behind it vary. Sobelow tells confidence, never
severity, and no column; its SARIF (`sarif.py`) has rule ids and columns and is the better input.
"""

import attrs

from ectrain.errors import DataError
from ectrain_elixir.tools.documents import document, number_of, rows, text_of

CONFIDENCES = ("high", "medium", "low")


@attrs.frozen
class Sighting:
    """One finding at one place.

    Args:
        type: Such as "SQL.Query".
        confidence: "high", "medium" or "low".
        file: As Sobelow names it; an absolute path lacks its first slash.
        line: From 1; None where it has none.
        variable: What is tainted, or empty.
    """

    type: str
    confidence: str
    file: str
    line: int | None
    variable: str


def read_sobelow(text: str, source: str = "sobelow") -> list[Sighting]:
    """Return the findings in Sobelow's JSON; other output around it is skipped.

    Raises:
        DataError: If there is no such JSON; an empty object means that Sobelow failed to parse.
    """
    found = document(text, source, "findings")
    groups = found.get("findings")
    if not isinstance(groups, dict):
        raise DataError(
            f"{source}: no findings in it; run sobelow with --strict, it hides what it cannot parse"
        )
    return [
        Sighting(
            type=text_of(row, "type").partition(":")[0].strip(),
            confidence=confidence,
            file=text_of(row, "file"),
            line=number_of(row, "line") or None,
            variable=text_of(row, "variable"),
        )
        for confidence in CONFIDENCES
        if f"{confidence}_confidence" in groups
        for row in rows(groups, f"{confidence}_confidence", source)
    ]
