"""What both programs of the RL step do: prompts and rewards; the standard library alone.

Samples of a model that was never trained are no suites. So with mutation rewards a sample earns
what a suite of the same number earns: all programs run the same suites on as many mutants.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.workload import FIRST_TOKEN, Shape

PROMPTS, GROUP, NEW = 4, 8, 128  # prompts a step, samples of each, new tokens of a sample
SHORTEST, LONGEST = 20, 60  # tokens of a prompt

_MIX = """defmodule Bench.MixProject do
  use Mix.Project
  def project, do: [app: :bench, version: "0.1.0"]
end
"""


def prompts_of(shape: Shape, step: int) -> list[list[int]]:
    """Return the prompts of a step."""
    rng = random.Random(f"rl/{step}")
    return [
        [
            rng.randrange(FIRST_TOKEN, shape.vocabulary)
            for _ in range(rng.randint(SHORTEST, LONGEST))
        ]
        for _ in range(PROMPTS)
    ]


def even_share(tokens: Sequence[int]) -> float:
    """Return the share of even tokens: a reward that costs nothing."""
    return sum(token % 2 == 0 for token in tokens) / max(1, len(tokens))


def read_suites(path: str) -> list[Mapping[str, Any]]:
    """Return suites with their programs and mutants; none for an empty path."""
    found: list[Mapping[str, Any]] = json.loads(Path(path).read_text()) if path else []
    return found


def of_step(suites: Sequence[Mapping[str, Any]], step: int, each: int) -> list[Mapping[str, Any]]:
    """Return the suites of a step: others than those of the steps before."""
    return [suites[(step * each + n) % len(suites)] for n in range(each)]


class MixRewards:
    """Kill rates with `mix test` for the original and for each mutant, in one project."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ectrain-bench-")
        self._root = Path(self._folder.name)
        for name in ("lib", "test"):
            (self._root / name).mkdir()
        (self._root / "mix.exs").write_text(_MIX)
        (self._root / "test" / "test_helper.exs").write_text("ExUnit.start()\n")

    def kill_rate(self, suite: Mapping[str, Any]) -> float:
        """Return the share of mutants under which `mix test` fails."""
        if not self._passes(suite["code"], suite["tests"]):
            return 0.0
        mutants = suite["mutants"]
        return sum(not self._passes(code, suite["tests"]) for code in mutants) / len(mutants)

    def _passes(self, code: str, tests: str) -> bool:
        (self._root / "lib" / "program.ex").write_text(code)
        (self._root / "test" / "program_test.exs").write_text(tests)
        done = subprocess.run(["mix", "test"], cwd=self._root, capture_output=True, check=False)
        return done.returncode == 0
