"""Installed as strangers install it: without one plugin the others train, core stands alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CORE_TESTS = ("conftest.py", "plugins", "test_trunk.py", "test_loop.py")

EVERY_MODULE = """
import importlib, pkgutil, sys
import ectrain, ectrain_cli
for package in (ectrain, ectrain_cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "ectrain_cli.__main__":
            importlib.import_module(module.name)
            print(module.name, sys.modules[module.name].__file__)
names = ("codegen", "quality", "reward", "security", "tests")
tasks = tuple(f"ectrain_{name}" for name in names)
for absent in ("ectrain_elixir", *tasks, "tree_sitter_elixir"):
    assert absent not in sys.modules, absent
"""

SMALL = (
    "trunk.layers=1",
    "trunk.width=16",
    "trunk.heads=2",
    "trunk.kv_heads=1",
    "trunk.ffn=24",
    "tokenizer.size=700",
    "tasks.codegen.size=24",
    "step.examples=12",
    "evaluation.budget_examples=2",
    "curriculum=short",
    "scale=0.1",
)


def pip(*words: str | Path) -> None:
    """Run pip offline on what is here."""
    quiet = ("-q", "--no-deps", "--no-index", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, words[:1]), *quiet, *map(str, words[1:])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheels of core, toolkit and codegen, and of nothing else."""
    folder = tmp_path_factory.mktemp("wheels")
    pip("wheel", "--no-build-isolation", "-w", folder, ".", "plugins/elixir", "plugins/codegen")
    return folder


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return this environment's libraries without anything of this project."""
    folder = tmp_path_factory.mktemp("libraries") / "site-packages"  # Hypothesis knows that name
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "ectrain" not in path.name and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


def installed(folder: Path, wheels: Path, names: Sequence[str]) -> Path:
    """Install some of the wheels into a folder."""
    pip("install", "--target", folder, *(next(wheels.glob(f"{name}-0*.whl")) for name in names))
    return folder


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """Return a folder where core alone is installed."""
    return installed(tmp_path_factory.mktemp("core"), wheels, ["ectrain"])


@pytest.fixture(scope="module")
def codegen(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Path:
    """Return a folder where all but the security plugin is installed."""
    names = ["ectrain", "ectrain_elixir", "ectrain_codegen"]
    return installed(tmp_path_factory.mktemp("codegen"), wheels, names)


def python(
    *words: str, path: Sequence[Path], cwd: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run Python where only these folders can be imported from, beside its standard library."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-S", *words],  # -S: no site-packages, so no editable install
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(map(str, path)), **more},
    )


def test_codegen_trains_without_the_security_plugin(
    codegen: Path, libraries: Path, tmp_path: Path
) -> None:
    """With security not installed, codegen trains to its end, and security is said to be absent."""
    path = [codegen, libraries]
    gone = python("-c", "import ectrain_security", path=path, cwd=tmp_path)
    assert "No module named 'ectrain_security'" in gone.stderr
    settings = [word for setting in SMALL for word in ("--set", setting)]
    given = ["-m", "ectrain_cli", "run", *settings, "--out", "run"]
    done = python(*given, "--tasks", "codegen", path=path, cwd=tmp_path, PATH="/nowhere")
    assert done.returncode == 0, done.stderr
    assert "status   finished" in done.stdout
    assert "codegen pass@1  not measured" in done.stdout  # no Elixir on that PATH
    assert (tmp_path / "run/report.md").is_file()
    both = python(*given, "--tasks", "codegen,security", path=path, cwd=tmp_path)
    assert both.returncode == 2
    assert "no installed plugin offers task 'security'" in both.stderr
    assert "pip install" in both.stderr


def test_core_imports_alone(core: Path, libraries: Path, tmp_path: Path) -> None:
    """With core alone installed, each of its modules is imported, from where it was installed."""
    done = python("-c", EVERY_MODULE, path=[core, libraries], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    sources = [p for part in ("core", "cli") for p in (ROOT / part / "src").rglob("*.py")]
    assert len(lines) == len(sources) - 3  # two packages themselves, and __main__
    assert all(file.startswith(str(core)) for _, file in lines)
    none = python("-m", "ectrain_cli", "tasks", path=[core, libraries], cwd=tmp_path)
    assert (none.returncode, none.stdout) == (0, "")
    assert "no installed plugin offers a task" in none.stderr
    lost = python("-m", "ectrain_cli", "run", "--tasks", "x", path=[core, libraries], cwd=tmp_path)
    assert lost.returncode == 2
    assert "no installed plugin offers task 'x'; no plugin is installed" in lost.stderr


def test_core_passes_its_own_tests_alone(core: Path, libraries: Path, tmp_path: Path) -> None:
    """Core's tests of trunk and loop pass where no plugin of this project is."""
    (tmp_path / "tests").mkdir()
    for name in CORE_TESTS:
        copy = shutil.copytree if (ROOT / "tests" / name).is_dir() else shutil.copy
        copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    given = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests"]
    done = python(*given, path=[core, libraries], cwd=tmp_path, HYPOTHESIS_PROFILE="dev")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
