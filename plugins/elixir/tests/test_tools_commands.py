"""The commands of `ectrain elixir`: files in, one document or readable lines out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ectrain_elixir.commands import elixir
from ectrain_elixir.doctor import examine
from ectrain_elixir.runner import availability
from ectrain_elixir.runner.names import test_names as names_of

CODE = "defmodule M do\n  def f(x) when x > 0, do: x + 1\n  def f(_), do: 0\nend\n"
TESTS = """defmodule MTest do
  use ExUnit.Case
  describe "f \\"quoted\\"" do
    test "adds", %{} do
      assert M.f(1) == 2
    end
  end
  test "zero", do: assert M.f(0) == 0
end
"""


def call(*words: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(elixir, [str(word) for word in words])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return a program and its tests on disk."""
    code, tests = tmp_path / "m.ex", tmp_path / "m_test.exs"
    code.write_text(CODE)
    tests.write_text(TESTS)
    return code, tests


def test_names_are_read_from_the_text() -> None:
    """Names are ExUnit's; computed ones are not found."""
    assert names_of(TESTS) == ('f "quoted" adds', "zero")
    assert names_of('test "a#{1}" do\nend\ntest name do\nend') == ()


@given(st.text())
def test_any_text_has_names_or_none(text: str) -> None:
    """Reading names never fails."""
    assert isinstance(names_of(text), tuple)


def test_wrong_usage_says_what_is_wanted(files: tuple[Path, Path]) -> None:
    """Without tests, and for the weak tier without the flag, nothing is run."""
    code, tests = files
    assert "_test.exs" in call("run", code).output
    weak = call("run", "--sandbox", "limited", code, tests)
    assert weak.exit_code == 2
    assert "--i-understand-untrusted-code" in weak.output


def test_the_doctor_says_something_in_any_case() -> None:
    """Whatever this machine has, Elixir is among the findings, and what is missing has a remedy."""
    found = examine()
    assert found[0][0] == "elixir"
    assert all(remedy for _, state, _, remedy in found if state != "ok")


@pytest.mark.requires_elixir
class TestWithElixir:
    """With Elixir."""

    @pytest.fixture(autouse=True)
    def _elixir(self) -> None:
        missing = availability().why
        if missing:
            pytest.skip(missing)

    @pytest.mark.parametrize("mode", ["strict", "warm"])
    def test_run(self, files: tuple[Path, Path], mode: str) -> None:
        """The verdict is told; the status is 0 for a pass alone."""
        done = call("run", "--json", "--mode", mode, *files)
        data = json.loads(done.output)
        assert (done.exit_code, data["status"], data["mode"]) == (0, "passed", mode)
        files[0].write_text(CODE.replace("x + 1", "x"))
        done = call("run", "--mode", mode, *files)
        assert done.exit_code == 1
        assert 'failed   f "quoted" adds' in done.output

    def test_mutate(self, files: tuple[Path, Path]) -> None:
        """Survivors are shown with what was changed."""
        done = call("mutate", "--sample", 6, "--json", *files)
        data = json.loads(done.output)
        assert data["mutants"]["tried"] == 6
        assert 0 <= data["kill_rate"] <= 1
        files[1].write_text(TESTS.replace("M.f(0) == 0", "true"))
        text = call("mutate", *files).output
        assert "survived: " in text
        assert "+  def f(x)" in text

    def test_cover(self, files: tuple[Path, Path]) -> None:
        """Shares and lines are told."""
        data = json.loads(call("cover", "--json", *files).output)
        assert data["shares"]["clauses"] == {"reached": 2, "of": 2, "share": 1.0}
        files[1].write_text(TESTS.replace("M.f(0) == 0", "true"))
        assert "not reached  lines 3" in call("cover", *files).output
