"""What must not be: the same code in two splits, or a benchmark's in any."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from ectrain.errors import DataError
from ectrain.records import Faults, scan_objects
from ectrain.task import SPLITS
from ectrain_elixir.datasets.duplicates import twins
from ectrain_elixir.datasets.normal import Normal, normalised, runs_of, signatures
from ectrain_elixir.datasets.reader import open_split

LONG_RUN = 10  # tokens of a run that two texts share by copying rather than by chance
LEAST_RUNS = 5  # of a benchmark's text, below which only equal texts are a leak


@attrs.frozen
class Leak:
    """Code that is where it must not be.

    Attributes:
        how: "exact duplicate", "near duplicate", "same group", "contains benchmark", ...
        one: Id of the row, in a split that is trained on or measured.
        one_split: Its split.
        other: Id of what it repeats.
        other_split: Its split, or the benchmark's file.
        likeness: 1 for equal, else an estimate, or the share of the benchmark's runs of tokens.
    """

    how: str
    one: str
    one_split: str
    other: str
    other_split: str
    likeness: float = 1.0


def split_leaks(folder: Path, near: float = 0.85) -> Iterator[Leak]:
    """Yield what two splits of a dataset share: groups, and files that are alike.

    Raises:
        DataError: The dataset can't be read.
    """
    names, splits, groups, exact, normal, shingles = [], [], [], [], [], []
    for split in SPLITS:
        for row in open_split(folder, split):
            names.append(row.id)
            splits.append(split)
            groups.append(row.group)
            found = normalised(row.code)
            exact.append(hashlib.sha256(row.code.encode("utf-8", "surrogatepass")).hexdigest())
            normal.append(found.digest)
            shingles.append(found.shingles())
    first: dict[str, int] = {}
    for place, group in enumerate(groups):
        other = first.setdefault(group, place)
        if splits[other] != splits[place]:
            yield Leak("same group", names[place], splits[place], names[other], splits[other])
    for twin in twins(exact, normal, signatures(shingles), near):
        if splits[twin.place] != splits[twin.of]:
            pair = (names[twin.place], splits[twin.place], names[twin.of], splits[twin.of])
            yield Leak(twin.how, *pair, round(twin.likeness, 3))


@attrs.frozen(eq=False)
class _Problem:
    name: str
    normal: Normal
    runs: frozenset[int]


def benchmark_leaks(
    folder: Path, benchmark: Path, fields: Iterable[str] = (), least: float = 0.5
) -> Iterator[Leak]:
    """Yield the rows that hold a benchmark's code.

    Args:
        folder: The dataset.
        benchmark: JSON Lines, a problem a line.
        fields: Those that hold code or prompts; all text fields where none is named.
        least: Share of a problem's runs of ten tokens that a row must hold.

    Raises:
        DataError: One of them can't be read.
    """
    problems = list(_problems(benchmark, set(fields)))
    holders: dict[int, list[int]] = {}
    for place, problem in enumerate(problems):
        for run in problem.runs:
            holders.setdefault(run, []).append(place)
    known = np.array(sorted(holders), dtype=np.uint64)
    equal = {problem.normal.digest: problem.name for problem in problems}
    for split in SPLITS:
        for row in open_split(folder, split):
            found = normalised(row.code)
            if found.digest in equal:
                yield Leak("equal to benchmark", row.id, split, equal[found.digest], str(benchmark))
                continue
            runs = runs_of(found.tokens, LONG_RUN)
            hits: Counter[int] = Counter()
            for run in runs[np.isin(runs, known)].tolist():
                hits.update(holders[run])
            for place, count in sorted(hits.items()):
                share = count / len(problems[place].runs)
                if share >= least:
                    pair = (row.id, split, problems[place].name, str(benchmark))
                    yield Leak("contains benchmark", *pair, round(share, 3))


def _problems(path: Path, fields: set[str]) -> Iterator[_Problem]:
    faults = Faults()
    for number, data in scan_objects(path, faults):
        name = str(data.get("id") or data.get("task_id") or data.get("name") or f"line {number}")
        texts = [text for field, text in _texts(data) if not fields or field in fields]
        if not texts:
            known = ", ".join(sorted(data)) or "none"
            faults.add(f"{path}:{number}: no text in {sorted(fields) or 'it'}; fields: {known}")
        for place, text in enumerate(texts):
            normal = normalised(text)
            runs = frozenset(runs_of(normal.tokens, LONG_RUN).tolist())
            if len(normal.tokens) >= LONG_RUN and len(runs) >= LEAST_RUNS:
                yield _Problem(name, normal, runs)
            elif len(normal.tokens) >= LONG_RUN:
                yield _Problem(f"{name}#{place}", normal, frozenset())
    faults.settle()


def _texts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, value in data.items():
        if isinstance(value, str):
            yield field, value
        elif isinstance(value, list):
            yield from ((field, text) for text in value if isinstance(text, str))


def as_lines(leaks: Iterable[Leak]) -> Iterator[str]:
    """Yield leaks as JSON Lines."""
    for leak in leaks:
        yield json.dumps(attrs.asdict(leak), ensure_ascii=False)


def refuse(leaks: int, most: int) -> None:
    """Refuse more leaks than are allowed.

    Raises:
        DataError: There are.
    """
    if leaks > most:
        raise DataError(f"{leaks} leaks, at most {most} are allowed; --most says how many")
