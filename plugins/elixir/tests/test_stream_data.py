"""Property tests in the engine: what the library of that name documents, and what failures show."""

from __future__ import annotations

import pytest

from ectrain_elixir.mutation import MutationEngine
from ectrain_elixir.runner import Program, Verdict, availability, find_runner

pytestmark = pytest.mark.requires_elixir

CODE = "defmodule A do\n  def cut(n), do: if(n > 17, do: 17, else: n)\nend\n"


@pytest.fixture(autouse=True)
def elixir() -> None:
    """Skip with the reason where there is no Elixir."""
    if missing := availability().why:
        pytest.skip(missing)


def suite(body: str, name: str = "holds") -> str:
    """Return a suite of one property."""
    return (
        "defmodule ATest do\n  use ExUnit.Case, async: true\n  use ExUnitProperties\n\n"
        f'  property "{name}" do\n{body}\n  end\nend\n'
    )


def judged(body: str) -> Verdict:
    """Return the verdict on a property of `A`."""
    program = Program(CODE, suite(body), ("property holds",))
    return find_runner(mode="warm").run(program)


GENERATORS = {
    "integer()": "is_integer(x)",
    "integer(3..5)": "x in 3..5",
    "positive_integer()": "x > 0",
    "boolean()": "is_boolean(x)",
    "float(min: 0.5, max: 2.5)": "x >= 0.5 and x <= 2.5",
    "atom(:alphanumeric)": "is_atom(x)",
    "string(:alphanumeric)": "x =~ ~r/^[a-zA-Z0-9]*$/",
    "string(?a..?c, min_length: 2, max_length: 4)": "x =~ ~r/^[abc]{2,4}$/",
    "binary(length: 3)": "byte_size(x) == 3",
    "constant(:a)": "x == :a",
    "member_of([:a, :b])": "x in [:a, :b]",
    "one_of([constant(nil), integer(1..2)])": "x in [nil, 1, 2]",
    "list_of(boolean(), max_length: 2)": "length(x) <= 2",
    "nonempty(list_of(integer()))": "x != []",
    "uniq_list_of(integer(), max_length: 3)": "x == Enum.uniq(x)",
    "tuple({integer(), boolean()})": "is_integer(elem(x, 0)) and is_boolean(elem(x, 1))",
    "map_of(integer(), constant(1), max_length: 3)": "Enum.all?(Map.values(x), & &1 == 1)",
    "fixed_map(%{a: integer(), b: boolean()})": "Map.keys(x) == [:a, :b]",
    "optional_map(%{a: integer()})": "x == %{} or is_integer(x.a)",
    "filter(integer(), &(rem(&1, 2) == 0))": "rem(x, 2) == 0",
    "map(integer(1..3), &(&1 * 10))": "x in [10, 20, 30]",
    "bind(integer(1..3), &list_of(constant(&1), length: &1))": "length(x) in x",
    "gen(all a <- integer(1..2), b <- integer(a..2), do: {a, b})": "elem(x, 0) <= elem(x, 1)",
    "tree(integer(), &list_of/1)": "is_integer(x) or is_list(x)",
}


def test_generators_give_what_they_say() -> None:
    """Each generator, with a hundred values of growing size."""
    lines = [
        f"    check all x <- {generator} do\n      assert {holds}\n    end"
        for generator, holds in GENERATORS.items()
    ]
    verdict = judged("\n".join(lines))
    assert verdict.passed, verdict


def test_a_failure_shows_what_was_generated() -> None:
    """The verdict names the clause and a value that fails, and is the same each time."""
    body = "    check all n <- integer() do\n      assert A.cut(n) == n\n    end"
    verdict = judged(body)
    assert verdict.kind == "assertion"
    assert "* Clause:    n <- integer()" in verdict.message
    shown = int(verdict.message.split("Generated: ")[1].split()[0])
    assert shown > 17
    assert judged(body).message == verdict.message


def test_clauses_filter_match_and_bind() -> None:
    """Conditions and patterns refuse values, `=` binds names, options limit the runs."""
    body = """    check all n <- integer(),
              n > 0,
              m = n + 1,
              {:ok, k} <- one_of([constant(:error), constant({:ok, m})]),
              max_runs: 30 do
      assert k == n + 1 and n > 0
    end"""
    assert judged(body).passed
    never = judged("    check all n <- integer(), n > n do\n      assert n\n    end")
    assert (never.kind, "too many values" in never.message) == ("exception", True)


def test_properties_kill_mutants() -> None:
    """A property that compares with a model kills what can be told; a weak one kills nothing."""
    exact = suite(
        "    check all n <- integer(0..40) do\n      assert A.cut(n) == min(n, 17)\n    end"
    )
    weak = suite("    check all n <- integer(0..40) do\n      assert A.cut(n) == A.cut(n)\n    end")
    engine = MutationEngine()
    strong, nothing = engine.kill_rate(CODE, exact).value, engine.kill_rate(CODE, weak).value
    assert strong is not None
    assert strong >= 0.8
    assert nothing == 0.0


def test_a_program_can_not_replace_the_generators() -> None:
    """The modules belong to the engine: a program that brings its own is no pass."""
    program = Program(
        "defmodule StreamData do\n  def integer, do: 1\nend\n",
        suite("    assert true"),
        ("property holds",),
    )
    assert not find_runner(mode="warm").run(program).passed
