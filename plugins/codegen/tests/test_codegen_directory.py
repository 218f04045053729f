"""Somebody's code as data: packages stay whole, files are cut into pieces of whole lines."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain.testing import LAWS, Law, Subject, check_law
from ectrain_codegen import CodegenConfig, CodegenTask

PACKAGES = 12
FUNCTION = "  def f{n}(x) do\n    x + {n}\n  end\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of Mix projects, three files each."""
    root: Path = tmp_path_factory.mktemp("code")
    for package in range(PACKAGES):
        folder = root / f"package{package}"
        (folder / "lib").mkdir(parents=True)
        (folder / "mix.exs").write_text(f"defmodule P{package}.MixProject do\nend\n")
        for name in "ab":
            body = "".join(FUNCTION.format(n=package * 100 + n) for n in range(20))
            text = f"defmodule P{package}.{name.upper()} do\n{body}end\n"
            (folder / "lib" / f"{name}.ex").write_text(text)
    return root


def task_of(root: Path, max_tokens: int = 64) -> CodegenTask:
    """Return the task over a folder."""
    return CodegenTask(CodegenConfig(data=str(root), max_tokens=max_tokens))


@pytest.fixture(scope="module")
def subject(root: Path) -> Subject:
    """Return the task under the contract's laws."""
    return Subject(task_of(root))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_directory_keeps_the_contract(law: Law, subject: Subject) -> None:
    """Each law of the contract holds on real code, too."""
    check_law(law, subject)


def test_packages_are_never_split(root: Path) -> None:
    """All files of a package are in one split, and every file is in one."""
    task = task_of(root)
    packages = {split: {e.group for e in task.examples(split)} for split in SPLITS}
    assert sum(map(len, packages.values())) == len(set.union(*packages.values())) == PACKAGES
    files = {e.id.partition("#")[0] for split in SPLITS for e in task.examples(split)}
    assert len(files) == 3 * PACKAGES


def test_pieces_make_up_the_file(root: Path) -> None:
    """Pieces of whole lines, joined, are the file; only the last one is whole."""
    pieces = defaultdict(list)
    for split in SPLITS:
        for example in task_of(root).examples(split):
            pieces[example.id.partition("#")[0]].append(example)
    for name, parts in pieces.items():
        assert "".join(part.answer for part in parts) == (root / name).read_text()
        assert [part.whole for part in parts] == [False] * (len(parts) - 1) + [True]
        assert all(part.prompt == "" and part.kata is None for part in parts)
        assert all(part.answer.endswith("\n") for part in parts)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """What is no directory is refused with its path."""
    with pytest.raises(DataError, match="nowhere is not a directory"):
        task_of(tmp_path / "nowhere").examples("train")
