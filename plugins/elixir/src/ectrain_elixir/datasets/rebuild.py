"""Make a dataset of another: split anew, or without what repeats."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from ectrain.errors import ConfigError
from ectrain.shards import DatasetManifest, ShardWriter, read_manifest, write_manifest
from ectrain.splits import SHARES, split_groups
from ectrain.storage import Storage, disk_errors
from ectrain.task import SPLITS, Split
from ectrain_elixir.datasets.duplicates import Groups, twins
from ectrain_elixir.datasets.grouping import By, groups_of
from ectrain_elixir.datasets.normal import normalised, signatures
from ectrain_elixir.datasets.reader import open_split
from ectrain_elixir.datasets.row import Row, mark_of, plain_row


@attrs.frozen(eq=False)
class _Whole:
    """All rows of a dataset without their text, and where that is."""

    rows: list[Row]
    places: list[tuple[Split, int]]
    sizes: list[int]


def resplit(
    folder: Path,
    out: Path,
    by: By = "auto",
    shares: Mapping[Split, float] = SHARES,
    seed: int = 0,
    storage: Storage | None = None,
) -> DatasetManifest:
    """Write a dataset with other splits.

    Args:
        folder: The dataset.
        out: Where the new one will be; nothing is there yet.
        by: What is never split.
        shares: Of the text, of each split.
        seed: Another one, another deal.
        storage: Does the writing.

    Raises:
        ConfigError: Something is at `out` already.
        DataError: The dataset can't be read, or split that way.
    """
    whole = _read(folder)
    rows = whole.rows
    names = groups_of([r.package for r in rows], [r.path for r in rows], whole.sizes, by)
    groups, place_of = Groups(), {row.id: place for place, row in enumerate(rows)}
    for row, name in zip(rows, names, strict=True):
        for other in row.pairs:
            groups.join(name, names[place_of[other]])
    held: Counter[str] = Counter()
    for name, size in zip(names, whole.sizes, strict=True):
        held[groups.of(name)] += size
    splits = split_groups(held, shares, seed)
    chosen = [(groups.of(name), splits[groups.of(name)]) for name in names]
    said = {"split by": by, "seed": str(seed)}
    return _write(folder, out, whole, chosen, said, {}, storage)


def deduplicate(
    folder: Path, out: Path, near: float = 0.85, storage: Storage | None = None
) -> DatasetManifest:
    """Write a dataset without files that repeat an earlier one; splits stay as they are.

    A file that repeats one of the training split is left out of val or test, never the reverse.

    Raises:
        ConfigError: Something is at `out` already.
        DataError: The dataset can't be read.
    """
    exact, normal, shingles = [], [], []

    def mark(code: str) -> None:
        found = normalised(code)
        exact.append(hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest())
        normal.append(found.digest)
        shingles.append(found.shingles())

    whole = _read(folder, mark)
    marks = signatures(shingles)
    gone = {twin.place: twin.how for twin in twins(exact, normal, marks, near)}
    kept = [place for place in range(len(whole.rows)) if place not in gone]
    names = {whole.rows[place].id for place in kept}
    rows = [
        attrs.evolve(whole.rows[p], pairs=tuple(i for i in whole.rows[p].pairs if i in names))
        for p in kept
    ]
    rest = _Whole(rows, [whole.places[p] for p in kept], [whole.sizes[p] for p in kept])
    chosen = [(row.group, split) for row, (split, _) in zip(rows, rest.places, strict=True)]
    counts = {f"left out: {how}": n for how, n in Counter(gone.values()).items()}
    return _write(folder, out, rest, chosen, {"near": f"{near:g}"}, counts, storage)


def _read(folder: Path, seen: Callable[[str], None] = lambda code: None) -> _Whole:
    whole = _Whole([], [], [])
    for split in SPLITS:
        for place, row in enumerate(open_split(folder, split)):
            whole.rows.append(attrs.evolve(row, code="-"))
            whole.places.append((split, place))
            whole.sizes.append(len(row.code))
            seen(row.code)
    return whole


def _write(
    folder: Path,
    out: Path,
    whole: _Whole,
    chosen: Sequence[tuple[str, Split]],
    said: Mapping[str, str],
    more: Mapping[str, int],
    storage: Storage | None,
) -> DatasetManifest:
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another --out, or remove it")
    storage = storage or Storage()
    work = out.parent / f".{out.name}.building"
    before = read_manifest(folder)
    texts = {split: open_split(folder, split) for split in SPLITS}
    with disk_errors(work, "can't write"):
        storage.remove(work)
        storage.make_directory(work)
        writers = {split: ShardWriter(work, split, storage) for split in SPLITS}
        counts = {k: v for k, v in before.counts.items() if not k.startswith("split ")}
        for row, (split, place), (group, new) in zip(whole.rows, whole.places, chosen, strict=True):
            code = texts[split][place].code
            made = attrs.evolve(row, code=code, group=group)
            writers[new].add(plain_row(made), len(code), mark_of(made))
            counts[f"split {new}"] = counts.get(f"split {new}", 0) + 1
        for writer in writers.values():
            writer.flush()
        for key, value in more.items():
            counts[key] = counts.get(key, 0) + value
        manifest = attrs.evolve(
            before,
            shards={split: tuple(writer.shards) for split, writer in writers.items()},
            settings={**before.settings, **said, "made of": before.fingerprint},
            counts=dict(sorted(counts.items())),
        )
        write_manifest(work, manifest, storage)
        storage.rename(work, out)
    return manifest
