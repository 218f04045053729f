"""Whether a built dataset is what its manifest says, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ectrain.errors import did_you_mean
from ectrain.records import strict_object
from ectrain.shards import DatasetManifest, hash_problems, read_manifest
from ectrain.structure import problems
from ectrain.task import SPLITS, Split
from ectrain_elixir.datasets.reader import open_split
from ectrain_elixir.datasets.row import Row, checked_row
from ectrain_elixir.findings import FINDINGS

_FINDINGS = frozenset(finding.id for finding in FINDINGS)


def check(folder: Path) -> Iterator[str]:
    """Yield every problem of a dataset, each with path, line and field.

    Hashes, then the fields of every row, ids that come twice, groups in two splits, pairs that
    point to nothing or to another split, and rows that say another size than they have.

    Raises:
        DataError: It has no manifest, or one that can't be read.
    """
    manifest = read_manifest(folder)
    wrong = list(hash_problems(folder, manifest))
    yield from wrong
    if wrong:
        return
    yield from _rows(folder, manifest)


def _rows(folder: Path, manifest: DatasetManifest) -> Iterator[str]:
    seen: dict[str, tuple[str, str]] = {}
    groups: dict[str, tuple[str, str]] = {}
    pairs: list[tuple[str, str, Split, str]] = []
    for split in SPLITS:
        if not sum(shard.records for shard in manifest.shards[split]):
            yield f"{folder}: split {split} is empty"
        for path, number, line, size in open_split(folder, split).lines():
            where = f"{path}:{number}"
            try:
                row = checked_row(strict_object(line))
            except Exception as error:
                yield from (f"{where}: {problem}" for problem in problems(error))
                continue
            yield from _row(row, where, size)
            if row.id in seen:
                yield f"{where}: id: {row.id!r} is already at {seen[row.id][1]}"
            seen.setdefault(row.id, (split, where))
            there = groups.setdefault(row.group, (split, where))
            if there[0] != split:
                yield f"{where}: group: {row.group!r} is in {there[0]}, too, at {there[1]}"
            pairs += [(row.id, other, split, where) for other in row.pairs]
    for one, other, part, where in pairs:
        if other not in seen:
            yield f"{where}: pairs: {other!r}, which {one!r} names, is not in the dataset"
        elif seen[other][0] != part:
            yield f"{where}: pairs: {other!r} is in split {seen[other][0]}, {one!r} in {part}"


def _row(row: Row, where: str, size: int) -> Iterator[str]:
    if len(row.code) != size:
        yield f"{where}: code: {len(row.code)} characters, its index says {size}"
    for tool, labels in (("credo", row.issues), ("sobelow", row.findings)):
        if labels and tool not in row.checked:
            yield f"{where}: checked: has labels of {tool}, which is not among {row.checked}"
        lines = row.code.count("\n") + 1
        for label in labels:
            if tool == "sobelow" and label.name not in _FINDINGS:
                near = did_you_mean(label.name, _FINDINGS)
                yield f"{where}: findings: no finding is named {label.name!r}{near}"
            if label.line is not None and not 1 <= label.line <= lines:
                yield f"{where}: {label.name}: line {label.line} of a file of {lines} lines"
