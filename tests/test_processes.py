"""Signals to a real process: it saves, says so, and the same command goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import call, command, make_plugin, on_path, outcome, words

ECHO = ("tasks.echo.size=24", "scale=0.25")

GATE = """
    import os, pathlib, time
    import torch
    from toys import Letters
    from ectrain.hookspecs import hookimpl

    class Gate(Letters):
        name = "gate"
        steps = 0

        def loss(self, output, targets):
            Gate.steps += torch.is_grad_enabled()
            gate = pathlib.Path(os.environ.get("GATE", "/nowhere"))
            if Gate.steps == 9 and gate.is_dir():
                (gate / "reached").touch()
                while (gate / "shut").exists():
                    time.sleep(0.01)
            return super().loss(output, targets)

    @hookimpl
    def ectrain_register_tasks():
        return [Gate]
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a task that waits in its ninth step until it is let through."""
    folder = tmp_path_factory.mktemp("gate")
    yield from on_path(make_plugin(folder, GATE, ["gate"]), ["gate"])


SIGNALS = [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGKILL, -9)]


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=lambda x: getattr(x, "name", ""))
def test_a_process_that_gets_a_signal(gate: Path, tmp_path: Path, number: int, code: int) -> None:
    """A signal saves, says so and exits with its code; the same command comes to the same end."""
    given = ["run", *words(*ECHO, "tasks.gate.size=24", tasks="echo,gate")]
    (tmp_path / "shut").touch()
    process = command(*given, "--out", str(tmp_path / "run"), path=[gate], GATE=str(tmp_path))
    while process.poll() is None and not (tmp_path / "reached").exists():
        time.sleep(0.02)
    process.send_signal(number)
    (tmp_path / "shut").unlink()
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    if number != signal.SIGKILL:
        assert "the run is saved at step 9 in " in said
        assert "the same command goes on" in said
    assert call(*given, "--out", str(tmp_path / "run")).exit_code == 0
    assert call(*given, "--out", str(tmp_path / "whole")).exit_code == 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")
