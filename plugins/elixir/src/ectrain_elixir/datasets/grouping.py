"""What must stay in one split: a package, or where there are few, a folder with its tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from ectrain.errors import DataError
from ectrain.task import SPLITS

By = Literal["auto", "package", "folder", "file"]
MOST_SHARE = 0.05  # of all text in one group of folders; a larger one is cut by its subfolders
_PASSED = frozenset({"lib", "src", "test", "tests", "apps", "web"})


def groups_of(
    packages: Sequence[str], paths: Sequence[str], sizes: Sequence[int], by: By
) -> list[str]:
    """Return each file's group.

    By package where there are at least three, unless told; else by the topmost folders below lib
    and test, those that hold much cut by their subfolders: a module and its test stay together.

    Raises:
        DataError: There are too few packages to split by.
    """
    several = len(set(packages)) >= len(SPLITS)
    if by == "package" and not several:
        raise DataError(
            f"{len(set(packages))} packages can't be split three ways; use --split-by folder"
        )
    if by == "package" or (by == "auto" and several):
        return list(packages)
    ways = [(p, *_way(path)) for p, path in zip(packages, paths, strict=True)]
    if by == "file":
        return ["/".join(way) for way in ways]
    return ["/".join(way) for way in _cut(ways, sizes)]


def _way(path: str) -> tuple[str, ...]:
    """Return folders and name, those left out that tell code from tests."""
    parts = PurePosixPath(path)
    name = parts.stem.removesuffix("_test")
    return (*(part for part in parts.parts[:-1] if part not in _PASSED), name)


def _cut(ways: Sequence[tuple[str, ...]], sizes: Sequence[int]) -> list[tuple[str, ...]]:
    most = MOST_SHARE * sum(sizes)
    depths = [min(2, len(way)) for way in ways]
    while True:
        held: Counter[tuple[str, ...]] = Counter()
        for way, depth, size in zip(ways, depths, sizes, strict=True):
            held[way[:depth]] += size
        deeper = [
            place
            for place, (way, depth) in enumerate(zip(ways, depths, strict=True))
            if held[way[:depth]] > most and depth < len(way)
        ]
        if not deeper:
            return [way[:depth] for way, depth in zip(ways, depths, strict=True)]
        for place in deeper:
            depths[place] += 1
