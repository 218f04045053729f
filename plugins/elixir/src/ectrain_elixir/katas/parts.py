"""Steps that several families share: what becomes of a pair, and how many become one."""

from __future__ import annotations

from ectrain_elixir.katas.compose import choice_of

# of two numbers, a and b
pair = choice_of(
    {
        "sum": ("the sum of a and b", "a + b", lambda a, b: a + b),
        "difference": ("a minus b", "a - b", lambda a, b: a - b),
        "gap": ("b minus a", "b - a", lambda a, b: b - a),
        "product": ("the product of a and b", "a * b", lambda a, b: a * b),
        "larger": ("the larger of a and b", "max(a, b)", max),
        "smaller": ("the smaller of a and b", "min(a, b)", min),
    }
)

# of a list of numbers that is not empty, xs
gathered = choice_of(
    {
        "sums": ("the sum", "Enum.sum(xs)", sum),
        "counts": ("the count", "length(xs)", len),
        "maxima": ("the largest", "Enum.max(xs)", max),
        "minima": ("the smallest", "Enum.min(xs)", min),
        "firsts": ("the first", "hd(xs)", lambda xs: xs[0]),
    }
)

# of a number so far, acc, and the next one: X
gathering = choice_of(
    {
        "plus": ("adds it to the result", "acc + X", lambda acc, x: acc + x),
        "minus": ("subtracts it from the result", "acc - (X)", lambda acc, x: acc - x),
        "highest": ("keeps the larger of it and the result", "max(acc, X)", max),
        "lowest": ("keeps the smaller of it and the result", "min(acc, X)", min),
    }
)
