"""Every run file of `examples/` trains to its end, with figures."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import call

from ectrain.phases import Curriculum
from ectrain.structure import structured

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = [path for path in sorted(EXAMPLES.glob("*.toml")) if "phases" not in path.stem]

# What makes a file take seconds: the same file, with these of its settings changed.
SHAPE = ("trunk.layers=1", "trunk.width=32", "trunk.heads=2", "trunk.kv_heads=2", "trunk.ffn=64")
SMALL = (*SHAPE, "trunk.context=256", "tokenizer.size=600", "device.threads=1", "scale=0.125")
EVALUATION = ("evaluation.examples=8", "evaluation.budget_examples=1")
TASKS: Mapping[str, tuple[str, ...]] = {
    "codegen": ("tasks.codegen.size=16", "tasks.codegen.max_tokens=256"),
    "quality": ("tasks.quality.size=24", "tasks.quality.max_tokens=256"),
    "security": ("tasks.security.size=24", "tasks.security.max_tokens=256"),
}


def own_code(folder: Path) -> Path:
    """Write a little Elixir of somebody's own, and return its folder."""
    for name in ("shop", "mail", "bank"):
        (folder / name).mkdir(parents=True)
        code = f"defmodule {name.title()} do\n  def {name}(x), do: x + {len(name)}\nend\n"
        (folder / name / f"{name}.ex").write_text(code * 2 if name == "shop" else code)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_an_example_trains(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is taken as it is, all of its keys are valid, and the run finishes."""
    monkeypatch.chdir(EXAMPLES.parent)
    tasks = tomllib.loads(file.read_text(encoding="utf-8"))["tasks"]
    settings = [*SMALL, *EVALUATION, *(s for task in tasks for s in TASKS[task])]
    words = [word for setting in settings for word in ("--set", setting)]
    if file.name == "own-code.toml":
        words += ["--data", str(own_code(tmp_path / "code"))]
    done = call("run", "--config", str(file), "--out", str(tmp_path / "run"), "--json", *words)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["status"].startswith("finished")
    assert set(found["tasks"]) == set(tasks)
    assert all(f"{task}/loss" in found["test_metrics"] for task in tasks)


def test_every_example_is_listed() -> None:
    """The README of the examples names each of them."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = [p.name for p in EXAMPLES.iterdir() if p.name not in ("README.md", "__pycache__")]
    assert all(f"`{name}" in text for name in names)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*phases*.toml")), ids=lambda f: str(f.name))
def test_a_curriculum_of_the_examples_is_one(file: Path) -> None:
    """Each file of phases is a curriculum."""
    structured(tomllib.loads(file.read_text(encoding="utf-8")), Curriculum, str(file))
