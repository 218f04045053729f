"""A built dataset as the task's data: files that Credo looked at, with what it said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ectrain.errors import DataError
from ectrain.label_places import Place
from ectrain.task import SPLITS
from ectrain_elixir.datasets.build import BuildOptions, build
from ectrain_quality import QualityConfig, QualityTask
from ectrain_quality.data import LABELS, CheckedCode

NAMES = ("apple", "banana", "cherry", "damson", "elder", "fig")
CODE = "defmodule {0} do\n  def {1}(x) do\n    IO.inspect(x)\n    {{:{1}, x}}\n  end\nend\n"


def issue(check: str, line: int | None, category: str = "warning") -> dict[str, Any]:
    """Return an issue as Credo writes it."""
    found = {"check": f"Credo.Check.{check}", "category": category, "filename": "lib/a.ex"}
    return {**found, "line_no": line, "message": "m", "priority": 1, "scope": "", "trigger": ""}


def projects(root: Path, labelled: bool = True) -> Path:
    """Write projects with a file each, and what Credo says of them: only some use `MapMap`."""
    for name in NAMES:
        folder = root / name
        (folder / "lib").mkdir(parents=True)
        module = name.capitalize()
        (folder / "mix.exs").write_text(
            f"defmodule {module}.MixProject do\n  def project, do: [app: :{name}]\nend\n"
        )
        (folder / "lib" / "a.ex").write_text(CODE.format(module, name))
        issues = [issue("Warning.IoInspect", 3), issue("Consistency.SpaceAroundOperators", 3)]
        issues += [issue("Refactor.MapMap", None, "refactor")] if name < "d" else []
        if labelled:
            (folder / "credo.json").write_text(json.dumps({"issues": issues}))
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built dataset."""
    root: Path = tmp_path_factory.mktemp("quality")
    build(BuildOptions((projects(root / "in"),), root / "out"))
    return root / "out"


def test_5_3_1_1_files_have_what_credo_said(folder: Path) -> None:
    """A check is its label with its line; what is no label of a file is left out."""
    task = QualityTask(QualityConfig(data=str(folder)))
    found = {e.group: e for split in SPLITS for e in task.examples(split)}
    assert len(found) == len(NAMES)
    for name in NAMES:
        more = ("Refactor.MapMap",) if name < "d" else ()
        example = next(e for e in found.values() if f":{name}," in e.code)
        assert set(example.checks) == {"Warning.IoInspect", *more}
        assert example.lines == (("Warning.IoInspect", 3),)
        assert example.places == [Place(LABELS.index("Warning.IoInspect"), 3, 5)]


def test_5_3_2_1_checks_that_did_not_run_are_masked(folder: Path) -> None:
    """A check that is off by default is known only where the package's report has it."""
    task = QualityTask(QualityConfig(data=str(folder)))
    for split in SPLITS:
        for example in task.examples(split):
            ran = "Refactor.MapMap" in example.checks
            values = dict(zip(LABELS, example.values.tolist(), strict=True))
            assert np.isnan(values["Refactor.MapMap"]) != ran
            assert np.isnan(values["Refactor.IoPuts"])
            assert values["Warning.IoInspect"] == 1
            assert values["Refactor.Nesting"] == 0


def test_a_mix_has_both(folder: Path) -> None:
    """Embedded twins and a dataset in one, each with its share."""
    task = QualityTask(QualityConfig(data=f"embedded=0.5,{folder}=0.5", size=60))
    found = list(task.examples("train"))
    built = [e for e in found if "/" in e.id]
    assert len(found) == 2 * len(built) > 0


def test_a_dataset_without_labels_is_refused(tmp_path: Path) -> None:
    """What is unknown is never taken for clean."""
    build(BuildOptions((projects(tmp_path / "in", labelled=False),), tmp_path / "out"))
    with pytest.raises(DataError, match="no file of split train has labels of credo"):
        QualityTask(QualityConfig(data=str(tmp_path / "out"))).examples("train")


def test_5_3_1_3_training_is_balanced_and_evaluation_is_not() -> None:
    """With a ratio, training has so many clean files to one that is not; val and test are whole."""
    plain, half = (QualityTask(QualityConfig(size=200, clean_ratio=r)) for r in (0.0, 0.1))
    has = [bool(e.checks) for e in half.examples("train")]
    assert abs(has.count(False) - 0.1 * has.count(True)) <= 1
    for split in SPLITS[1:]:
        assert half.examples(split) == plain.examples(split)


def test_every_label_is_explained() -> None:
    """Each check has a title and help of its own; what Credo calls a warning is one."""
    infos = QualityTask(QualityConfig()).label_infos()
    assert [info.name for info in infos] == list(LABELS)
    assert len({info.title for info in infos}) == len({info.help for info in infos}) == len(LABELS)
    levels = {info.name.partition(".")[0]: info.level for info in infos}
    assert levels["Warning"] == "warning"
    assert levels["Readability"] == levels["Refactor"] == levels["Design"] == "note"


def test_embedded_files_know_their_lines() -> None:
    """Each check of a twin has a place, which ends where its function does."""
    for example in QualityTask(QualityConfig(size=60)).examples("val"):
        assert {LABELS[p.label] for p in example.places} == set(example.checks)
        assert all(p.first <= p.last <= example.code.count("\n") + 1 for p in example.places)


def test_places_end_with_the_definition_around_them() -> None:
    """The innermost clause around a line is what must be seen; outside, the line alone."""
    code = CODE.format("Plum", "plum")
    lines = (("Warning.IoInspect", 3), ("Warning.Dbg", 1))
    record = CheckedCode("a", "g", code, ("Warning.IoInspect", "Warning.Dbg"), lines=lines)
    assert [(p.first, p.last) for p in record.places] == [(3, 5), (1, 1)]
