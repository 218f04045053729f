"""What a dataset holds: lengths, kinds, labels, licences, and how much of it training covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from ectrain.shards import read_manifest
from ectrain.task import SPLITS
from ectrain_elixir.datasets.normal import spellings
from ectrain_elixir.datasets.reader import open_split

EDGES = (0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800)  # of the histogram, in tokens


@attrs.frozen
class SplitStats:
    """One split.

    Attributes:
        files: How many.
        characters: Of all.
        tokens: Of all; spellings of Elixir, or the given tokenizer's.
        median: Tokens of the file in the middle.
        p90: Tokens below which nine of ten files have.
        longest: Tokens of the longest file.
        histogram: Files by length, between `EDGES`.
        known_tokens: Share of its tokens that training holds, too; None for training itself.
        known_spellings: Share of its different tokens that training holds; None as above.
    """

    files: int
    characters: int
    tokens: int
    median: float
    p90: float
    longest: int
    histogram: tuple[int, ...]
    known_tokens: float | None = None
    known_spellings: float | None = None


@attrs.frozen
class Stats:
    """A dataset.

    Attributes:
        splits: By name.
        tables: Counts of files by kind, style, licence, package and level, and of labels.
        counts: What the manifest counts.
    """

    splits: Mapping[str, SplitStats]
    tables: Mapping[str, Mapping[str, int]]
    counts: Mapping[str, int]

    def as_data(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return attrs.asdict(self) | {"edges": list(EDGES)}


def stats(folder: Path, tokens: Callable[[str], Sequence[Any]] = spellings) -> Stats:
    """Return what a dataset holds; every row is read.

    Args:
        folder: The dataset.
        tokens: From a text to its tokens.

    Raises:
        DataError: It can't be read.
    """
    tables: dict[str, Counter[str]] = {
        name: Counter()
        for name in ("kind", "style", "licence", "package", "level", "credo", "sobelow")
    }
    splits: dict[str, SplitStats] = {}
    trained: Counter[Any] = Counter()
    for split in SPLITS:
        lengths, characters = [], 0
        seen: Counter[Any] = Counter()
        for row in open_split(folder, split):
            found = tokens(row.code)
            lengths.append(len(found))
            characters += len(row.code)
            seen.update(found)
            tables["kind"][row.kind] += 1
            tables["style"][row.style or "no test"] += 1
            tables["licence"][row.licence or "unknown"] += 1
            tables["package"][row.package] += 1
            tables["level"][str(row.level)] += 1
            tables["credo"].update(label.name for label in row.issues)
            tables["sobelow"].update(label.name for label in row.findings)
        splits[split] = _of(lengths, characters, seen, trained)
        trained = seen if split == "train" else trained
    ordered = {name: dict(table.most_common()) for name, table in tables.items()}
    return Stats(splits, ordered, read_manifest(folder).counts)


def _of(
    lengths: Sequence[int], characters: int, seen: Counter[Any], trained: Counter[Any]
) -> SplitStats:
    if not lengths:
        return SplitStats(0, 0, 0, 0.0, 0.0, 0, (0,) * len(EDGES))
    inside = Counter(int(np.searchsorted(EDGES, n, side="right")) - 1 for n in lengths)
    shared = [token for token in seen if token in trained]
    total = sum(lengths)
    return SplitStats(
        files=len(lengths),
        characters=characters,
        tokens=total,
        median=float(np.median(lengths)),
        p90=float(np.quantile(lengths, 0.9)),
        longest=max(lengths),
        histogram=tuple(inside[place] for place in range(len(EDGES))),
        known_tokens=sum(seen[t] for t in shared) / max(total, 1) if trained else None,
        known_spellings=len(shared) / max(len(seen), 1) if trained else None,
    )
