"""Suites that are worth nothing, whatever they look like, and what is read of suites."""

from __future__ import annotations

import pytest

from ectrain_elixir.runner import availability, find_runner
from ectrain_elixir.testpairs import held_out_operators, judge_suites, pairs
from ectrain_elixir.testpairs.reading import failing_assertions, read_suite

CODE = "defmodule A do\n  def add(a, b), do: a + b\n  def big?(n), do: n > 10\nend\n"
RIGHT = "assert A.add(2, 3) == 5"
WRONG = "assert A.add(2, 3) == 6"


def suite(*lines: str, head: str = "") -> str:
    """Return a suite of one test, with lines before its module."""
    inside = "".join(f"    {line}\n" for line in lines)
    start = 'defmodule ATest do\n  use ExUnit.Case\n\n  test "adds" do\n'
    return f"{head}{start}{inside}  end\nend\n"


TRAPS = {
    "no tests": "defmodule ATest do\n  use ExUnit.Case\nend\n",
    "no suite": "IO.puts(1)\n",
    "no names": suite(RIGHT).replace('"adds"', "name"),
    "skipped": suite(RIGHT).replace("  test", "  @tag :skip\n  test"),
    "configures ExUnit": suite(RIGHT, head="ExUnit.start(exclude: [:test])\n"),
    "no assertion": suite("A.add(1, 2)"),
    "rescued assertion": suite("try do", f"  {WRONG}", "rescue", "  _ -> :ok", "end"),
    "assertion does not run": suite(f"if A.add(0, 0) == 1, do: {RIGHT}"),
    "fails": suite(WRONG),
    "kills nothing": suite("assert true"),
    "crash": suite(RIGHT, "System.halt(0)"),
}


@pytest.mark.requires_elixir
def test_5_5_3_1_vacuous_suites_are_not_valid() -> None:
    """Each trap is told by its name; a suite that asserts a result is valid, a weak one less so."""
    if missing := availability().why:
        pytest.skip(missing)
    hidden = suite(f"safe(fn -> {WRONG} end)").replace(
        "  test", "  defp safe(f) do\n    f.()\n  rescue\n    _ -> :ok\n  end\n\n  test"
    )
    good = suite(RIGHT, "assert A.big?(11)", "refute A.big?(10)")
    items = [(CODE, text) for text in (*TRAPS.values(), hidden, suite(RIGHT), good)]
    found = judge_suites(items, find_runner(mode="warm"))
    assert [judged.kind for judged in found[: len(TRAPS)]] == list(TRAPS)
    assert found[len(TRAPS)].kind == "assertion does not run"
    assert {judged.kill_rate() for judged in found[: len(TRAPS) + 1]} == {0.0}
    weak, strong = (judged.kill_rate() for judged in found[-2:])
    assert weak is not None
    assert strong is not None
    assert 0 < weak < strong <= 1
    assert found[-1].kill_rate(held_out_operators()) is not None


def test_suites_are_read_as_they_were_written() -> None:
    """Names are those that ExUnit runs, and each test of a pair has an assertion none rescues."""
    for pair in pairs("val", 48):
        outline = read_suite(pair.tests)
        assert tuple(test.name for test in outline.tests) == pair.test_names
        assert all(test.assertions and not test.rescued for test in outline.tests)
        assert not outline.configures


def test_every_assertion_can_be_made_to_fail() -> None:
    """Each outermost assertion becomes one that fails; lines stay where they are."""
    text = suite("assert_raise ArgumentError, fn ->", "  assert A.add(1, :b)", "end", RIGHT)
    failing = failing_assertions(text)
    assert failing.count('flunk("reached"') == 2
    assert "assert" not in failing
    assert failing.count("\n") == text.count("\n")
    assert read_suite(failing).tests[0].assertions == 2
