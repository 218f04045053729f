"""A plugin of a third party: sound, built only with what is public, installed and trained."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import TINY

ROOT = Path(__file__).parent.parent / "examples" / "third_party"
SOURCE = ROOT / "src"
sys.path.insert(0, str(SOURCE))  # it is not installed: a test below does that

from ectrain.testing import task_contract  # noqa: E402
from ectrain_complexity import ComplexityConfig, ComplexityTask  # noqa: E402

test_complexity = task_contract(ComplexityTask(ComplexityConfig(size=64)))


def test_it_stands_on_what_is_public() -> None:
    """It imports the framework, its libraries and itself, and no name that is private."""
    allowed = {"attrs", "ectrain", "ectrain_complexity", "numpy", "pytest", "torch"}
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom | ast.Import):
                continue
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            top = (module or "").partition(".")[0]
            assert top in allowed | set(sys.stdlib_module_names), f"{file}: {top}"
            assert not any(alias.name.startswith("_") for alias in node.names), file


def python(*words: str, cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a folder in front of its path."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(path)},
    )


@pytest.mark.slow
def test_it_is_built_installed_and_trained_beside_codegen(tmp_path: Path) -> None:
    """Its wheel, installed into a fresh folder, trains beside codegen and passes its own tests."""
    copy, site = tmp_path / "copy", tmp_path / "site"
    shutil.copytree(ROOT, copy)
    quiet = ("-q", "--no-deps", "--no-index")
    pip = ("-m", "pip", "wheel", *quiet, "--no-build-isolation", "-w", str(tmp_path), str(copy))
    done = python(*pip, cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("ectrain_complexity-*.whl")
    done = python(
        *("-m", "pip", "install", *quiet, "--target", str(site), str(wheel)),
        cwd=tmp_path,
        path=site,
    )
    assert done.returncode == 0, done.stderr
    settings = [*TINY, "scale=0.1", "trunk.context=256", "tokenizer.size=420"]
    settings += ["tasks.codegen.size=16", "tasks.codegen.max_tokens=256"]
    settings += ["tasks.complexity.size=16", "evaluation.budget_examples=2"]
    words = [f"--set={setting}" for setting in settings]
    given = ["-m", "ectrain_cli", "run", "--tasks", "codegen,complexity", "--out", "run", *words]
    done = python(*given, cwd=tmp_path, path=site)
    assert done.returncode == 0, done.stderr
    assert "status   finished" in done.stdout
    assert "complexity purity_accuracy" in done.stdout
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(copy / "tests"))
    done = python(*tests, "-k", "not contract", cwd=copy, path=site)
    assert done.returncode == 0, done.stdout
