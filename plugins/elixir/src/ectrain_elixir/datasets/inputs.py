"""What there is to read: Mix projects, folders, archives and tables, in units of work.

A unit is read and worked on as a whole, by any process, and says by its mark whether it is still
what it was: so work that was interrupted goes on where it ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import attrs

from ectrain.errors import DataError
from ectrain.records import Faults
from ectrain_elixir.datasets.archives import ARCHIVES, read_archive
from ectrain_elixir.datasets.licences import package_licence
from ectrain_elixir.datasets.tables import TABLES, read_table

VENDORED = frozenset(
    {".git", "_build", "deps", "node_modules", ".elixir_ls", ".hex", "cover", "vendor", "_opam"}
)
ENDINGS = (".ex", ".exs")
UNIT_FILES = 200
_APP = re.compile(r"\bapp:\s*:(\w+)")


@attrs.frozen
class Document:
    """A file as it was found.

    Attributes:
        path: Below its package, with slashes.
        data: Its bytes; None where it could not be read.
        package: Whose it is.
        licence: Of the package.
    """

    path: str
    data: bytes | None
    package: str
    licence: str


class Unit(Protocol):
    """A part of the input.

    Attributes:
        source: The path that was given.
        bytes: How much there is to read.
    """

    @property
    def source(self) -> str:
        """The path."""

    @property
    def bytes(self) -> int:
        """How much."""

    def mark(self) -> str:
        """Return what the unit is known by: another content, another mark."""

    def documents(self) -> Iterator[Document]:
        """Read it."""


@attrs.frozen
class Project:
    """A folder whose files are one package: a Mix project, or a folder without one above."""

    name: str
    root: Path
    licence: str


@attrs.frozen
class FolderUnit:
    """Files of one project."""

    source: str
    project: Project
    names: tuple[str, ...]
    stamps: tuple[tuple[int, int], ...]

    @property
    def bytes(self) -> int:
        """Sum of the files' sizes."""
        return sum(size for size, _ in self.stamps)

    def mark(self) -> str:
        """Hash names, sizes and times of change."""
        project = [self.project.name, str(self.project.root), self.project.licence]
        return _hash([self.source, project, self.names, self.stamps])

    def documents(self) -> Iterator[Document]:
        """Read the files."""
        for name in self.names:
            try:
                data: bytes | None = (self.project.root / name).read_bytes()
            except OSError:
                data = None
            yield Document(name, data, self.project.name, self.project.licence)


@attrs.frozen
class ArchiveUnit:
    """An archive of a package."""

    source: str
    path: Path
    bytes: int
    changed: int
    most_bytes: int

    def mark(self) -> str:
        """Hash path, size and time of change."""
        return _hash([self.source, str(self.path), self.bytes, self.changed])

    def documents(self) -> Iterator[Document]:
        """Read its members."""
        found = read_archive(self.path, ENDINGS, VENDORED, self.most_bytes)
        for path, data in found.members:
            yield Document(path, data, found.package, found.licence)


