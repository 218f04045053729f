"""Packages in archives: Hex's own (`NAME-VERSION.tar`) and plain ones of source code.

Members are read, never unpacked to disk, so no name in an archive can reach outside of it; what is
too large is not read either, so an archive can't fill the memory.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

import attrs

from ectrain.errors import DataError
from ectrain_elixir.datasets.licences import hex_licence, package_licence

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MOST_INSIDE = 256 << 20  # bytes of a Hex package's contents, and of all that is read of one
_NAME = re.compile(r'\{<<"(?:app|name)">>,\s*<<"([^"]+)">>\}')


@attrs.frozen
class Archive:
    """What an archive holds.

    Attributes:
        package: Its name.
        licence: As it says.
        members: Paths and bytes of its files; None where a file is too large.
    """

    package: str
    licence: str
    members: tuple[tuple[str, bytes | None], ...]


def read_archive(
    path: Path, endings: tuple[str, ...], left_out: Collection[str], most_bytes: int
) -> Archive:
    """Read an archive's files.

    Args:
        path: The archive.
        endings: Of the names that are wanted.
        left_out: Folders whose files are not.
        most_bytes: Of a file.

    Raises:
        DataError: It is no archive, is damaged, or holds too much.
    """
    try:
        with tarfile.open(path) as outer:
            names = set(outer.getnames())
            if "contents.tar.gz" in names:
                return _hex(path, outer, endings, left_out, most_bytes)
            return _plain(path, outer, endings, left_out, most_bytes)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path}: not an archive that can be read: {error}") from error


def _hex(
    path: Path,
    outer: tarfile.TarFile,
    endings: tuple[str, ...],
    left_out: Collection[str],
    most_bytes: int,
) -> Archive:
    metadata = _text(outer, "metadata.config") or ""
    name = _NAME.search(metadata)
    member = outer.getmember("contents.tar.gz")
    if member.size > MOST_INSIDE:
        raise DataError(f"{path}: contents of {member.size:,} bytes, at most {MOST_INSIDE:,}")
    inner_file = outer.extractfile(member)
    data = inner_file.read() if inner_file else b""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as inner:
        found = tuple(_members(path, inner, endings, left_out, most_bytes))
    package = name[1] if name else re.sub(r"-\d.*", "", path.stem)
    return Archive(package, hex_licence(metadata), found)


def _plain(
    path: Path,
    outer: tarfile.TarFile,
    endings: tuple[str, ...],
    left_out: Collection[str],
    most_bytes: int,
) -> Archive:
    names = [PurePosixPath(name) for name in outer.getnames()]
    tops = {name.parts[0] for name in names if name.parts}
    top = f"{tops.pop()}/" if len(tops) == 1 and any(len(n.parts) > 1 for n in names) else ""
    licence = package_licence(lambda name: _text(outer, top + name))
    found = tuple(
        (name.removeprefix(top), data)
        for name, data in _members(path, outer, endings, left_out, most_bytes)
    )
    base = path.name.partition(".tar")[0].removesuffix(".tgz")
    return Archive(re.sub(r"-v?\d.*", "", top.rstrip("/") or base), licence, found)


def _members(
    path: Path,
    archive: tarfile.TarFile,
    endings: tuple[str, ...],
    left_out: Collection[str],
    most_bytes: int,
) -> Iterator[tuple[str, bytes | None]]:
    total = 0
    found: list[tuple[str, bytes | None]] = []
    for member in archive:
        parts = PurePosixPath(member.name).parts
        inside = not member.name.startswith("/") and ".." not in parts
        if not member.isfile() or not inside or set(parts) & set(left_out):
            continue
        if not member.name.endswith(endings):
            continue
        if member.size > most_bytes:
            found.append((PurePosixPath(*parts).as_posix(), None))
            continue
        total += member.size
        if total > MOST_INSIDE:
            raise DataError(f"{path}: more than {MOST_INSIDE:,} bytes of code in it")
        file = archive.extractfile(member)
        found.append((PurePosixPath(*parts).as_posix(), file.read() if file else None))
    yield from sorted(found, key=lambda pair: pair[0])


def _text(archive: tarfile.TarFile, name: str) -> str | None:
    try:
        member = archive.getmember(name)
    except KeyError:
        return None
    file = archive.extractfile(member) if member.isfile() and member.size < 1 << 20 else None
    return file.read().decode("utf-8", "replace") if file else None
