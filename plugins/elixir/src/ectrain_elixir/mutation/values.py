"""Operators that put other values in: literals, and what functions return."""

from ectrain_elixir.mutation.operators import Operator


class _Literal(Operator):
    group = "literals"


class _Result(Operator):
    group = "results"


class _Name(Operator):
    group = "names"


class IncrementNumber(_Literal):
    """Add one to a number: `def f(x), do: x + 1` becomes `def f(x), do: x + 2`."""


class DecrementNumber(_Literal):
    """Take one from a number: `def f(x), do: x + 3` becomes `def f(x), do: x + 2`."""


class ZeroNumber(_Literal):
    """Make a number zero: `def f(x), do: x + 7` becomes `def f(x), do: x + 0`."""


class NegateNumber(_Literal):
    """Negate a number: `def f(x), do: x * 7` becomes `def f(x), do: x * -7`."""


class MuzakNumber(_Literal):
    """Put another number in: `def f(x), do: x + 5` becomes `def f(x), do: x + 42`."""

    muzak = True


class String(_Literal):
    """Empty a string, or fill an empty one: `def f, do: g("a")` becomes `def f, do: g("")`."""


class MuzakString(_Literal):
    """Put another word in: `def f, do: g("a")` becomes `def f, do: g("mutant")`."""

    muzak = True


class InterpolatedText(_Literal):
    """Change a string's own text: `def f(x), do: "a#{x}"` becomes `def f(x), do: "mutant#{x}"`."""


class Atom(_Literal):
    """Put another atom in: `def f, do: :ok` becomes `def f, do: :error`."""


class Boolean(_Literal):
    """Say the opposite: `def f, do: true` becomes `def f, do: false`."""


class NilValue(_Literal):
    """Put something in for nothing: `def f, do: g(nil)` becomes `def f, do: g(:mutant)`."""


class EmptyList(_Literal):
    """Put something into an empty list: `def f, do: []` becomes `def f, do: [nil]`."""


class DropElement(_Literal):
    """Take the first or the last of a list: `def f(x), do: [x, 2]` becomes `def f(x), do: [x]`."""


class WildcardPattern(_Literal):
    """Match anything: `def f(0), do: :zero` becomes `def f(_), do: :zero`."""


class ReturnNil(_Result):
    """Return nothing: `def f(x), do: x` becomes `def f(x), do: nil`."""


class ReturnAtom(_Result):
    """Return what nobody expects: `def f(x), do: x` becomes `def f(x), do: :mutant`."""


class ReturnEmpty(_Result):
    """Return nothing of the same kind: `def f(x), do: x <> "!"` becomes `def f(x), do: ""`."""


class ReplyTag(_Result):
    """Answer otherwise: `def f(s), do: {:reply, 1, s}` becomes `def f(s), do: {:noreply, s}`."""


class RenameFunction(_Name):
    """Rename a clause: `def f(x), do: x` becomes `def mutant(x), do: x`."""

    muzak = True