@attrs.frozen
class TableUnit:
    """Rows of a table, read already."""

    source: str
    rows: tuple[Document, ...]

    @property
    def bytes(self) -> int:
        """Sum of the texts' sizes."""
        return sum(len(row.data or b"") for row in self.rows)

    def mark(self) -> str:
        """Hash the rows."""
        rows = [(r.path, r.package, r.licence, (r.data or b"").hex()) for r in self.rows]
        return _hash([self.source, rows])

    def documents(self) -> Iterator[Document]:
        """Return the rows."""
        yield from self.rows


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@attrs.define
class Inputs:
    """Everything that was asked for.

    Attributes:
        paths: Given ones.
        columns: Names of table columns, by what they are for; {} for the names of `tables`.
        most_bytes: Of a member of an archive; larger ones are named and not read.
        faults: Takes what is wrong with rows of tables.
        projects: Folders that were found to be packages, filled while listing.
        passed: Folders of dependencies and builds that were not looked into.
    """

    paths: Sequence[Path]
    columns: Mapping[str, str]
    most_bytes: int
    faults: Faults
    projects: list[Project] = attrs.field(factory=list)
    passed: int = 0

    def units(self) -> Iterator[Unit]:
        """Yield the units, in an order that depends on nothing but names.

        Raises:
            DataError: A path doesn't exist, or is nothing that can be read.
        """
        for path in self.paths:
            if path.is_dir():
                yield from self._folder(path)
            elif path.name.endswith(ARCHIVES) and path.is_file():
                yield self._archive(path, str(path))
            elif path.suffix in TABLES and path.is_file():
                yield from self._table(path)
            elif path.suffix in ENDINGS and path.is_file():
                project = Project(path.resolve().parent.name, path.resolve().parent, "")
                yield from _folder_units(str(path), project, [path.name])
            else:
                why = "no such file or folder" if not path.exists() else "nothing that can be read"
                kinds = ", ".join((*ENDINGS, *ARCHIVES, *TABLES))
                raise DataError(f"{path}: {why}; expected a folder or a file in {kinds}")

    def _folder(self, root: Path) -> Iterator[Unit]:
        """Yield the units of a folder: each file belongs to the nearest project above it."""
        names: dict[Path, list[str]] = {}
        projects: dict[Path, Project] = {}
        archives = []
        for folder, folders, files in os.walk(root):
            here = Path(folder)
            self.passed += len(set(folders) & VENDORED)
            folders[:] = sorted(set(folders) - VENDORED)
            if here == root or "mix.exs" in files:
                projects[here] = _project(here, projects.get(_nearest(here.parent, projects)))
            owner = _nearest(here, projects)
            for name in sorted(files):
                file = here / name
                if file.is_symlink():
                    continue
                if name.endswith(ENDINGS):
                    names.setdefault(owner, []).append(file.relative_to(owner).as_posix())
                elif name.endswith(ARCHIVES):
                    archives.append(file)
        for owner, project in projects.items():
            if owner in names:
                self.projects.append(project)
                yield from _folder_units(str(root), project, sorted(names[owner]))
        for file in archives:
            yield self._archive(file, str(root))

    def _archive(self, path: Path, source: str) -> ArchiveUnit:
        found = path.stat()
        return ArchiveUnit(source, path, found.st_size, found.st_mtime_ns, self.most_bytes)

    def _table(self, path: Path) -> Iterator[Unit]:
        rows = read_table(path, self.columns, self.faults)
        documents = (
            Document(
                row.path or f"{path.stem}/{number}.ex",
                row.code.encode("utf-8", "surrogatepass"),
                row.package or path.stem,
                row.licence,
            )
            for number, row in rows
        )
        while part := tuple(islice(documents, UNIT_FILES)):
            yield TableUnit(str(path), part)


def _nearest(folder: Path, projects: Mapping[Path, Project]) -> Path:
    """Return the nearest project at or above a folder; the folder where there is none."""
    return next((f for f in (folder, *folder.parents) if f in projects), folder)


def _project(root: Path, above: Project | None) -> Project:
    def read(name: str) -> str | None:
        try:
            return (root / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None

    app = _APP.search(read("mix.exs") or "")
    licence = package_licence(read) or (above.licence if above else "")
    return Project(app[1] if app else root.resolve().name, root, licence)


def _folder_units(source: str, project: Project, names: Sequence[str]) -> Iterator[Unit]:
    for at in range(0, len(names), UNIT_FILES):
        part = tuple(names[at : at + UNIT_FILES])
        stamps = []
        for name in part:
            try:
                found = (project.root / name).stat()
                stamps.append((found.st_size, found.st_mtime_ns))
            except OSError:
                stamps.append((0, 0))
        yield FolderUnit(source, project, part, tuple(stamps))
