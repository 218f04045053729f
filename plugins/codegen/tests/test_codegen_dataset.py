"""A built dataset as the task's data: every file in pieces, alone or mixed with katas."""

from __future__ import annotations

from pathlib import Path

import pytest

from ectrain.task import SPLITS
from ectrain_codegen import CodegenConfig, CodegenTask
from ectrain_elixir.datasets import open_split
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_elixir.datasets.views import find_row, tasks_over, views

FUNCTION = "  def {name}{n}(x) do\n    {{:{name}, x + {n}}}\n  end\n"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of six packages."""
    root = tmp_path_factory.mktemp("code")
    for name in ("apple", "banana", "cherry", "damson", "elder", "fig"):
        folder = root / "in" / name
        folder.mkdir(parents=True)
        app = (
            f"defmodule {name.capitalize()}.MixProject do\n  def project, do: [app: :{name}]\nend\n"
        )
        (folder / "mix.exs").write_text(app)
        body = "".join(FUNCTION.format(name=name, n=n) for n in range(12))
        (folder / "a.ex").write_text(f"defmodule {name.capitalize()} do\n{body}end\n")
    build(BuildOptions((root / "in",), root / "out"))
    return root / "out"


def test_pieces_give_every_file_in_its_split(dataset: Path) -> None:
    """The pieces of a file, joined, are the file."""
    task = CodegenTask(CodegenConfig(data=str(dataset), max_tokens=16))
    for split in SPLITS:
        texts: dict[str, str] = {}
        for sample in task.examples(split):
            name = sample.id.rpartition("#")[0]
            texts[name] = texts.get(name, "") + sample.answer
        assert texts == {row.id: row.code for row in open_split(dataset, split)}


def test_katas_and_a_dataset_mix_by_share(dataset: Path) -> None:
    """Half of the examples are katas."""
    mix = CodegenTask(CodegenConfig(data=f"embedded=0.5,{dataset}=0.5", size=200, max_tokens=32))
    found = mix.examples("train")
    katas = sum(sample.kata is not None for sample in found)
    assert abs(2 * katas - len(found)) <= 2
    assert len({sample.id for sample in found}) == len(found)


CALLER = "defmodule {name}.Shop do\n  def total(x), do: {name}.Tolls.levy(x)\nend\n"
CALLED = "defmodule {name}.Tolls do\n  import {name}.Rates\n  def levy(x), do: cut(x)\nend\n"
FURTHER = "defmodule {name}.Rates do\n  def cut(x), do: x - 1\nend\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of packages whose files call each other."""
    root = tmp_path_factory.mktemp("told")
    for name in ("Apple", "Banana", "Cherry", "Damson", "Elder", "Fig"):
        folder = root / "in" / name.lower()
        folder.mkdir(parents=True)
        (folder / "mix.exs").write_text(f"defmodule {name}.MixProject do\nend\n")
        for file, text in (("shop", CALLER), ("tolls", CALLED), ("rates", FURTHER)):
            (folder / f"{file}.ex").write_text(text.format(name=name))
    build(BuildOptions((root / "in",), root / "out"))
    return root / "out"


def test_files_with_facts_come_again_after_their_facts(told: Path) -> None:
    """Each such file is there as it is, at level 0, and after its facts, at theirs."""
    task = CodegenTask(CodegenConfig(data=str(told), max_tokens=256))
    found = {sample.id: sample for sample in task.examples("train")}
    shops = [name for name in found if name.endswith("shop.ex#0")]
    assert shops
    for name in shops:
        plain, annotated = found[name], found[f"{name}+facts"]
        assert (plain.prompt, plain.answer) == ("", annotated.answer)
        assert annotated.prompt == annotated.annotation
        assert "<containsFunction>levy/1</containsFunction>" in annotated.prompt
        assert "<importsFrom>" in annotated.prompt
        assert task.facets(plain) == {"level": 0.0, "facts": 0.0}
        assert task.facets(annotated) == {"level": 2.0, "facts": float(annotated.facts)}
    assert "<importsFrom>" in task.symbols()
    levels = {task.facets(sample)["level"] for sample in found.values()}
    assert levels == {0.0, 1.0, 2.0}


def test_a_file_is_shown_after_its_facts(told: Path) -> None:
    """`ectrain data show` shows the file as the task sees it with all that goes before it."""
    name = next(row.id for row in open_split(told, "train") if row.id.endswith("shop.ex"))
    split, _, row = find_row(told, name)
    (view,) = views(tasks_over(told, ["codegen"]), split, row, None, 512)
    assert view.examples == (f"{name}#0", f"{name}#0+facts")
    assert view.shown == f"{name}#0+facts"
    assert view.texts[0].startswith("# [ONTO] ")
    assert view.texts[1] == row.code


def test_no_facts_no_levels(dataset: Path) -> None:
    """Where no file has facts, no example has a level to choose by."""
    task = CodegenTask(CodegenConfig(data=str(dataset)))
    assert all(not task.facets(sample) for sample in task.examples("train"))
    assert "<importsFrom>" not in task.symbols()
