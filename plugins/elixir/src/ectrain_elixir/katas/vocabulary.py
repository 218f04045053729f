"""What facts are written with: properties of the elixir-ontologies vocabulary, as tokens."""

from __future__ import annotations

PROPERTIES = (
    "containsFunction",
    "importsFrom",
    "hasField",
    "referencesType",
    "definesCallback",
    "implementsBehaviour",
    "hasReturnType",
    "handlesMessage",
    "sendsMessageTo",
)
FACT_SYMBOLS = (
    "[ONTO]",
    "[/ONTO]",
    *(f"<{p}>" for p in PROPERTIES),
    *(f"</{p}>" for p in PROPERTIES),
)
