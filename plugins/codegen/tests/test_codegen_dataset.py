"""A built dataset as the task's data: every file in pieces, alone or mixed with katas."""

from __future__ import annotations

from pathlib import Path

import pytest

from ectrain.task import SPLITS
from ectrain_codegen import CodegenConfig, CodegenTask
from ectrain_elixir.datasets import open_split
from ectrain_elixir.datasets.build import BuildOptions, build

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
