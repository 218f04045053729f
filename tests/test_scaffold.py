"""New plugins from the command line: sound, installable and trainable as they are written."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import TINY, call, on_path, words

from ectrain.testing.observer import OBSERVER_LAWS, Watcher, run_directory
from ectrain_cli.scaffold import KINDS


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


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Return where a new plugin may be written."""
    return tmp_path / "new"


SHORT = (*TINY, "scale=0.2", "trunk.context=128")


@pytest.mark.slow
def test_a_new_plugin_installs_passes_its_tests_and_trains(new: Path) -> None:
    """As it is written, it is built, installed, passes its own tests and trains to its end."""
    task, site = "fresh", new.parent / "site"
    made = call("plugins", "new", task, "--out", str(new))
    assert made.exit_code == 0, made.stderr
    pip = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    done = python(*pip, "--target", str(site), str(new), cwd=new, path=site)
    assert done.returncode == 0, done.stderr
    assert (site / f"ectrain_{task}" / "rows.jsonl").is_file()
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=new, path=site)
    assert done.returncode == 0, done.stdout
    given = ["run", "--tasks", task, "--out", "run", *(f"--set={setting}" for setting in SHORT)]
    done = python("-m", "ectrain_cli", *given, cwd=new.parent, path=site)
    assert done.returncode == 0, done.stderr
    assert "status   finished" in done.stdout


TASKS = [name for name, kind in KINDS.items() if kind.what == "task"]


def own_tests(folder: Path, name: str) -> Iterator[Callable[[], None]]:
    """Yield the tests of a new plugin's own behaviour."""
    for key, test in runpy.run_path(str(folder / "tests" / f"test_{name}.py")).items():
        if key.startswith("test_"):
            yield test


def in_place(new: Path, name: str, kind: str) -> Iterator[Path]:
    """Write a new plugin, and put it on the path with the metadata of one that is installed."""
    package = f"ectrain_{name}"
    made = call("plugins", "new", name, "--kind", kind, "--out", str(new))
    assert made.exit_code == 0, made.stderr
    info = new / "src" / f"{package}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n")
    entry = tomllib.loads((new / "pyproject.toml").read_text())["project"]["entry-points"]
    ((group, points),) = entry.items()
    lines = "".join(f"{key} = {value}\n" for key, value in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    modules = [f"{package}.{file.stem}" for file in (new / "src" / package).glob("*.py")]
    yield from on_path(new / "src", (package, *modules))


@pytest.mark.slow
@pytest.mark.parametrize("kind", TASKS)
def test_every_kind_keeps_the_contract_and_trains(new: Path, kind: str) -> None:
    """A task of each kind breaks no law, passes its own tests and trains, as it is written."""
    task = f"new_{kind}"
    for _ in in_place(new, task, kind):
        checked = call("plugins", "check", task)
        assert checked.exit_code == 0, checked.stdout
        for test in own_tests(new, task):
            test()
        settings = [f"--set={setting}" for setting in SHORT]
        done = call("run", "--tasks", task, "--out", str(new / "run"), *settings)
        assert done.exit_code == 0, done.stderr
        assert "status   finished" in done.stdout


def test_a_new_observer_keeps_its_contract_and_watches(new: Path) -> None:
    """An observer breaks no law of observers, passes its own tests and hears a run, as written."""
    for _ in in_place(new, "board", "observer"):
        watcher = Watcher(importlib.import_module("ectrain_board").BoardObserver)
        for law in OBSERVER_LAWS:
            with run_directory() as directory:
                law(watcher, directory)
        for test in own_tests(new, "board"):
            test()
        done = call("run", *words("scale=0.2"), "--out", str(new / "run"), "--with", "board")
        assert done.exit_code == 0, done.stderr
        lines = (new / "run" / "board.csv").read_text().splitlines()
        assert {line.split(",")[1] for line in lines} == {"val", "test"}


COMMON = [
    ".github/workflows/test.yml",
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/ectrain_purity/__init__.py",
    "src/ectrain_purity/py.typed",
    "tests/test_contract.py",
    "tests/test_purity.py",
]
OF_A_TASK = ["rows.jsonl", "task.py"]
OWN = {"rollout": [*OF_A_TASK, "reward.py", "weighted.py"], "observer": ["observer.py"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_whole(new: Path, kind: str) -> None:
    """It has metadata, code, tests, docs, automation and 20 rows, and nothing left to fill in."""
    assert call("plugins", "new", "purity", "--kind", kind, "--out", str(new)).exit_code == 0
    files = {str(path.relative_to(new)): path for path in new.rglob("*") if path.is_file()}
    own = [f"src/ectrain_purity/{name}" for name in OWN.get(kind, OF_A_TASK)]
    assert sorted(files) == sorted([*COMMON, *own])
    assert 'purity = "ectrain_purity' in files["pyproject.toml"].read_text()
    for name, path in files.items():
        assert "$" not in path.read_text(), name
    if KINDS[kind].what == "task":
        lines = files["src/ectrain_purity/rows.jsonl"].read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        assert len(rows) == len({row["id"] for row in rows}) == 20
        assert {row["split"] for row in rows} == {"train", "val", "test"}
    checked = python(
        "-m", "ruff", "check", "--isolated", "--line-length=100", ".", cwd=new, path=new
    )
    assert checked.returncode == 0, checked.stdout


def test_nothing_is_overwritten(new: Path) -> None:
    """A folder with anything in it, or a file, is refused with its name and left as it was."""
    new.mkdir()
    assert (
        call("plugins", "new", "purity", "--out", str(new)).exit_code == 0
    )  # an empty one will do
    before = (new / "README.md").read_text()
    again = call("plugins", "new", "purity", "--kind", "token", "--out", str(new))
    assert again.exit_code == 2
    assert again.stderr == f"error: {new} exists already; choose another --out\n"
    assert (new / "README.md").read_text() == before
    file = new.parent / "file"
    file.write_text("mine")
    assert call("plugins", "new", "purity", "--out", str(file)).exit_code == 2
    assert file.read_text() == "mine"


NAMES = {
    "my-task": "how about 'my_task'",
    "My Task": "how about 'my_task'",
    "9lives": "expected a lower-case word",
    "../up": "how about 'up'",
    "class": "expected a lower-case word",
    "train": "expected a lower-case word",
    "": "expected a lower-case word",
    "echo": "task echo of toys 1.0 is installed already; choose another name",
}


@pytest.mark.parametrize(("name", "said"), NAMES.items(), ids=NAMES)
def test_names_that_no_task_can_have_are_refused(new: Path, name: str, said: str) -> None:
    """A name that can't be one, or is taken, is refused with the nearest; nothing is written."""
    done = call("plugins", "new", name, "--out", str(new))
    assert done.exit_code == 2
    assert said in done.stderr
    assert not new.exists()


def test_it_is_named_after_its_distribution(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without --out the folder is called as the distribution; --json lists what was written."""
    monkeypatch.chdir(tmp_path)
    document = json.loads(call("plugins", "new", "big_task", "--json").stdout)
    assert (document["folder"], document["kind"]) == ("ectrain-big-task", "label")
    assert all((Path("ectrain-big-task") / file).is_file() for file in document["files"])
    assert "class BigTaskTask(" in Path("ectrain-big-task/src/ectrain_big_task/task.py").read_text()
