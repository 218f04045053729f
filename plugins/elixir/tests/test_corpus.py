"""Laws of reading somebody's code: nothing dropped in silence, no group in two splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain_elixir.corpus import Corpus, Source, read_sources, split_sources


def module(name: str) -> str:
    """Return a small module."""
    return f"defmodule {name} do\n  def run(x), do: x\nend\n"


def write(root: Path, files: dict[str, bytes | str]) -> Path:
    """Write files below a root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def test_every_file_is_used_or_counted(tmp_path: Path) -> None:
    """A file that can't be used is counted with its reason; dependencies are not read."""
    root = write(
        tmp_path,
        {
            "a/mix.exs": module("Mix.A"),
            "a/lib/x.ex": module("X"),
            "a/lib/deep/y.ex": module("Y"),
            "a/deps/z/z.ex": module("Z"),
            "a/_build/w.ex": module("W"),
            "b/copy.ex": module("X") + "\n\n",
            "b/broken.ex": "defmodule X do",
            "b/latin.ex": b"# caf\xe9\n",
            "b/empty.exs": "  \n",
            "b/big.ex": module("Big") + "#" * 3000,
            "b/notes.txt": "x",
        },
    )
    corpus = read_sources(root, max_bytes=2000)
    assert {(s.id, s.group) for s in corpus.sources} == {
        ("a/mix.exs", "a"),
        ("a/lib/x.ex", "a"),
        ("a/lib/deep/y.ex", "a"),
    }
    reasons = ("does not parse", "duplicate", "empty", "not UTF-8", "too large")
    assert corpus.skipped == dict.fromkeys(reasons, 1)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder is read."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(outside, {"secret.ex": module("Secret")})
    write(inside, {"a.ex": module("A")})
    (inside / "file.ex").symlink_to(outside / "secret.ex")
    (inside / "folder").symlink_to(outside)
    assert [source.id for source in read_sources(inside).sources] == ["a.ex"]


@pytest.mark.parametrize("files", [None, {}, {"a.py": "x"}, {"a.ex": "def f("}])
def test_nothing_usable_is_an_error(tmp_path: Path, files: dict[str, str] | None) -> None:
    """A missing directory, or one without usable Elixir, is named."""
    root = tmp_path / "code"
    if files is not None:
        root.mkdir()
        write(root, dict(files))
    with pytest.raises(DataError, match=str(root)):
        read_sources(root)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5000)), min_size=3, max_size=60))
def test_splits_are_whole_groups_and_none_is_empty(files: list[tuple[int, int]]) -> None:
    """Every source is in one split, no group is in two, and no split is empty."""
    sources = tuple(
        Source(f"g{group}/{number}.ex", f"g{group}", "x" * size)
        for number, (group, size) in enumerate(files)
    )
    splits = split_sources(Corpus(Path("root"), sources, {}))
    assert sorted(s.id for part in splits.values() for s in part) == sorted(s.id for s in sources)
    assert all(splits.values())
    owner: dict[str, str] = {}
    for split, part in splits.items():
        for source in part:
            assert owner.setdefault(source.group, split) == split


def test_too_few_files_to_split(tmp_path: Path) -> None:
    """Fewer than three files can't be split, and that is said."""
    root = write(tmp_path, {"a.ex": module("A"), "b.ex": module("B")})
    with pytest.raises(DataError, match="2 usable Elixir files"):
        split_sources(read_sources(root))
