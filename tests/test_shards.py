"""Laws of datasets on disk: what is written is read, and no change of a byte goes unseen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain.shards import (
    FORMAT,
    DatasetManifest,
    Shards,
    ShardWriter,
    hash_problems,
    read_manifest,
    write_manifest,
)
from ectrain.storage import Storage
from ectrain.task import SPLITS


def write(folder: Path, records: list[dict[str, Any]], most_bytes: int = 200) -> DatasetManifest:
    """Write a dataset whose every split has the same records."""
    writers = {split: ShardWriter(folder, split, Storage(), most_bytes) for split in SPLITS}
    for writer in writers.values():
        for place, record in enumerate(records):
            writer.add(record, size=len(str(record)), mark=place % 3)
        writer.flush()
    shards = {split: tuple(writer.shards) for split, writer in writers.items()}
    manifest = DatasetManifest(FORMAT, "toys", 1, shards, {"a": "b"}, {"rows": len(records)})
    write_manifest(folder, manifest, Storage())
    return manifest


def rows(folder: Path) -> Shards[dict[str, Any]]:
    """Return the training split as it lies on disk."""
    return Shards(folder, read_manifest(folder), "train", dict)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=3)
)
records = st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=30)


@settings(max_examples=12)
@given(found=records)
def test_any_record_is_read_alone(
    tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]]
) -> None:
    """Records, sizes, marks and the manifest come back equal, over any number of shards."""
    folder = tmp_path_factory.mktemp("shards")
    manifest = write(folder, found)
    assert read_manifest(folder) == manifest
    read = rows(folder)
    assert [read[place] for place in reversed(range(len(found)))] == found[::-1]
    assert list(read) == found == list(read[:])
    assert read.sizes.tolist() == [len(str(record)) for record in found]
    assert read.marks.tolist() == [place % 3 for place in range(len(found))]
    assert not list(hash_problems(folder, manifest))


@settings(max_examples=12)
@given(st.data())
def test_no_flipped_byte_passes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A changed byte in any file but the manifest is named with its file."""
    folder = tmp_path_factory.mktemp("shards")
    manifest = write(folder, [{"n": n} for n in range(20)], most_bytes=60)
    file = data.draw(st.sampled_from(sorted(folder.glob("*-*"))))
    content = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    assert [p.partition(":")[0] for p in hash_problems(folder, manifest)] == [str(file)]


def test_a_shard_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """F73: a file that grows, shrinks or is replaced is named at the next read."""
    write(tmp_path, [{"n": n} for n in range(9)], most_bytes=10_000)
    read, path = rows(tmp_path), tmp_path / "train-00000.jsonl"
    assert read[3] == {"n": 3}
    with path.open("ab") as file:
        file.truncate(10)
    with pytest.raises(DataError, match=f"{path}: changed while it was read"):
        read[4]
    with pytest.raises(DataError, match=f"{path}: 10 bytes, its manifest says"):
        rows(tmp_path)[0]
    path.unlink()
    with pytest.raises(DataError, match=f"{path}: no such file"):
        rows(tmp_path)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 9}, "format 9"),
        ({"shards": {"train": []}}, "shards.val is missing"),
        ({"kind": 3}, "kind: expected a string, found 3"),
        ({"colour": 1}, "unknown key 'colour'"),
        (None, "no dataset"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(
    tmp_path: Path, change: dict[str, Any] | None, said: str
) -> None:
    """What is wrong with it is said, with its path."""
    write(tmp_path, [{}])
    path = tmp_path / "dataset.json"
    if change is None:
        os.unlink(path)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=said):
        read_manifest(tmp_path)


def test_an_index_of_another_shard_is_refused(tmp_path: Path) -> None:
    """An index that can't be the shard's is named."""
    write(tmp_path, [{"n": n} for n in range(4)])
    path = tmp_path / "train-00000.idx"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match=f"{path}: "):
        rows(tmp_path)
