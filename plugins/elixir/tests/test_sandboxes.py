"""Laws of sandboxes that plugins add: chosen by name alone, and never taken for another tier."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ectrain.errors import ConfigError, EctrainError, PluginError
from ectrain_elixir.runner import Program, find_runner

SOURCE = """
from ectrain_elixir.runner.limited import Bare

class Own(Bare):
    tier = "own"

class Strict(Bare):
    tier = "strict"

class Broken:
    def __init__(self): raise OSError("no room")
"""
POINTS = "own = sandboxed:Own\nfalse = sandboxed:Strict\nbroken = sandboxed:Broken\n"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "sandboxed.py").write_text(SOURCE)
    info = tmp_path / "sandboxed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sandboxed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ectrain.sandboxes]\n{POINTS}")
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop("sandboxed", None)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("onw", ConfigError, "no installed plugin offers sandbox 'onw'; did you mean 'own'"),
        ("false", PluginError, "false of sandboxed 1.0: .* expected a Sandbox with tier = 'false'"),
        ("broken", PluginError, "broken of sandboxed 1.0 can't be loaded: OSError: no room"),
    ],
)
def test_sandboxes_that_cannot_be_used_are_named(
    name: str, kind: type[EctrainError], said: str
) -> None:
    """Unknown ones get the nearest name; one that claims another's tier is refused."""
    with pytest.raises(kind, match=said):
        find_runner(name)


@pytest.mark.requires_elixir
@pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Elixir")
def test_a_plugins_sandbox_judges_programs() -> None:
    """A sandbox of a plugin is checked with a known program, and named in every verdict."""
    runner = find_runner("own")
    verdict = runner.run(
        Program(
            code="defmodule A do\n  def one, do: 2\nend\n",
            tests="""
            defmodule ATest do
              use ExUnit.Case
              test "one", do: assert A.one() == 1
            end
            """,
            test_names=("one",),
        )
    )
    assert (verdict.status, verdict.tier) == ("failed", "own")
    runner.close()
