"""Muzak as a backend: each suite in a Mix project of its own, outside the sandbox."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ectrain.errors import DataError, SandboxError
from ectrain_elixir.tools.mix import run_tool
from ectrain_elixir.tools.muzak import read_muzak
from ectrain_reward.rating import Rated

_PROJECT = """defmodule EctrainRated.MixProject do
  use Mix.Project
  def project, do: [app: :ectrain_rated, version: "0.1.0", elixir: "~> 1.10", deps: {deps}]
  def application, do: [extra_applications: [:logger]]
end
"""
TIME_LIMIT_S = 120.0  # of one suite


class MuzakBackend:
    """Runs `mix muzak` once a suite; a suite must pass `mix test` first.

    Args:
        project: A Mix project that has Muzak among its dependencies.
    """

    label = "Muzak"

    def __init__(self, project: Path) -> None:
        self._muzak = project.resolve() / "deps" / "muzak"
        if not self._muzak.is_dir():
            raise SandboxError(
                f"muzak is not in {project}; set muzak to a Mix project with "
                '{:muzak, "~> 1.1", only: :test} among its deps, after mix deps.get'
            )

    def rated(self, pairs: Sequence[tuple[str, str]]) -> list[Rated]:
        """See `Backend.rated`."""
        return [self._one(code, tests) for code, tests in pairs]

    def _one(self, code: str, tests: str) -> Rated:
        with tempfile.TemporaryDirectory(prefix="ectrain-rated-") as name:
            root = Path(name)
            for folder in ("lib", "test"):
                (root / folder).mkdir()
            deps = f'[{{:muzak, path: "{self._muzak}", only: :test}}]'
            (root / "mix.exs").write_text(_PROJECT.replace("{deps}", deps))
            (root / "lib" / "rated.ex").write_text(code)
            (root / "test" / "test_helper.exs").write_text("ExUnit.start()\n")
            (root / "test" / "rated_test.exs").write_text(tests)
            done = run_tool("test", root, (), TIME_LIMIT_S)
            if " 0 failures" not in done.output:
                return Rated(0.0, "failing")
            try:
                report = read_muzak(run_tool("muzak", root, (), TIME_LIMIT_S).output)
            except DataError as error:
                return Rated(None, f"infra: {error}")
        return Rated(report.rate, "scored" if report.run else "no mutants")
