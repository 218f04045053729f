"""What a dataset of Elixir files says of each file: the one record schema of real data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from ectrain.errors import DataError
from ectrain_elixir.katas import Fact

KIND = "elixir-files"
VERSION = 1

FileKind = Literal["source", "test", "support"]
TestStyle = Literal["", "exunit", "property", "liveview"]


def _not_blank(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise DataError(f"{attribute.name}: blank")


@attrs.frozen
class Label:
    """What Credo or Sobelow said of a file, at one place.

    Attributes:
        name: A check without "Credo.Check.", or a Sobelow finding.
        line: From 1; None where the tool names none.
        grade: Credo's category, or Sobelow's confidence.
        message: The sentence, or the variable.
    """

    name: str
    line: int | None = None
    grade: str = ""
    message: str = ""


@attrs.frozen
class Row:
    """A file.

    Attributes:
        id: Unique in the dataset: package and path.
        group: What is never split.
        package: The Mix application, or the folder.
        path: Below the package, with slashes.
        licence: SPDX id; "" where unknown.
        source: Where it was read: the path given to `ectrain data build`.
        kind: "source", "test" (ExUnit) or "support" (settings, helpers, scripts).
        code: The text.
        style: Of a test: "exunit", "property" or "liveview".
        modules: What it defines.
        pairs: Ids of a source's tests, or of a test's sources.
        checked: Tools whose labels are known: "credo", "sobelow".
        issues: Credo's.
        findings: Sobelow's.
        facts: Of the modules around it that it uses, nearest first.
        level: 0 without facts, 1 with facts of one hop, 2 where paths of two are among them.
    """

    id: str = attrs.field(validator=_not_blank)
    group: str = attrs.field(validator=_not_blank)
    package: str
    path: str
    licence: str
    source: str
    kind: FileKind
    code: str = attrs.field(validator=_not_blank)
    style: TestStyle = ""
    modules: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    issues: tuple[Label, ...] = ()
    findings: tuple[Label, ...] = ()
    facts: tuple[Fact, ...] = ()
    level: int = 0


BITS: Mapping[str, int] = {"source": 1, "test": 2, "support": 4, "credo": 8, "sobelow": 16}
LEVEL_BITS: Mapping[int, int] = {1: 32, 2: 64}  # of facts


def mark_of(row: Row) -> int:
    """Return the bits that rows are chosen by without being read: kind, tools, level of facts."""
    tools = sum(BITS[tool] for tool in row.checked)
    return BITS[row.kind] | tools | LEVEL_BITS.get(row.level, 0)


def plain_row(row: Row) -> dict[str, Any]:
    """Return a row as JSON has it; facts and labels are short lists."""
    found = {a.name: getattr(row, a.name) for a in attrs.fields(Row)}
    for name, kind in _LISTS.items():
        found[name] = [[getattr(x, a.name) for a in attrs.fields(kind)] for x in found[name]]
    return found


def made_row(data: Mapping[str, Any]) -> Row:
    """Return the row that `plain_row` gave, without checking types: `checked_row` does.

    Raises:
        KeyError, TypeError: It is none.
    """
    found = dict(data)
    for name, kind in _LISTS.items():
        found[name] = tuple(kind(*entry) for entry in data[name])
    for name in ("modules", "pairs", "checked"):
        found[name] = tuple(data[name])
    return Row(**found)


def checked_row(data: Mapping[str, Any]) -> Row:
    """Return a row whose every field was checked.

    Raises:
        Exception: What `ectrain.structure.problems` puts into words.
    """
    from ectrain.structure import converter

    found = dict(data)
    for name, kind in _LISTS.items():
        names = [a.name for a in attrs.fields(kind)]
        found[name] = [_named(names, entry, name) for entry in data.get(name, ())]
    return converter.structure(found, Row)


def _named(names: list[str], entry: Any, field: str) -> dict[str, Any]:
    if not isinstance(entry, list) or len(entry) != len(names):
        raise ValueError(f"{field}: expected lists of {', '.join(names)}, found {entry!r:.60}")
    return dict(zip(names, entry, strict=True))


_LISTS: Mapping[str, type[Any]] = {"issues": Label, "findings": Label, "facts": Fact}
