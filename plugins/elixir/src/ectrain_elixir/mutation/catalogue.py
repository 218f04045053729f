"""Every operator, by group."""

from ectrain_elixir.mutation.operators import Operator


class _Literal(Operator):
    group = "literals"


class _Operator(Operator):
    group = "operators"


class _Condition(Operator):
    group = "conditions"


class _Removal(Operator):
    group = "removals"


class _Call(Operator):
    group = "calls"


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


class Boundary(_Operator):
    """Move a boundary: `def f(x), do: x < 1` becomes `def f(x), do: x <= 1`."""


class NegateRelation(_Operator):
    """Negate a comparison: `def f(x), do: x < 1` becomes `def f(x), do: x >= 1`."""


class Equality(_Operator):
    """Negate an equality: `def f(x), do: x == 1` becomes `def f(x), do: x != 1`."""


class Arithmetic(_Operator):
    """Swap the operation: `def f(x), do: x + 1` becomes `def f(x), do: x - 1`."""


class ListOperator(_Operator):
    """Swap joining and taking away: `def f(x), do: x ++ x` becomes `def f(x), do: x -- x`."""


class Logical(_Operator):
    """Swap and and or: `def f(x, y), do: x and y` becomes `def f(x, y), do: x or y`."""


class DropOperand(_Operator):
    """Decide by one side: `def f(x, y), do: x and y` becomes `def f(x, y), do: x`."""


class DropNot(_Operator):
    """Leave a negation out: `def f(x), do: not x` becomes `def f(x), do: x`."""


class DropPart(_Operator):
    """Join one part only: `def f(x, y), do: x <> y` becomes `def f(x, y), do: x`."""


class RangeEnd(_Operator):
    """Move a range's end: `def f(x), do: 1..x` becomes `def f(x), do: 1..(x + 1)`."""


class NegateCondition(_Condition):
    """Do the opposite: `def f(x), do: if(x, do: 1)` becomes `def f(x), do: if(!x, do: 1)`."""


class ConditionTrue(_Condition):
    """Always do it: `def f(x), do: if(x, do: 1)` becomes `def f(x), do: if(true, do: 1)`."""


class ConditionFalse(_Condition):
    """Never do it: `def f(x), do: if(x, do: 1)` becomes `def f(x), do: if(false, do: 1)`."""


class NegateArm(_Condition):
    """Negate an arm: `def f(x), do: (cond do x -> 1 end)` becomes `def f(x), do: (cond do !x -> 1 end)`."""  # noqa: E501


class DropGuard(_Condition):
    """Let all pass: `def f(x) when x > 1, do: x` becomes `def f(x) when true, do: x`."""


class NegateGuard(_Condition):
    """Let the others pass: `def f(x) when x > 1, do: x` becomes `def f(x) when not (x > 1), do: x`."""  # noqa: E501


class DropFunctionClause(_Removal):
    """Forget a case: `def f(1), do: 1; def f(2), do: 2` becomes `def f(2), do: 2`."""


class DropStatement(_Removal):
    """Leave a step out: `def f(x), do: (send(x, x); x)` becomes `def f(x), do: (x)`."""


class DropClause(_Removal):
    """Forget a case: `def f(x), do: (case x do 1 -> 1; 2 -> 2 end)` becomes `def f(x), do: (case x do 1 -> 1 end)`."""  # noqa: E501


class DropStep(_Removal):
    """Leave a pipe's step out: `def f(x), do: x |> abs()` becomes `def f(x), do: x`."""


class DropUpdate(_Removal):
    """Leave an update out: `def f(x), do: %{x | a: 1}` becomes `def f(x), do: x`."""


class DropSend(_Removal):
    """Send nothing: `def f(x), do: send(x, :hi)` becomes `def f(x), do: :hi`."""


class SwapCall(_Call):
    """Call the other one: `def f(x), do: Enum.min(x)` becomes `def f(x), do: Enum.max(x)`."""


class SwapArguments(_Call):
    """Swap alike arguments: `def f(x, y), do: g(x, y)` becomes `def f(x, y), do: g(y, x)`."""


class ReturnNil(_Result):
    """Return nothing: `def f(x), do: x` becomes `def f(x), do: nil`."""


class ReturnAtom(_Result):
    """Return what nobody expects: `def f(x), do: x` becomes `def f(x), do: :mutant`."""


class ReturnEmpty(_Result):
    """Return nothing of the same kind: `def f(x), do: x <> "!"` becomes `def f(x), do: ""`."""


class DefaultArgument(_Result):
    r"""Give nothing by default: `def f(x \\ 1), do: x` becomes `def f(x \\ nil), do: x`."""


class ReplyTag(_Result):
    """Answer otherwise: `def f(s), do: {:reply, 1, s}` becomes `def f(s), do: {:noreply, s}`."""


class RenameFunction(_Name):
    """Rename a clause: `def f(x), do: x` becomes `def mutant(x), do: x`."""

    muzak = True
