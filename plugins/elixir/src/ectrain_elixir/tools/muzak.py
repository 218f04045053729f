"""Read `mix muzak`, and use its score only where it can tell tests that check nothing.

Muzak 1.1.1 cannot read the compile manifest of Elixir 1.14 and later: there it runs no test, counts
every mutation as found, and reports 100 % for any suite. So `muzak_rate` first runs it on a project
of its own with an empty suite, and believes nothing where that scores above 0.
"""

import re
import tempfile
from pathlib import Path

import attrs

from ectrain.errors import DataError, SandboxError
from ectrain_elixir.tools.mix import run_tool

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CLEAN = re.compile(r"(\d+) run - 0 mutations survived")
_DIRTY = re.compile(r"(\d+) mutations run\s+(\d+) survived", re.MULTILINE)
_SURVIVOR = re.compile(
    r"^\s+(\S+):(\d+)\n\s+original: (.*(?:\n(?!\s+mutation: ).*)*)\n\s+mutation: (.*)$",
    re.MULTILINE,
)
_PROJECT = """defmodule EctrainCanary.MixProject do
  use Mix.Project
  def project, do: [app: :ectrain_canary, version: "0.1.0", elixir: "~> 1.10", deps: {deps}]
  def application, do: [extra_applications: [:logger]]
end
"""
_CODE = "defmodule EctrainCanary do\n  def add(a), do: a + 12\nend\n"
_TEST = 'defmodule EctrainCanaryTest do\n  use ExUnit.Case\n  test "t", do: assert {}\nend\n'


@attrs.frozen
class Survivor:
    """A mutation that no test found: its place, and the line before and after."""

    file: str
    line: int
    original: str
    mutation: str


@attrs.frozen
class MuzakReport:
    """What Muzak printed.

    Args:
        run: How many mutations there were.
        survived: How many no test found.
        survivors: Those that are listed.
    """

    run: int
    survived: int
    survivors: tuple[Survivor, ...] = ()

    @property
    def rate(self) -> float | None:
        """The share found, None without mutations."""
        return 1 - self.survived / self.run if self.run else None


def read_muzak(text: str, source: str = "mix muzak") -> MuzakReport:
    """Return what Muzak's text says; colours and other output are skipped.

    Raises:
        DataError: If it ends without its summary.
    """
    plain = _ANSI.sub("", text)
    if clean := _CLEAN.search(plain):
        return MuzakReport(int(clean[1]), 0)
    dirty = _DIRTY.search(plain)
    if dirty is None:
        raise DataError(f"{source}: no summary in {len(text)} characters of output")
    survivors = tuple(
        Survivor(found[1], int(found[2]), found[3].strip(), found[4].strip())
        for found in _SURVIVOR.finditer(plain)
    )
    return MuzakReport(int(dirty[1]), int(dirty[2]), survivors)


def muzak_rate(project: Path, time_limit_s: float = 600) -> MuzakReport:
    """Run Muzak in a project, after it has told an empty suite from an exact one.

    Args:
        project: A Mix project that has Muzak among its dependencies; it is executed.
        time_limit_s: For each of the three runs.

    Raises:
        SandboxError: If Muzak is not there, or cannot tell the two suites apart.
        DataError: If its output cannot be read.
    """
    deps = project.resolve() / "deps" / "muzak"
    if not deps.is_dir():
        raise SandboxError(
            f'muzak is not in {project}; add {{:muzak, "~> 1.1", only: :test}} to deps in mix.exs '
            "and run mix deps.get"
        )
    empty, exact = (_canary(deps, check, time_limit_s) for check in ("true", "{}"))
    if (empty, exact) != (0.0, 1.0):
        raise SandboxError(
            f"muzak scores a suite that checks nothing {_shown(empty)} and an exact one "
            f"{_shown(exact)}, not 0 % and 100 %: its scores mean nothing with this Elixir; use "
            "ectrain elixir mutate"
        )
    return read_muzak(run_tool("muzak", project, (), time_limit_s).output)


def _canary(muzak: Path, check: str, time_limit_s: float) -> float | None:
    """Return Muzak's rate for a tiny project; for "{}" its suite is exact."""
    body = check.format("") if check != "{}" else "EctrainCanary.add(1) == 13"
    with tempfile.TemporaryDirectory(prefix="ectrain-muzak-") as name:
        root = Path(name)
        (root / "lib").mkdir()
        (root / "test").mkdir()
        deps = f'[{{:muzak, path: "{muzak}", only: :test}}]'
        (root / "mix.exs").write_text(_PROJECT.replace("{deps}", deps))
        (root / "lib" / "ectrain_canary.ex").write_text(_CODE)
        (root / "test" / "test_helper.exs").write_text("ExUnit.start()\n")
        (root / "test" / "ectrain_canary_test.exs").write_text(_TEST.replace("{}", body))
        done = run_tool("muzak", root, (), time_limit_s)
        try:
            return read_muzak(done.output).rate
        except DataError:
            return None


def _shown(rate: float | None) -> str:
    return "not at all" if rate is None else f"{rate:.0%}"
