"""A built dataset as the task's data: files that Sobelow looked at, with what it said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_security import SecurityConfig, SecurityTask

NAMES = ("apple", "banana", "cherry", "damson", "elder", "fig")


def projects(root: Path, labelled: bool) -> Path:
    """Write projects with a file each, and what Sobelow says of them."""
    for name in NAMES:
        folder = root / name
        (folder / "lib").mkdir(parents=True)
        module = name.capitalize()
        (folder / "mix.exs").write_text(
            f"defmodule {module}.MixProject do\n  def project, do: [app: :{name}]\nend\n"
        )
        (folder / "lib" / "a.ex").write_text(
            f"defmodule {module} do\n  def {name}(x), do: {{:{name}, Code.eval_string(x)}}\nend\n"
        )
        if labelled:
            sighting = {"type": "RCE.CodeModule: text", "file": "lib/a.ex", "line": 2}
            sure = "high" if name < "b" else "low"
            findings = {f"{sure}_confidence": [sighting] if name < "d" else []}
            (folder / "sobelow.json").write_text(json.dumps({"findings": findings}))
    return root


def test_files_have_what_sobelow_said(tmp_path: Path) -> None:
    """A finding is its label, a file without any is clean, and settings are no examples."""
    build(BuildOptions((projects(tmp_path / "in", True),), tmp_path / "out"))
    task = SecurityTask(SecurityConfig(data=str(tmp_path / "out")))
    found = {e.id: e for split in SPLITS for e in task.examples(split)}
    assert set(found) == {f"{name}/lib/a.ex" for name in NAMES}
    for name in NAMES:
        expected = ("RCE.CodeModule",) if name < "d" else ()
        assert found[f"{name}/lib/a.ex"].findings == expected


def test_a_dataset_without_labels_is_refused(tmp_path: Path) -> None:
    """What is unknown is never taken for clean."""
    build(BuildOptions((projects(tmp_path / "in", False),), tmp_path / "out"))
    task = SecurityTask(SecurityConfig(data=str(tmp_path / "out")))
    with pytest.raises(DataError, match="no file of split train has labels of sobelow"):
        task.examples("train")


def test_5_4_2_2_less_sure_findings_count_less(tmp_path: Path) -> None:
    """A finding counts by Sobelow's confidence where it is learned; switched off, all alike."""
    build(BuildOptions((projects(tmp_path / "in", True),), tmp_path / "out"))
    for weighed in (True, False):
        config = SecurityConfig(data=str(tmp_path / "out"), confidence_weights=weighed)
        task = SecurityTask(config)
        for split in SPLITS:
            for example in task.examples(split):
                counts = [float(value) for value in example.values if value > 0]
                sure = example.id.startswith("apple") or not weighed
                assert counts == pytest.approx([1.0 if sure else 0.4] * len(example.findings))
                assert [place.first for place in example.places] == [2] * len(example.findings)
