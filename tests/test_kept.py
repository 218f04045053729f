"""Made data in the cache: the same whether they were made or read, and never in anybody's way."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from ectrain.errors import DataError, ResourceError
from ectrain.kept import Recipe, kept
from ectrain.mapped import Mapped
from ectrain.task import SPLITS, Split
from ectrain.user_cache import cache_folder, drop_unused


@attrs.frozen
class Poem:
    """A record."""

    title: str
    lines: tuple[str, ...]


@attrs.define
class Poet:
    """Makes poems and counts how often."""

    size: int = 20
    times: int = 0

    def make(self) -> Iterator[tuple[Split, Poem]]:
        """Make some for each split."""
        self.times += 1
        for number in range(self.size):
            yield SPLITS[number % 3], Poem(f"no {number}", ("roses", "\u00e9\n" * number))

    def recipe(self, **settings: str) -> Recipe[Poem]:
        """Return how it makes them."""
        return Recipe(
            "poems",
            {"size": str(self.size), **settings},
            ("ectrain.kept",),
            self.make,
            attrs.asdict,
            lambda data: Poem(data["title"], tuple(data["lines"])),
            lambda poem: len(poem.lines[1]),
        )

    def kept(self, **settings: str) -> dict[Split, list[Poem]]:
        """Return all poems."""
        return {split: list(poems) for split, poems in kept(self.recipe(**settings)).items()}

    @property
    def plain(self) -> dict[Split, list[Poem]]:
        """What it makes, without a cache."""
        made = [*Poet(self.size).make()]
        return {split: [poem for s, poem in made if s == split] for split in SPLITS}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache."""
    monkeypatch.setenv("ECTRAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_kept_is_what_was_made() -> None:
    """Records are equal, in order, in their splits, made once; fingerprints and marks as well."""
    poet = Poet()
    first, second = kept(poet.recipe()), kept(poet.recipe())
    assert poet.kept() == poet.plain
    assert poet.times == 1
    for split in SPLITS:
        assert first[split].fingerprint == second[split].fingerprint
        assert [*first[split].marks] == [len(p.lines[1]) for p in poet.plain[split]]


def test_other_settings_or_sources_are_other_data(cache: Path) -> None:
    """Arguments and the source of the maker have their part in the name."""
    poet = Poet()
    names = {poet.recipe().name, poet.recipe(seed="1").name, Poet(21).recipe().name}
    other = attrs.evolve(poet.recipe(), sources=("ectrain.kept", "ectrain.curricula"))
    assert len({*names, other.name}) == 4
    poet.kept()
    poet.kept(seed="1")
    assert poet.times == 2


def damaged(change: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Return what changes one file of a kept dataset."""

    def damage(folder: Path) -> None:
        change(next(folder.glob("train-*.jsonl")))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damaged(lambda file: file.write_bytes(file.read_bytes().replace(b"roses", b"Roses"))),
        damaged(lambda file: file.write_bytes(b"")),
        damaged(lambda file: file.unlink()),
        lambda folder: (folder / "dataset.json").write_text("{"),
        lambda folder: (folder / "dataset.json").unlink(),
    ],
)
def test_damage_is_mended(damage: Callable[[Path], None]) -> None:
    """A changed, cut or missing file: the data are made anew, and kept."""
    poet = Poet()
    poet.kept()
    damage(cache_folder("made", poet.recipe().name))
    assert poet.kept() == poet.kept() == poet.plain
    assert poet.times == 2


def test_without_a_cache_data_last_as_long_as_the_process(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be kept nothing fails, nor is anything left; without any room, it does."""
    cache.write_text("a file, no folder")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    poet = Poet()
    assert poet.kept() == poet.plain
    assert [*tmp_path.iterdir()] == [cache]
    monkeypatch.setattr("tempfile.tempdir", str(cache))
    with pytest.raises(ResourceError, match="set ECTRAIN_CACHE to a folder with room"):
        poet.kept()


def test_a_maker_that_fails_leaves_nothing(cache: Path) -> None:
    """What fails halfway is no data the next time."""
    poet = Poet()

    def fail() -> Iterator[tuple[Split, Poem]]:
        yield from poet.make()
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        kept(attrs.evolve(poet.recipe(), make=fail))
    assert [*(cache / "made").iterdir()] == []


def ask(size: int, made: Any) -> None:
    """Ask for poems in another process, and tell if they were made there."""
    poet = Poet(size)
    assert poet.kept() == poet.plain
    made.put(poet.times)


def test_processes_that_ask_at_once_get_the_same() -> None:
    """One makes them, the others read them; all of them get all."""
    context = multiprocessing.get_context("fork")
    made: Any = context.Queue()
    processes = [context.Process(target=ask, args=(3000, made)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert sum(made.get() for _ in processes) == 1


def test_what_is_open_outlasts_its_files(cache: Path) -> None:
    """A process reads on when another one drops what it reads."""
    poems = kept(Poet().recipe())["val"]
    drop_unused(cache / "made", most_days=-1)
    (cache / "made" / "newer").mkdir()
    drop_unused(cache / "made", most_days=-1)
    assert [path.name for path in (cache / "made").iterdir()] == ["newer"]
    assert [*poems] == Poet().plain["val"]


def test_the_last_used_stay(tmp_path: Path) -> None:
    """What is old goes, and the longest unused while there is too much."""
    now = time.time()
    for days in range(5):
        folder = tmp_path / f"{days} days"
        folder.mkdir()
        (folder / "data").write_bytes(b"x" * 100)
        os.utime(folder, (now, now - days * 86400))
    drop_unused(tmp_path, most_days=3.5)
    assert len([*tmp_path.iterdir()]) == 4
    drop_unused(tmp_path, most_bytes=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0 days", "1 days"]


def test_a_mapped_sequence_is_a_sequence() -> None:
    """Indices, slices, negative ones and iteration give what the source gives, made anew."""
    mapped = Mapped(range(5), str, {"size": np.arange(5.0)})
    assert [*mapped] == ["0", "1", "2", "3", "4"]
    assert (mapped[-1], mapped[1:3], len(mapped)) == ("4", ["1", "2"], 5)
    with pytest.raises(IndexError):
        mapped[5]


def test_records_and_their_sequences_stay_plain() -> None:
    """A record can be sent to another process, and its cache is nobody else's."""
    poem = kept(Poet().recipe())["train"][0]
    assert pickle.loads(pickle.dumps(poem)) == poem
    if sys.platform == "linux":
        assert cache_folder("made").stat().st_mode & 0o077 == 0
