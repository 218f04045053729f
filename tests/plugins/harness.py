"""What tests of whole runs share: small settings, a recording observer, throw-away plugins."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
from click.testing import CliRunner, Result
from torch import Tensor

from ectrain.build import prepare
from ectrain.config import RunConfig, load_config
from ectrain.events import Event
from ectrain.loop import train
from ectrain.run import Run
from ectrain.storage import Storage
from ectrain_cli.main import main

PLUGINS = Path(__file__).parent

TINY = (
    "trunk.layers=1",
    "trunk.width=16",
    "trunk.heads=2",
    "trunk.kv_heads=1",
    "trunk.ffn=24",
    "trunk.context=64",
    "tokenizer.size=320",
    "step.examples=8",
    "optimizer.rate=0.01",
    "log_seconds=0",
    "device.dtype=float32",
    "device.keep_memory=false",
    "curriculum=short",
    "scale=0.4",
)


def tiny(*overrides: str, tasks: Sequence[str] = ("echo", "sorting")) -> RunConfig:
    """Return a configuration of the toy tasks that trains in a second."""
    return load_config(None, (*TINY, *overrides), tuple(tasks))


def words(*overrides: str, tasks: str = "echo,sorting") -> list[str]:
    """Return the words of the command line that ask for what `tiny` gives."""
    return ["--tasks", tasks, *(word for o in (*TINY, *overrides) for word in ("--set", o))]


class Recorder:
    """Keeps every event of a run."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def on_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(dict(event))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [event for event in self.events if event["event"] == kind]


def trained(
    config: RunConfig, out: Path, allowed: Sequence[str] = (), storage: Storage | None = None
) -> tuple[Run, Recorder]:
    """Train in this process to wherever it ends, and return the run with what it told."""
    recorder = Recorder()
    run = prepare(config, out, allowed=allowed, storage=storage)
    train(run, recorder)
    return run, recorder


def saved(out: Path, step: int, file: str = "model") -> dict[str, Tensor]:
    """Return the tensors of a checkpoint."""
    path = out / "checkpoints" / f"{step:06d}" / f"{file}.safetensors"
    return safetensors.torch.load(path.read_bytes())


def sums(out: Path) -> dict[str, str]:
    """Return the SHA-256 of every weight and optimizer file of a run's checkpoints."""
    files = sorted(out.glob("checkpoints/[0-9]*/*.safetensors"))
    return {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file below a folder with its time of change; the lock's own mark is left out."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file() and f.name != ".lock")
    return {str(f.relative_to(folder)): (f.read_bytes(), f.stat().st_mtime_ns) for f in files}


def step_losses(events: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
    """Return the losses of each step, the last word on it."""
    return {event["step"]: event["losses"] for event in events if event["event"] == "step"}


def call(*given: str, stdin: str | None = None) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, list(given), input=stdin)


def command(*given: str, path: Sequence[Path] = (), **more: str) -> subprocess.Popen[str]:
    """Start the command line in a process of its own.

    Args:
        given: Its words.
        path: Folders of plugins, beside the toys.
        more: Environment variables.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "ectrain_cli", *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (PLUGINS, *path))), **more},
    )


def make_plugin(
    folder: Path, source: str, tasks: Sequence[str], module: str = "", name: str = ""
) -> Path:
    """Write a plugin with the metadata of an installed distribution, and return its folder.

    Args:
        folder: What is then put on the path.
        source: Of its module.
        tasks: Names of its entry points.
        module: Name of its module; as its first task unless told.
        name: Of its distribution; as its module unless told.
    """
    module = module or tasks[0]
    name = name or module
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = "".join(f"{task} = {module}\n" for task in tasks)
    (info / "entry_points.txt").write_text(f"[ectrain.tasks]\n{points}")
    return folder


def on_path(folder: Path, modules: Sequence[str]) -> Iterator[Path]:
    """Put a folder on the path for the length of a fixture, then forget what was imported."""
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for module in modules:
        sys.modules.pop(module, None)
