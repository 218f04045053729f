"""From files that were read to a dataset: duplicates out, pairs, labels and facts in, splits."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from ectrain.errors import DataError
from ectrain.shards import FORMAT, DatasetManifest, ShardWriter, write_manifest
from ectrain.splits import SHARES, split_groups
from ectrain.storage import Storage
from ectrain.task import SPLITS, Split
from ectrain_elixir.datasets.duplicates import Groups, Twin, twins
from ectrain_elixir.datasets.grouping import By, groups_of
from ectrain_elixir.datasets.labels import Report, matched
from ectrain_elixir.datasets.normal import PERMUTATIONS
from ectrain_elixir.datasets.pairing import Member, paired
from ectrain_elixir.datasets.reading import Dropped, Kept
from ectrain_elixir.datasets.row import KIND, VERSION, Label, Row, mark_of, plain_row
from ectrain_elixir.datasets.surroundings import Surroundings, from_outlines
from ectrain_elixir.datasets.work import stored
from ectrain_elixir.findings import FINDINGS

LEFT_OUT = "left_out.jsonl"


@attrs.frozen
class Choices:
    """How a dataset is put together.

    Attributes:
        by: What is never split.
        near: Likeness from which a file repeats another; above 1 for never.
        keep_duplicates: Keep files that repeat others, in the same split as those.
        shares: Of the text, of each split.
        seed: Of the splits.
    """

    by: By = "auto"
    near: float = 0.85
    keep_duplicates: bool = False
    shares: Mapping[Split, float] = SHARES
    seed: int = 0


@attrs.define
class Assembly:
    """Files of all units, their text apart, and what is decided about them.

    Attributes:
        files: Of each file everything but its text.
        where: The unit's file and the place in it, of each.
        dropped: Files that are left out, with the reason.
        counts: What is told of the whole.
    """

    files: list[Kept] = attrs.field(factory=list)
    where: list[tuple[Path, int]] = attrs.field(factory=list)
    dropped: list[Dropped] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)
    sizes: list[int] = attrs.field(factory=list)

    def take(self, path: Path) -> None:
        """Take in a unit."""
        dropped, kept = stored(path)
        self.dropped += dropped
        for place, file in enumerate(kept):
            self.counts.update(file.notes)
            self.sizes.append(len(file.code))
            self.files.append(attrs.evolve(file, code=""))
            self.where.append((path, place))

    def order(self) -> None:
        """Put the files in an order that depends on nothing but their names."""
        places = sorted(
            range(len(self.files)),
            key=lambda n: (self.files[n].package, self.files[n].path, self.files[n].exact),
        )
        self._keep(places)
        self.dropped.sort(key=lambda d: (d.package, d.path, d.why))

    def _keep(self, places: Sequence[int]) -> None:
        self.files = [self.files[place] for place in places]
        self.where = [self.where[place] for place in places]
        self.sizes = [self.sizes[place] for place in places]

    def twins(self, near: float) -> list[Twin]:
        """Return the files that repeat an earlier one."""
        marks = np.frombuffer(b"".join(f.signature for f in self.files), dtype=np.uint32)
        return list(
            twins(
                [file.exact for file in self.files],
                [file.normal for file in self.files],
                marks.reshape(-1, PERMUTATIONS),
                near,
            )
        )

    def drop_twins(self, found: Sequence[Twin]) -> None:
        """Leave out the files that repeat an earlier one."""
        gone = {twin.place for twin in found}
        for twin in found:
            file, first = self.files[twin.place], self.files[twin.of]
            why = f"{twin.how} of {first.package}/{first.path}"
            self.dropped.append(Dropped(file.path, file.package, why))
        self._keep([place for place in range(len(self.files)) if place not in gone])

    def ids(self) -> list[str]:
        """Return a name for each file: package and path, numbered where two have the same."""
        seen: Counter[str] = Counter()
        found = []
        for file in self.files:
            name = f"{file.package}/{file.path}"
            seen[name] += 1
            found.append(name if seen[name] == 1 else f"{name}@{seen[name]}")
        return found

    def refuse_too_few(self) -> None:
        """Refuse what can't be split.

        Raises:
            DataError: Fewer than three files are left; the filters that removed others are named.
        """
        if len(self.files) >= len(SPLITS):
            return
        why = Counter(_short(file.why) for file in self.dropped)
        said = ", ".join(f"{count} {reason}" for reason, count in sorted(why.items()))
        raise DataError(
            f"{len(self.files)} usable Elixir files; expected at least {len(SPLITS)}, one for each "
            f"split (left out: {said or 'none'})"
        )


def _short(why: str) -> str:
    return why.partition(" of ")[0]


def assemble(
    units: Sequence[Path],
    reports: Mapping[str, Sequence[Report]],
    ontology: Surroundings | None,
    choices: Choices,
    folder: Path,
    settings: Mapping[str, str],
    storage: Storage,
) -> DatasetManifest:
    """Write a dataset from what was read of its units.

    Args:
        units: Their files.
        reports: What tools say, by package.
        ontology: Facts from elsewhere; from the outlines where None.
        choices: How.
        folder: Where it is written; it exists and is empty.
        settings: What the manifest says that it was made with.
        storage: Does the writing.

    Raises:
        DataError: There is too little to split.
    """
    whole = Assembly()
    for path in units:
        whole.take(path)
    whole.order()
    whole.counts["files"] = len(whole.files) + len(whole.dropped)
    found = whole.twins(choices.near)
    joined = [] if not choices.keep_duplicates else found
    if not choices.keep_duplicates:
        whole.drop_twins(found)
    whole.refuse_too_few()
    rows = _linked(whole, reports, ontology)
    rows = _grouped(rows, whole, choices, joined)
    sizes: Counter[str] = Counter()
    for row, size in zip(rows, whole.sizes, strict=True):
        sizes[row.group] += size
    splits = split_groups(sizes, choices.shares, choices.seed)
    for file in whole.dropped:
        whole.counts[f"left out: {_short(file.why)}"] += 1
    _count(rows, splits, whole.counts)
    writers = {split: ShardWriter(folder, split, storage) for split in SPLITS}
    for row, code in zip(rows, _codes(whole.where), strict=True):
        whole_row = attrs.evolve(row, code=code)
        writers[splits[row.group]].add(plain_row(whole_row), len(code), mark_of(row))
    for writer in writers.values():
        writer.flush()
    lines = [json.dumps(attrs.asdict(file), ensure_ascii=False) for file in whole.dropped]
    storage.replace(folder / LEFT_OUT, "".join(f"{line}\n" for line in lines).encode())
    shards = {split: tuple(writer.shards) for split, writer in writers.items()}
    counts = dict(sorted(whole.counts.items()))
    manifest = DatasetManifest(FORMAT, KIND, VERSION, shards, dict(settings), counts)
    write_manifest(folder, manifest, storage)
    return manifest


def _linked(
    whole: Assembly, reports: Mapping[str, Sequence[Report]], ontology: Surroundings | None
) -> list[Row]:
    """Return the rows, without text or group, with what others of their package say of them."""
    ids = whole.ids()
    members: dict[str, list[int]] = defaultdict(list)
    for place, file in enumerate(whole.files):
        members[file.package].append(place)
    rows: dict[int, Row] = {}
    for package, places in members.items():
        files = [whole.files[place] for place in places]
        surroundings = ontology or from_outlines([file.outline for file in files])
        pairs = paired(
            [
                Member(ids[p], f.path, f.kind, tuple(m.name for m in f.outline.modules))
                for p, f in zip(places, files, strict=True)
            ]
        )
        labels = _labelled(reports.get(package, ()), files, whole.counts)
        for place, file in zip(places, files, strict=True):
            facts, level = surroundings.of(file.outline, file.remote)
            rows[place] = Row(
                id=ids[place],
                group="-",
                package=package,
                path=file.path,
                licence=file.licence,
                source=file.source,
                kind=file.kind,
                code="-",
                style=file.style,
                modules=tuple(module.name for module in file.outline.modules),
                pairs=tuple(pairs.get(ids[place], ())),
                checked=tuple(tool for tool in labels if file.path in labels[tool]),
                issues=labels.get("credo", {}).get(file.path, ()),
                findings=labels.get("sobelow", {}).get(file.path, ()),
                facts=facts,
                level=level,
            )
    return [rows[place] for place in range(len(ids))]


def _labelled(
    reports: Sequence[Report], files: Sequence[Kept], counts: Counter[str]
) -> dict[str, dict[str, tuple[Label, ...]]]:
    """Return each tool's labels of the files that it looked at."""
    found: dict[str, dict[str, tuple[Label, ...]]] = {}
    for report in reports:
        labels, lost = matched(report, [file.path for file in files])
        if lost:
            counts[f"{report.tool} labels of files that are not here"] += lost
        for file in files:
            if file.path in labels or report.covers(file.path, file.kind):
                found.setdefault(report.tool, {})[file.path] = labels.get(file.path, ())
    return found


