"""From a file's bytes to what is kept of it, or the reason why nothing is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

import attrs
import numpy as np

from ectrain_elixir.datasets.inputs import Document, Unit
from ectrain_elixir.datasets.licences import file_licence, spdx
from ectrain_elixir.datasets.normal import normalised, signatures
from ectrain_elixir.datasets.outline import Outline, outlined
from ectrain_elixir.datasets.row import FileKind, TestStyle
from ectrain_elixir.syntax import tree

_GENERATED = re.compile(
    r"(?i)^\s*#.*(?:do not (?:edit|modify)|@generated|auto-?generated|"
    r"generated (?:by|from|with|using)\b)"
)
_ABOVE = 20  # lines in which a generated file says so
_SUPPORT = frozenset({"mix.exs", ".formatter.exs", ".credo.exs", "test_helper.exs"})
_IS_CASE = re.compile(r"\buse\s+(?:[A-Z]\w*\.)*(?:ExUnit\.)?\w*Case\b")


@attrs.frozen
class Filters:
    """What is not kept.

    Attributes:
        most_bytes: Larger files are generated tables more often than code.
        licences: Allowed ones; all where there is none.
        generated: Keep files that say that they are generated.
    """

    most_bytes: int = 200_000
    licences: frozenset[str] = frozenset()
    generated: bool = False


@attrs.frozen(eq=False)
class Kept:
    """A file that is kept, with what later steps compare.

    Attributes:
        path: Below its package.
        package: Whose it is.
        licence: Its own, else the package's.
        source: Path that was given.
        code: Its text.
        kind: "source", "test" or "support".
        style: Of a test.
        outline: What it defines.
        remote: Remote calls in it.
        exact: SHA-256 of the text.
        normal: SHA-256 of the text without layout, comments and names of variables.
        signature: Its MinHash.
        notes: What was changed in it.
    """

    path: str
    package: str
    licence: str
    source: str
    code: str
    kind: FileKind
    style: TestStyle
    outline: Outline
    remote: tuple[str, ...]
    exact: str
    normal: str
    signature: bytes
    notes: tuple[str, ...] = ()


@attrs.frozen
class Dropped:
    """A file that is not kept, and why."""

    path: str
    package: str
    why: str


def read_unit(unit: Unit, filters: Filters) -> tuple[list[Kept], list[Dropped]]:
    """Return a unit's files, kept and dropped, in order."""
    kept: list[Kept] = []
    dropped: list[Dropped] = []
    shingles = []
    for document in unit.documents():
        found = _read(document, unit.source, filters)
        if isinstance(found, str):
            dropped.append(Dropped(document.path, document.package, found))
            continue
        file, runs = found
        kept.append(file)
        shingles.append(runs)
    marks = signatures(shingles)
    return [
        attrs.evolve(file, signature=mark.tobytes()) for file, mark in zip(kept, marks, strict=True)
    ], dropped


def _read(
    document: Document, source: str, filters: Filters
) -> tuple[Kept, np.ndarray[tuple[int], np.dtype[np.uint64]]] | str:
    """Return a file and its shingles, or why it is dropped."""
    data = document.data
    if data is None:
        return "unreadable or too large"
    if len(data) > filters.most_bytes:
        return "too large"
    try:
        code = data.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if "\x00" in code:
        return "holds NUL"
    code, notes = _tidied(code)
    if not code.strip():
        return "empty"
    licence = spdx(file_licence(code) or document.licence)
    if filters.licences and not _allowed(licence, filters.licences):
        return "licence not allowed"
    if not filters.generated and is_generated(document.path, code):
        return "generated"
    root = tree(code)
    if root.has_error:
        return "does not parse"
    text = code.encode()
    outline = outlined(root, text)
    normal = normalised(code)
    kind = kind_of(document.path, code)
    kept = Kept(
        path=document.path,
        package=document.package,
        licence=licence,
        source=source,
        code=code,
        kind=kind,
        style=style_of(outline, code) if kind == "test" else "",
        outline=outline,
        remote=tuple(sorted(normal.remote)),
        exact=hashlib.sha256(text).hexdigest(),
        normal=normal.digest,
        signature=b"",
        notes=notes,
    )
    return kept, normal.shingles()


def _tidied(code: str) -> tuple[str, tuple[str, ...]]:
    notes = []
    if code.startswith("\ufeff"):
        code = code.removeprefix("\ufeff")
        notes.append("byte order mark removed")
    if "\r\n" in code:
        code = code.replace("\r\n", "\n")
        notes.append("CRLF made LF")
    return code, tuple(notes)


def _allowed(licence: str, allowed: Collection[str]) -> bool:
    """Return whether one of alternatives is allowed, all of whose parts are."""
    return any(
        all(part.strip() in allowed for part in choice.split(" AND "))
        for choice in licence.split(" OR ")
    )


def is_generated(path: str, code: str) -> bool:
    """Return whether a file is made by a program: its name or its first lines say so."""
    if path.endswith((".pb.ex", ".pb.exs")):
        return True
    return any(_GENERATED.match(line) for line in code.split("\n", _ABOVE)[:_ABOVE])


def kind_of(path: str, code: str) -> FileKind:
    """Return whether a file is a test, a source or what supports them."""
    parts = PurePosixPath(path).parts
    if parts[-1].endswith("_test.exs") and _IS_CASE.search(code):
        return "test"
    if parts[-1] in _SUPPORT or parts[-1].endswith(".exs"):
        return "support"
    return "support" if "test" in parts[:-1] else "source"


def style_of(outline: Outline, code: str) -> TestStyle:
    """Return what kind of test a file is, by the modules that it uses."""
    if outline.uses("ExUnitProperties") or outline.uses("PropCheck"):
        return "property"
    return "liveview" if outline.uses("Phoenix.LiveViewTest") else "exunit"


def reasons(dropped: Collection[Dropped]) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason with the paths that it dropped."""
    for why in sorted({file.why for file in dropped}):
        yield why, [f"{file.package}/{file.path}" for file in dropped if file.why == why]
