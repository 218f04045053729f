"""Laws of the syntax check, and its agreement with Elixir's own parser."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain_elixir.symbols import SYMBOLS
from ectrain_elixir.syntax import first_error, parses, token_spans

GOOD = [
    "x = 1",
    'defmodule A do\n  @doc """\n  hi\n  """\n  def f(a, b \\\\ 1), do: a + b\nend\n',
    "list |> Enum.map(&(&1 * 2)) |> Enum.sum()",
    "with {:ok, a} <- f(), %{b: b} <- a do\n  b\nelse\n  _ -> nil\nend",
    "for x <- 1..3, x > 1, into: %{}, do: {x, x}",
    "~r/[a-z]+/u",
    "~w(a b c)a ++ [:d]",
    "case x do\n  <<h, t::binary>> when h > 0 -> t\n  _ -> x\nend",
    '"a #{b <> "c"} d"',
    "fn\n  0 -> :zero\n  n when n > 0 -> n\nend",
    "%{map | key: 1}",
    "",
]
BROKEN = [
    "defmodule A do",
    "def f(, do: 1",
    "x = [1, 2",
    "x = )",
    '"abc',
    "%{a: }",
    "fn x -> ",
    "foo(1 2)",
]


@pytest.mark.parametrize("code", GOOD)
def test_elixir_parses(code: str) -> None:
    """Sound code has no first error."""
    assert parses(code)
    assert first_error(code) is None


@pytest.mark.parametrize("code", BROKEN)
def test_broken_code_has_a_place(code: str) -> None:
    """Broken code has a first error with a place inside the text."""
    problem = first_error(code)
    assert not parses(code)
    assert problem is not None
    assert 1 <= problem.line <= code.count("\n") + 1
    assert 1 <= problem.column <= len(code) + 1


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    """No text makes the check fail; an error is given exactly where it does not parse."""
    assert parses(text) == (first_error(text) is None)


@given(st.sampled_from(GOOD))
def test_spans_are_in_order_and_cover_what_counts(code: str) -> None:
    """Spans do not overlap, and only blank text lies between them outside strings."""
    spans = token_spans(code)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert all(0 <= start < end <= len(code.encode()) for start, end, _ in spans)


def test_symbols_are_spelled_once() -> None:
    """Each symbol is listed once, and none is blank."""
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert all(symbol.strip() == symbol and symbol for symbol in SYMBOLS)


@pytest.mark.requires_elixir
@pytest.mark.skipif(shutil.which("elixir") is None, reason="elixir is not on PATH")
def test_agrees_with_elixirs_parser() -> None:
    """On sound and broken code the answer is that of `Code.string_to_quoted`."""
    listed = "[" + ", ".join(json.dumps(c).replace("#{", "\\#{") for c in GOOD + BROKEN) + "]"
    script = f"for c <- {listed}, do: IO.puts(match?({{:ok, _}}, Code.string_to_quoted(c)))"
    done = subprocess.run(
        ["elixir", "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["true"] * len(GOOD) + ["false"] * len(BROKEN)
