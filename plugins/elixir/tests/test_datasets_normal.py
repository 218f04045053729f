"""Laws of normal forms: layout and names of variables change nothing, anything else does."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ectrain_elixir.datasets.normal import normalised, signatures
from ectrain_elixir.datasets.outline import outlined
from ectrain_elixir.syntax import tree
from ectrain_elixir.twins import snippets

CODE = '''defmodule Shop.Cart do
  # what is bought
  @doc """
    Adds up.
      Indented.
  """
  def total(items, rate \\\\ 1) when rate > 0 do
    sum = Enum.reduce(items, 0, fn item, acc -> acc + item.price end)
    Logger.info "total #{sum} of #{inspect(items)}"
    with {:ok, tax} <- fetch_tax(rate), do: %{sum: sum, tax: tax, all: 1_000 * ?#}
  end
end
'''
NAMES = ("items", "rate", "sum", "item", "acc", "tax")
SNIPPETS = [snippet.code for snippet in snippets("train", 40, 0)]


def renamed(code: str, names: dict[str, str]) -> str:
    """Return the code with variables renamed; keys, atoms, fields and calls keep their names."""
    for old, new in names.items():
        code = re.sub(rf"(?<![\w.:@]){old}(?![\w(]|: )", new, code)
    return code


fresh = st.lists(
    st.from_regex(r"v[a-z0-9_]{1,8}", fullmatch=True), min_size=6, max_size=6, unique=True
)


@given(fresh)
def test_renamed_variables_change_nothing(names: list[str]) -> None:
    """Alpha-renaming keeps the digest and the shingles."""
    one = normalised(CODE)
    other = normalised(renamed(CODE, dict(zip(NAMES, names, strict=True))))
    assert one.digest == other.digest
    assert one.shingles().tolist() == other.shingles().tolist()


@given(st.sampled_from([CODE, *SNIPPETS]), st.integers(0, 6), st.booleans())
def test_layout_changes_nothing(code: str, indent: int, comments: bool) -> None:
    """Indentation, blank lines and comments keep the digest."""
    blank = "\n" if indent % 3 == 1 and '"""' not in code else ""
    lines = [" " * indent + line + blank for line in code.split("\n")]
    text = "\n".join(lines)
    if comments:
        text = f"# it's new\n{text}\n# and \"ends\n"
    assert normalised(text).digest == normalised(code).digest


def test_what_the_formatter_may_change_changes_nothing() -> None:
    """Parentheses of calls, commas at ends and underscores in numbers are layout."""
    one = "def f(x) do\n  send self(), [x, 10000]\nend\n"
    assert (
        normalised(one).digest == normalised("def f(y), do\nsend(self(), [y, 10_000,]) end").digest
    )


def test_variables_that_trade_places_are_another_program() -> None:
    """x - y is not y - x, and a call is not another call."""
    marks = {
        normalised(f"def f(x, y), do: {body}").digest
        for body in ("x - y", "y - x", "x + y", "g(x) - y", "h(x) - y", "x.a - y", ":x - y")
    }
    assert len(marks) == 7


@given(st.text())
def test_any_text_has_a_normal_form(text: str) -> None:
    """No text is refused, and the same has the same."""
    assert normalised(text).digest == normalised(text).digest


def test_signatures_tell_how_alike_files_are() -> None:
    """The share of equal places in two signatures is near the files' Jaccard similarity."""
    whole = [normalised(code).shingles() for code in SNIPPETS[:12]]
    marks = signatures(whole)
    for one in range(12):
        for other in range(one):
            a, b = set(whole[one].tolist()), set(whole[other].tolist())
            true = len(a & b) / len(a | b)
            assert abs((marks[one] == marks[other]).mean() - true) < 0.3


def test_an_outline_names_what_a_file_defines() -> None:
    """Modules inside modules, heads, structs, callbacks and links are read from the tree."""
    code = (
        "defmodule A.B do\n  @behaviour X.Y\n  use GenServer, restart: :x\n"
        "  alias A.{C, D.E}\n  alias Foo.Bar, as: Baz\n"
        "  @callback go(a :: term, b) :: term\n  defstruct [:a, b: 1]\n"
        "  def f(x, y \\\\ 2) when x > 1, do: x\n  def g, do: 1\n  defp h(_), do: 2\n"
        "  defmodule In do\n    defstruct a: 1\n  end\n"
        "  defimpl String.Chars do\n    def to_string(x), do: x\n  end\nend\n"
    )
    outer, inner, chars = outlined(tree(code), code.encode()).modules
    assert (outer.name, inner.name, chars.name) == ("A.B", "A.B.In", "String.Chars.A.B")
    assert outer.functions == ("f/2", "g/0")
    assert set(outer.fields) == {"a", "b"}
    assert outer.behaviours == ("X.Y",)
    assert outer.callbacks == ("go/2",)
    assert outer.aliases == ("C=A.C", "E=A.D.E", "Baz=Foo.Bar")
    assert ("use", "GenServer") in outer.links
