"""Laws of coverage: it agrees with Erlang's own, and it is told for each test."""

import subprocess
from pathlib import Path

import pytest

from ectrain_elixir.coverage import Coverage, CoverageError, Share, measure
from ectrain_elixir.coverage.model import Point
from ectrain_elixir.runner import Program, availability, find_runner

CODE = """defmodule Cov do
  def sign(x) when x > 0 do
    y = x * 2
    if y > 10 do
      :large
    else
      :small
    end
  end

  def sign(0), do: :zero

  def sign(x) do
    case x do
      -1 ->
        :minus_one

      _ ->
        other(x)
    end
  end

  defp other(x) do
    Enum.map([x], fn y ->
      y + 1
    end)
  end

  def unused(a) do
    with {:ok, b} <- a,
         c = b do
      c
    else
      _ ->
        :no
    end
  end
end
"""
CALLS = ("Cov.sign(20)", "Cov.sign(0)", "Cov.sign(-1)", "Cov.unused({:ok, 1})")
COVER = """
[file, out | calls] = System.argv()
{:ok, [module], _} = Kernel.ParallelCompiler.compile_to_path([file], out)
:code.add_patha(to_charlist(out))
{:ok, _} = :cover.compile_beam(to_charlist(Path.join(out, "Elixir.Cov.beam")))
for call <- calls, do: Code.eval_string(call)
{:ok, lines} = :cover.analyse(module, :calls, :line)
for {{_, line}, count} <- lines, line > 0, do: IO.puts("#{line} #{count}")
"""


def suite(*calls: str) -> str:
    """Return a suite that makes these calls, one in each test."""
    tests = "\n".join(f'test "{i}", do: {call}' for i, call in enumerate(calls))
    return f"defmodule CovTest do\nuse ExUnit.Case\n{tests}\nend"


def test_shares_of_nothing_are_unknown() -> None:
    """Where nothing can be reached there is no share; a name that is none is refused."""
    assert Share(0, 0).value is None
    empty = Coverage((), {}, {})
    assert empty.share("lines").value is None
    with pytest.raises(ValueError, match="no such coverage: 'branches'"):
        empty.share("branches")


def test_a_line_counts_as_often_as_its_most_reached_expression() -> None:
    """Lines and functions are made of points, for all tests or some."""
    points = (Point("clause", "M.f/0", 1, 1), *(Point("expression", "", 1, c) for c in (5, 9)))
    found = Coverage(points, {"a": "passed", "b": "failed"}, {"a": {0: 2, 1: 1}, "b": {1: 4}})
    assert found.lines() == {1: 5}
    assert found.lines(["b"]) == {1: 4}
    assert found.functions() == {"M.f/0": [2]}
    assert (found.share("expressions"), found.share("clauses", ["b"])) == (Share(1, 2), Share(0, 1))


@pytest.fixture(scope="module")
def _elixir() -> None:
    missing = availability().why
    if missing:
        pytest.skip(missing)


@pytest.mark.requires_elixir
@pytest.mark.usefixtures("_elixir")
class TestMeasured:
    """With Elixir."""

    def test_it_agrees_with_erlang_s_cover(self, tmp_path: Path) -> None:
        """On every line that both know, both say reached or not; what is reached, both know."""
        (tmp_path / "cov.ex").write_text(CODE)
        (tmp_path / "cover.exs").write_text(COVER)
        out = tmp_path / "out"
        out.mkdir()
        command = ["elixir", "cover.exs", "cov.ex", str(out), *CALLS]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        theirs: dict[int, int] = {}
        for line, count in (map(int, row.split()) for row in done.stdout.splitlines()):
            theirs[line] = max(theirs.get(line, 0), count)
        ours = measure(CODE, suite(*CALLS)).lines()
        common = ours.keys() & theirs.keys()
        assert len(common) >= 8, (done.stderr, ours, theirs)
        differing = {n for n in common if (ours[n] > 0) != (theirs[n] > 0)}
        assert differing == set()

    def test_each_test_is_apart(self) -> None:
        """A test reaches its own lines, and failing does not take that from it."""
        found = measure(CODE, suite(*CALLS, "flunk(to_string(Cov.sign(3)))"))
        assert found.tests == {"0": "passed", "1": "passed", "2": "passed", "3": "passed"} | {
            "4": "failed"
        }
        reached = {n: {k for k, c in found.lines([n]).items() if c} for n in found.tests}
        assert reached["1"] == {11}
        assert reached["2"] == {14, 16}
        assert reached["4"] == {3, 4, 7}
        assert found.functions()["Cov.sign/1"] == [2, 1, 1]
        assert found.functions(["2"])["Cov.other/1"] == [0]

    def test_compiled_suites_are_measured_alike(self) -> None:
        """A suite that has to be compiled reaches the same."""
        plain = suite(*CALLS)
        helper = plain.replace("use ExUnit.Case", "use ExUnit.Case\n@tag :slow")
        assert measure(CODE, helper).counts() == measure(CODE, plain).counts()

    def test_counters_change_nothing(self) -> None:
        """With counters, a program does what it did: the same tests pass and fail."""
        tests = suite(*(f"assert {call} == :zero" for call in CALLS))
        names = tuple(map(str, range(len(CALLS))))
        verdict = find_runner("auto", "warm").run(Program(CODE, tests, names))
        assert measure(CODE, tests).tests == verdict.tests

    def test_what_cannot_be_measured_is_said(self) -> None:
        """Broken programs and suites are errors with their reason."""
        with pytest.raises(CoverageError, match="undefined function g/0"):
            measure("defmodule M do\ndef f, do: g()\nend", suite("1"))
        with pytest.raises(CoverageError, match="two tests are named '0'"):
            measure(CODE, suite("1") + "\n" + suite("2").replace("CovTest", "OtherTest"))
        with pytest.raises(CoverageError, match="crash"):
            measure("defmodule M do\nend", suite("System.halt(0)"))
