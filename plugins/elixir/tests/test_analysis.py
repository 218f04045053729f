"""Laws of analysis: facts are what stands in the text, and both parsers mostly agree."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain_elixir.analysis import Analyst, Facts, ParseError, agreement, compared, outline
from ectrain_elixir.analysis.facts import facts_of
from ectrain_elixir.katas import katas
from ectrain_elixir.runner import availability, find_runner

CODE = """defmodule Shop.Cart do
  @moduledoc "Carts"
  @behaviour Access
  use GenServer
  alias Shop.{Item, Price}
  import Enum, only: [sum: 1]
  require Logger
  defstruct [:items, open: true]
  @type t :: %__MODULE__{}
  @callback fetch(t, atom) :: term
  @spec total(t, integer) :: {:ok, integer} | :error
  def total(%{items: items} = cart, factor \\\\ 3) when factor > 0 do
    items |> prices(factor) |> Enum.map(&inspect/1)
    sum([1, cart.open])
    __MODULE__.log(cart)
  end

  defp prices(items, _), do: Enum.map(items, fn item -> Price.of(item) end)
  def log(_), do: :ok
  defmacro twice(x), do: x

  defimpl String.Chars do
    def to_string(_), do: "cart"
  end
end
"""


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    """Return an analyst, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    return Analyst()


def test_nothing_has_no_facts() -> None:
    """An empty file defines nothing."""
    assert facts_of([]) == Facts((), (), ())
    assert facts_of([]).call_graph() == {}


def test_an_outline_needs_no_elixir() -> None:
    """Modules, functions, structs, types, calls and edges are read from tree-sitter's tree."""
    facts = outline(CODE)
    cart, chars = facts.modules
    assert (cart.behaviours, cart.uses, cart.fields) == (
        ("Access",),
        ("GenServer",),
        ("items", "open"),
    )
    assert cart.links["alias"] == ("Shop.Item", "Shop.Price")
    assert chars.name == "String.Chars.Shop.Cart"
    assert facts.call_graph()["Shop.Cart.total/2"] == ("Shop.Cart.prices/2", "Shop.Cart.log/1")


@given(st.text())
def test_any_text_has_an_outline(text: str) -> None:
    """Reading an outline never fails."""
    assert isinstance(outline(text), Facts)


ODD = """defmodule Odd do
  defstruct [:a_field, other_field: 1]
  def f(name: "text", key: x), do: g(name: "text", key: x)
  def a +++ b when a in [1] do
    list[:a] ++ Enum.map(b, &(rem(&1.count, 3) == 0))
    "n#{x}" |> h() |> K.k
    for x <- ~w(a b), do: &M.f/1
    with {:ok, x} <- f.(1), do: unless(x, do: :"a#{x}")
  end
end
"""


@pytest.mark.requires_elixir
class TestAnalyst:
    """With Elixir."""

    def test_modules(self, analyst: Analyst) -> None:
        """Modules have their full names, behaviours, uses, links and the fields of their struct."""
        cart, chars = analyst.facts(CODE).modules
        assert (cart.name, cart.kind, cart.line) == ("Shop.Cart", "module", 1)
        assert (cart.behaviours, cart.uses) == (("Access",), ("GenServer",))
        assert cart.fields == ("items", "open")
        links = {"alias": ("Shop.Item", "Shop.Price"), "import": ("Enum",), "require": ("Logger",)}
        assert cart.links == links
        assert (chars.name, chars.kind) == ("String.Chars.Shop.Cart", "implementation")

    def test_functions_and_what_they_call(self, analyst: Analyst) -> None:
        """Clauses have arities, guards and calls; a pipe counts as an argument."""
        facts = analyst.facts(CODE)
        total = facts.functions[0]
        assert (total.signature, total.least) == ("Shop.Cart.total/2", 1)
        assert (total.guard, total.line) == ("factor > 0", 12)
        calls = ("prices/2", "Enum.map/2", "inspect/1", "sum/1", "__MODULE__.log/1")
        assert total.calls == calls
        kinds = [function.kind for function in facts.functions]
        assert kinds == ["def", "defp", "def", "defmacro", "def"]
        graph = facts.call_graph()
        assert graph["Shop.Cart.total/2"] == ("Shop.Cart.prices/2", "Shop.Cart.log/1")
        assert graph["Shop.Cart.prices/2"] == ()

    def test_specs_types_and_callbacks(self, analyst: Analyst) -> None:
        """Types have their name, arity and result as text."""
        found = [(t.kind, t.name, t.arity, t.returns) for t in analyst.facts(CODE).typed]
        assert found == [
            ("type", "t", 0, "%__MODULE__{}"),
            ("callback", "fetch", 2, "term"),
            ("spec", "total", 2, "{:ok, integer} | :error"),
        ]

    def test_errors_have_their_place(self, analyst: Analyst) -> None:
        """Text that is no Elixir is an error with line and words."""
        with pytest.raises(ParseError, match="missing terminator") as caught:
            analyst.facts("defmodule M do\n def f(")
        assert caught.value.line == 2
        assert not analyst.valid("def (")
        with pytest.raises(ParseError):
            analyst.formatted("def (")

    def test_formatting_is_idempotent_and_keeps_facts(self, analyst: Analyst) -> None:
        """Formatted text is formatted already, and says the same."""
        for kata in katas("train", 60)[::10]:
            once = analyst.formatted(kata.prompt + kata.answer)
            assert analyst.formatted(once) == once
            before, after = analyst.facts(kata.prompt + kata.answer), analyst.facts(once)
            assert before.call_graph() == after.call_graph()

    def test_texts_make_no_atoms(self, analyst: Analyst) -> None:
        """Names that a text brings along stay text: many files do not fill the table of atoms."""
        analyst.facts(CODE)
        worker = find_runner("auto", "warm").stable._idle[-1]
        before = worker.health.atoms
        for n in range(50):
            analyst.facts(f"defmodule Unseen{n} do\ndef unseen_{n}(a{n}), do: other_{n}(a{n})\nend")
        after = find_runner("auto", "warm").stable._idle[-1].health.atoms
        assert after - before < 200

    def test_names_of_keywords_are_no_names_of_the_text(self, analyst: Analyst) -> None:
        """A pair `name: value` stays a pair, and a field keeps its name with or without default."""
        facts = analyst.facts(ODD)
        assert facts.modules[0].fields == ("a_field", "other_field")
        assert facts.functions[0].parameters == ('[name: "text", key: x]',)

    def test_both_find_the_same_facts(self, analyst: Analyst) -> None:
        """On odd forms and on katas, the outline has what Elixir's own parser has, and no more."""
        texts = [CODE, ODD, *(kata.prompt + kata.answer for kata in katas("train", 100)[::5])]
        found = compared((outline(text), analyst.facts(text)) for text in texts)
        assert {kind: figures.rate for kind, figures in found.items()} == dict.fromkeys(found, 1.0)

    def test_both_parsers_mostly_agree(self, analyst: Analyst) -> None:
        """On katas they agree always, on texts with a piece missing nearly always."""
        rng = random.Random(1)
        whole = [kata.prompt + kata.answer for kata in katas("train", 100)[::10]]
        assert agreement(whole, analyst).rate == 1.0
        broken = []
        for text in whole:
            for _ in range(6):
                words = text.split(" ")
                del words[rng.randrange(len(words))]
                broken.append(" ".join(words))
        found = agreement(broken, analyst)
        assert found.rate is not None
        assert found.rate > 0.9
        assert found.neither >= 10
