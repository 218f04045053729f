"""What one would use without the engine: `elixir file.exs`, and `mix test` in a project."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ectrain_elixir.runner import Program

_MIX = """defmodule Bench.MixProject do
  use Mix.Project
  def project, do: [app: :bench, version: "0.1.0"]
end
"""


class BaselineError(RuntimeError):
    """A baseline came to another verdict than it must."""


def scripts(programs: Sequence[Program], at_once: int) -> float:
    """Run each program as `elixir file.exs`, some at once; return programs a second.

    Raises:
        BaselineError: A program that is right did not pass.
    """
    with tempfile.TemporaryDirectory(prefix="ectrain-bench-") as name:
        files = []
        for number, program in enumerate(programs):
            file = Path(name, f"p{number}.exs")
            file.write_text(f"ExUnit.start()\n{program.code}\n{program.tests}\n")
            files.append(file)
        began = time.perf_counter()
        waiting, running = list(files), list[subprocess.Popen[bytes]]()
        while waiting or running:
            while waiting and len(running) < at_once:
                command = ["elixir", str(waiting.pop(0))]
                running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            running[0].wait()
            if running.pop(0).returncode != 0:
                raise BaselineError("elixir file.exs: a right program failed")
        return len(files) / (time.perf_counter() - began)


class MixProject:
    """A Mix project that holds one program at a time."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ectrain-bench-")
        self.root = Path(self._folder.name)
        (self.root / "lib").mkdir()
        (self.root / "test").mkdir()
        (self.root / "mix.exs").write_text(_MIX)
        (self.root / "test" / "test_helper.exs").write_text("ExUnit.start()\n")

    def test(self, code: str, tests: str) -> tuple[bool, float]:
        """Put a program in, run `mix test`, and return whether it passed and the seconds."""
        (self.root / "lib" / "program.ex").write_text(code)
        (self.root / "test" / "program_test.exs").write_text(tests)
        began = time.perf_counter()
        done = subprocess.run(["mix", "test"], cwd=self.root, capture_output=True, check=False)
        return done.returncode == 0, time.perf_counter() - began

    def close(self) -> None:
        """Remove the project."""
        self._folder.cleanup()
