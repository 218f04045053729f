"""What tests of whole runs share: small settings, a recording observer, throw-away plugins."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import safetensors.torch
import toys
from click.testing import CliRunner, Result
from torch import Tensor

from ectrain.build import prepare
from ectrain.config import RunConfig, load_config
from ectrain.digest import digest
from ectrain.errors import Interrupted
from ectrain.events import Event, read_events
from ectrain.loop import train
from ectrain.run import Run
from ectrain.storage import Storage
from ectrain.task import SPLITS, Segment
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
    "device.threads=1",
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


def encoded(run: Run, drawn: list[tuple[str, int]]) -> list[tuple[str, Segment]]:
    """Encode some training examples."""
    sources = run.draws.drawable
    return [
        (name, run.encoder.encode(name, sources[name].task, sources[name].examples[n], n))
        for name, n in drawn
    ]


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


class Stopper(Recorder):
    """Sends this process a signal when a step is told of, or at its n-th event.

    Args:
        step: After which step.
        event: At which event, from 1; 0 for none.
        number: Of the signal.
        times: How often it is sent.
    """

    def __init__(
        self, step: int = 0, event: int = 0, number: int = signal.SIGTERM, times: int = 1
    ) -> None:
        super().__init__()
        self._step, self._event = step, event
        self._number, self._times = number, times

    def on_event(self, event: Event) -> None:
        """Keep it, and send the signal when it is the one."""
        super().on_event(event)
        told = event["event"] == "step" and event["step"] == self._step
        if told or len(self.events) == self._event:
            for _ in range(self._times):
                signal.raise_signal(self._number)


def stopped(config: RunConfig, out: Path, observer: Recorder) -> Interrupted:
    """Train until the observer's signal stops it, and return how it was stopped."""
    run = prepare(config, out)
    with pytest.raises(Interrupted) as raised:
        train(run, observer)
    return raised.value


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


def outcome(out: Path) -> dict[str, Any]:
    """Return all that a run came to, but for times and paths: equal for equal runs, bit for bit."""
    newest = max(out.glob("checkpoints/[0-9]*"))
    found = digest(read_events(out / "events.jsonl"))
    progress = json.loads((newest / "state.json").read_bytes())["progress"]
    return {
        "step": int(newest.name),
        "weights": hashlib.sha256((newest / "model.safetensors").read_bytes()).hexdigest(),
        "optimizer": hashlib.sha256((newest / "optim.safetensors").read_bytes()).hexdigest(),
        "history": progress["history"],
        "tokens": progress["tokens"],
        "losses": found.train,
        "figures": found.metrics,
        "claims": found.claims,
        "status": found.status,
    }


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
    folder: Path,
    source: str,
    tasks: Sequence[str],
    module: str = "",
    name: str = "",
    group: str = "ectrain.tasks",
    attribute: str = "",
) -> Path:
    """Write a plugin with the metadata of an installed distribution, and return its folder.

    Args:
        folder: What is then put on the path.
        source: Of its module.
        tasks: Names of its entry points.
        module: Name of its module; as its first task unless told.
        name: Of its distribution; as its module unless told.
        group: Of its entry points.
        attribute: What they refer to in the module; the module itself unless told.
    """
    module = module or tasks[0]
    name = name or module
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    value = f"{module}:{attribute}" if attribute else module
    points = "".join(f"{task} = {value}\n" for task in tasks)
    (info / "entry_points.txt").write_text(f"[{group}]\n{points}")
    return folder


def on_path(folder: Path, modules: Sequence[str]) -> Iterator[Path]:
    """Put a folder on the path for the length of a fixture, then forget what was imported."""
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for module in modules:
        sys.modules.pop(module, None)


# A task that reads its words from <data>/<split>.jsonl.
LINES = """
    from pathlib import Path
    from toys import Letters, Word
    from ectrain.hookspecs import hookimpl
    from ectrain.records import read_records

    class Lines(Letters):
        name = "lines"

        def examples(self, split):
            return read_records(Path(self.config.data) / f"{split}.jsonl", Word)

        def texts(self, example):
            yield example.text

    @hookimpl
    def ectrain_register_tasks():
        return [Lines]
"""


def write_lines(folder: Path, size: int = 16) -> Path:
    """Write the data of the task `lines`."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        rows = (json.dumps(attrs.asdict(word)) for word in toys.words(split, size))
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
