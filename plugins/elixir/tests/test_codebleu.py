"""CodeBLEU for Elixir: what is alike, what is not, and what names don't change (5.2.4.3)."""

from __future__ import annotations

import re

import pytest

from ectrain_elixir.codebleu import PARTS, code_bleu
from ectrain_elixir.codebleu.normal import normal_form
from ectrain_elixir.codebleu.score import bleu
from ectrain_elixir.continuing import can_continue, first_whole
from ectrain_elixir.katas import katas
from ectrain_elixir.syntax import parses

PROGRAMS = [kata.prompt + kata.answer for kata in katas("train", 64)[::4]]


@pytest.mark.parametrize("code", PROGRAMS)
def test_a_program_is_its_own_best_match(code: str) -> None:
    """Compared with itself, each part is 1."""
    found = code_bleu(code, code)
    assert [getattr(found, part) for part in PARTS] == [1.0] * 4
    assert found.total == 1.0


def renamed(code: str) -> str:
    """Return a program whose variables all have other names."""
    words = {w for w in re.findall(r"(?<![\w:.@&])[a-z]\w*(?![\w(:.!?])", code) if len(w) <= 6}
    kept = {"do", "end", "fn", "def", "defp", "case", "cond", "for", "when", "else", "if", "in",
            "true", "false", "nil", "not", "and", "or", "with", "unless", "rem", "div"}  # fmt: skip
    text = re.sub(r'"[^"]*"', lambda m: m.group().replace("x", "x"), code)
    for word in sorted(words - kept):
        text = re.sub(rf"(?<![\w:.@&]){word}(?![\w(:.!?])", f"{word}_{word}", text)
    return text


SHORT = """
defmodule A do
  def run(list, k) when is_list(list) do
    n = length(list)
    case Enum.find(list, fn x -> x > k end) do
      nil -> :none
      ^n -> {:same, n}
      y -> list |> Enum.map(fn x -> x + y end) |> Enum.sum()
    end
  end
end
"""


def test_names_of_variables_change_no_data_flow() -> None:
    """With every variable renamed, data flow and tree are as they were, n-grams are not."""
    found = code_bleu(renamed(SHORT), SHORT)
    assert renamed(SHORT) != SHORT
    assert (found.dataflow, found.ast) == (1.0, 1.0)
    assert found.ngram < 1


def test_two_variables_that_change_places_change_the_data_flow() -> None:
    """Names alone don't matter, what flows where does."""
    one = "def f(a, b) do\n  c = g(a)\n  h(c, b)\nend\n"
    assert code_bleu(one.replace("h(c, b)", "h(b, c)"), one).dataflow < 1
    assert code_bleu(one.replace("g(a)", "g(b)"), one).dataflow < 1
    pinned = "case x do\n  ^y -> 1\nend"
    code = "def f(x, y) do\n  {}\nend\n"
    assert code_bleu(
        code.format(pinned.replace("^y", "y")), code.format(pinned)
    ).dataflow < 1  # fmt: skip


ALIKE = [
    ("x |> f(1)", "f(x, 1)"),
    ("x |> f() |> M.g(2)", "M.g(f(x), 2)"),
    ("def f(a), do: a", "def f(a) do\n  a\nend"),
    ("if a, do: 1, else: 2", "if a do\n  1\nelse\n  2\nend"),
    ("IO.puts x", "IO.puts(x)"),
    ("(a)", "a"),
    ("f(a) # told", "f(a)"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_is_only_written_differently_is_alike(one: str, other: str) -> None:
    """Pipes are calls, `do:` is a block, brackets and comments are nothing: both ways round."""
    assert normal_form(one) == normal_form(other)
    for found in (code_bleu(one, other), code_bleu(other, one)):
        assert (found.ast, found.dataflow) == (1.0, 1.0)


@pytest.mark.parametrize(("one", "other"), [("f(x, 1)", "f(1, x)"), ("a |> f()", "a |> g()")])
def test_what_differs_stays_apart(one: str, other: str) -> None:
    """Another order or another name is another form."""
    assert normal_form(one) != normal_form(other)


def test_unrelated_programs_have_little_in_common() -> None:
    """Below 0.3, though both are Elixir."""
    other = 'use Mix.Config\nconfig :app, Repo, pool: 10\nimport_config "prod.exs"\n'
    assert code_bleu(other, SHORT).total < 0.3
    assert code_bleu("", SHORT).total < 0.3
    assert code_bleu(")) end (", SHORT).total < 0.3


@pytest.mark.parametrize("deep", ["[" * 3000, "f(" * 3000 + ")" * 3000, "x |> " * 3000])
def test_deep_nesting_is_survived(deep: str) -> None:
    """What a model may write, however deep, has a figure."""
    assert 0 <= code_bleu(deep, SHORT).total < 0.3
    assert can_continue(deep)


def test_keywords_weigh_more() -> None:
    """Getting a keyword wrong costs the weighted part more than another word."""
    words = ["def", "f", "(", "a", ")", "do", "a", "end"]
    weights = {"def": 1.0, "do": 1.0, "end": 1.0, "x": 0.2, "a": 0.2, "f": 0.2, "(": 0.2, ")": 0.2}
    keyword = ["x" if word == "do" else word for word in words]
    name = ["x" if word == "f" else word for word in words]
    assert bleu(keyword, words, weights) < bleu(name, words, weights) < 1
    assert bleu(words, words, weights) == pytest.approx(1.0)


# --- what can still become Elixir -----------------------------------------------------------------


@pytest.mark.parametrize("code", PROGRAMS[:6])
def test_every_beginning_of_a_program_can_go_on(code: str) -> None:
    """No character of right code is refused, wherever the text stops."""
    assert all(can_continue(code[:at]) for at in range(len(code) + 1))


@pytest.mark.parametrize("text", ["f(a]", "f do\nend\nend\n", "[1, 2) ", "%{a: 1)", "fn x -> x)"])
def test_what_is_closed_wrongly_can_not(text: str) -> None:
    """A bracket that closes another one, or an end too many, is final."""
    assert not can_continue(text)


def test_an_answer_ends_where_it_is_whole() -> None:
    """Blank lines and further clauses belong to it; what comes after it doesn't."""
    given = "defmodule A do\n"
    answer = "  def f(1), do: 1\n\n  def f(x), do: x\nend\n"
    assert first_whole(given, answer + "\n# next\n") == answer
    assert first_whole(given, "  def f(") == "  def f("
    assert parses(given + answer)
