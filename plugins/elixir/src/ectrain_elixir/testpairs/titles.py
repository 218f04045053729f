"""What tests are called."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from ectrain_elixir.katas import Kata
from ectrain_elixir.katas.values import Atom, Struct
from ectrain_elixir.testpairs.cases import Case

LONGEST = 160  # characters: with "test " and a describe block an atom has room for 255

EDGES = frozenset({"an empty list", "zero", "an empty text", "an empty map", "an empty binary"})


def request_title(kata: Kata) -> str:
    """Return what a kata asks for as a title, "" where that is no short plain text."""
    request = kata.draft.request if kata.draft is not None else ""
    if not request or len(request) > LONGEST or set(request) & set('"\\\n#'):
        return ""
    return request[0].lower() + request[1:].rstrip(".")


def kind_of(case: Case) -> str:
    """Return what kind of input a case has, in words."""
    value = case.values[0] if case.values else None
    return _kind(value)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return ("an empty list", "one element")[len(value)] if len(value) < 2 else "a list"
    if isinstance(value, Atom):
        return "a name"
    if isinstance(value, bool) or value is None:
        return "nothing" if value is None else "a boolean"
    if isinstance(value, int):
        return "zero" if value == 0 else "a negative number" if value < 0 else "a number"
    if isinstance(value, Struct):
        return "a struct"
    if isinstance(value, datetime.datetime):
        return "a time"
    if isinstance(value, datetime.date):
        return "a date"
    return _sized(value)


def _sized(value: Any) -> str:
    for kind, name in ((str, "text"), (bytes, "binary"), (dict, "map")):
        if isinstance(value, kind):
            return f"a {name}" if value else f"an empty {name}"
    return "a tuple" if isinstance(value, tuple) else "a value"


def grouped(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Return cases by their kind, in the order in which kinds first occur."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(kind_of(case), []).append(case)
    return found
