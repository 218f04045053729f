"""A directory of somebody's Elixir code: its files, the packages they belong to, and splits."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from ectrain.errors import DataError
from ectrain.splits import split_groups
from ectrain.task import SPLITS, Split
from ectrain_elixir.syntax import parses

SKIPPED_FOLDERS = frozenset({".git", "_build", "deps", "node_modules", ".elixir_ls"})


@attrs.frozen
class Source:
    """A file of Elixir.

    Attributes:
        id: Its path below the root, with slashes.
        group: The package or folder that it belongs to; a group is never split.
        code: Its text.
    """

    id: str
    group: str
    code: str


@attrs.frozen
class Corpus:
    """What a directory holds.

    Attributes:
        root: The directory.
        sources: Files that can be used, by path.
        skipped: How many files can't, by reason.
    """

    root: Path
    sources: tuple[Source, ...]
    skipped: Mapping[str, int]


def read_sources(root: Path, max_bytes: int = 200_000) -> Corpus:
    """Read every `.ex` and `.exs` file below a directory.

    A group is the nearest folder above a file that has a `mix.exs`, else the file's own folder.
    Dependencies, builds and version control are left out; links are not followed.

    Args:
        root: The directory.
        max_bytes: Larger files are skipped: they are generated tables more often than code.

    Raises:
        DataError: It is no directory, or holds no Elixir that can be used.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a directory; expected a folder with Elixir code")
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    sources = []
    for path in _files(root):
        code = _read(path, max_bytes, skipped)
        if code is None:
            continue
        mark = hashlib.sha256(re.sub(r"\s+", " ", code).encode()).hexdigest()
        if mark in seen:
            skipped["duplicate"] += 1
        elif not parses(code):
            skipped["does not parse"] += 1
        else:
            seen.add(mark)
            sources.append(Source(path.relative_to(root).as_posix(), _group(path, root), code))
    if not sources:
        why = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        raise DataError(
            f"{root} holds no .ex or .exs file that can be used ({why or 'none found'})"
        )
    return Corpus(root, tuple(sources), dict(sorted(skipped.items())))


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(files):
            path = Path(folder, name)
            if name.endswith((".ex", ".exs")) and not path.is_symlink():
                yield path


def _read(path: Path, max_bytes: int, skipped: Counter[str]) -> str | None:
    """Return a file's text, or count why it can't be used."""
    try:
        data = path.read_bytes()
        code = data.decode("utf-8")
    except OSError:
        skipped["unreadable"] += 1
        return None
    except UnicodeDecodeError:
        skipped["not UTF-8"] += 1
        return None
    if len(data) > max_bytes:
        skipped["too large"] += 1
        return None
    if not code.strip():
        skipped["empty"] += 1
        return None
    return code


def _group(path: Path, root: Path) -> str:
    for folder in path.parents:
        if (folder / "mix.exs").is_file():
            return folder.relative_to(root).as_posix() if folder != root else _below(path, root)
        if folder == root:
            break
    return _below(path, root)


def _below(path: Path, root: Path) -> str:
    """Return a file's own folder below the root: what one package is split by."""
    return path.parent.relative_to(root).as_posix()


def split_sources(corpus: Corpus) -> dict[Split, tuple[Source, ...]]:
    """Return the splits, whole groups in each.

    Groups go to splits by their hash, about 80/10/10. Where that leaves a split with hardly any
    text or far too much, the smallest groups are dealt to val and test until each has its share;
    where there are fewer than three groups, each file is one.

    Raises:
        DataError: There are fewer than three files.
    """
    sources: Sequence[Source] = corpus.sources
    if len(sources) < len(SPLITS):
        raise DataError(
            f"{corpus.root} holds {len(sources)} usable Elixir files; expected at least "
            f"{len(SPLITS)}, one for each split"
        )
    if len({source.group for source in sources}) < len(SPLITS):
        sources = [attrs.evolve(source, group=source.id) for source in sources]
    sizes: Counter[str] = Counter()
    for source in sources:
        sizes[source.group] += len(source.code)
    assigned = split_groups(sizes)
    return {
        split: tuple(source for source in sources if assigned[source.group] == split)
        for split in SPLITS
    }