def _grouped(
    rows: Sequence[Row], whole: Assembly, choices: Choices, joined: Sequence[Twin]
) -> list[Row]:
    """Return the rows with their groups: pairs and files that are alike have the same."""
    names = groups_of(
        [row.package for row in rows], [row.path for row in rows], whole.sizes, choices.by
    )
    if len(set(names)) < len(SPLITS):
        names = [row.id for row in rows]
    groups, place_of = Groups(), {row.id: place for place, row in enumerate(rows)}
    for row, name in zip(rows, names, strict=True):
        for other in row.pairs:
            groups.join(name, names[place_of[other]])
    for twin in joined:
        groups.join(names[twin.place], names[twin.of])
    return [attrs.evolve(r, group=groups.of(n)) for r, n in zip(rows, names, strict=True)]


_KNOWN = frozenset(finding.id for finding in FINDINGS)


def _count(rows: Sequence[Row], splits: Mapping[str, Split], counts: Counter[str]) -> None:
    for row in rows:
        split = splits[row.group]
        counts[f"split {split}"] += 1
        counts[f"kind {row.kind}"] += 1
        counts["pairs"] += len(row.pairs) if row.kind == "test" else 0
        counts["tests with a source"] += row.kind == "test" and bool(row.pairs)
        counts["facts"] += len(row.facts)
        counts["Credo issues"] += len(row.issues)
        counts["Sobelow findings"] += len(row.findings)
        for tool in row.checked:
            counts[f"files with {tool} labels"] += 1
        for label in row.findings:
            if label.name not in _KNOWN:
                counts[f"finding unknown here: {label.name}"] += 1


def _codes(where: Sequence[tuple[Path, int]]) -> Iterator[str]:
    """Yield the texts, one unit's in memory at a time where they are in order."""
    held: tuple[Path, list[str]] | None = None
    for path, place in where:
        if held is None or held[0] != path:
            held = path, [file.code for file in stored(path)[1]]
        yield held[1][place]
