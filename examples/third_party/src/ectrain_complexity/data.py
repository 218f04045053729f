"""Elixir functions composed of steps whose complexity and purity are known."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Iterator
from functools import cache

import attrs

from ectrain.task import Split

CLASSES = 5  # of complexity: 1, 2, 3, 4, and 5 or more
MOST_STEPS = 4
FEWEST = 32  # functions of a held-out split


@attrs.frozen
class Step:
    """Some lines of a function that change `x` or do something with it.

    Attributes:
        kind: Its name.
        code: Its lines; `$n` and a smaller `$m` are drawn numbers, `$a` a drawn name.
        points: Decisions that it holds: what it adds to the complexity.
        pure: Whether it touches nothing outside.
    """

    kind: str
    code: str
    points: int = 0
    pure: bool = True


STEPS = (
    Step("add", "x = x + $n"),
    Step("scale", "x = x * $n"),
    Step("digits", "x = x |> Integer.to_string() |> String.length()"),
    Step("shown", "x = String.length(inspect({:$a, x}))"),
    Step("sum", "x = Enum.sum([x, $n, $m])"),
    Step("said", '_note = "IO.puts(#{x})"'),
    Step("sent", "{_, x} = {:send, x}"),
    Step("clock", "x = Map.get(%{system_time: x}, :system_time, $n)"),
    Step("if", "x = if x > $n, do: x - $m, else: x", points=1),
    Step("unless", "x =\n  unless x == $n do\n    x + $m\n  else\n    $m\n  end", points=1),
    Step("and", "x = if x > $n and rem(x, 2) == 0, do: x - $m, else: x", points=2),
    Step("or", "x = if x < $m or x == $n, do: $n, else: x", points=2),
    Step("case", "x =\n  case rem(x, 3) do\n    0 -> x\n    1 -> x + $n\n    _ -> $m\n  end", 2),
    Step("cond", "x =\n  cond do\n    x > $n -> $n\n    x < $m -> $m\n    true -> x\n  end", 2),
    Step("pair", "x =\n  case x do\n    $n -> $m\n    other -> other\n  end", points=1),
    Step("puts", "IO.puts(x)", pure=False),
    Step("send", "send(self(), {:$a, x})", pure=False),
    Step("put", "Process.put(:$a, x)", pure=False),
    Step("chance", "x = x + :rand.uniform($n)", pure=False),
    Step("time", "x = x + System.os_time(:second)", pure=False),
    Step("write", 'File.write!("$a.txt", inspect(x))', pure=False),
    Step("warn", "if x > $n, do: IO.warn(inspect(x))", points=1, pure=False),
)

_NAMES = ("apply_rule", "compute", "handle", "next", "price", "score", "total", "update", "weigh")
_ATOMS = ("cart", "count", "day", "fee", "item", "order", "rate", "stock", "user")


@attrs.frozen
class Function:
    """A function with its labels.

    Attributes:
        id: Unique in the dataset.
        group: The kinds of its steps, sorted: what is never split.
        code: Its source.
        complexity: McCabe's number: 1 and one for each decision.
        pure: Whether it touches nothing outside.
    """

    id: str
    group: str
    code: str
    complexity: int
    pure: bool


@cache
def functions(split: Split, size: int, seed: int) -> tuple[Function, ...]:
    """Return a split: the same for the same arguments, no two functions alike.

    Args:
        split: Which.
        size: Training functions; held-out splits have an eighth of it, at least 32.
        seed: Of the draws.
    """
    wanted = size if split == "train" else max(FEWEST, size // 8)
    found: dict[str, Function] = {}
    for function in _drawn(split, seed):
        found.setdefault(function.code, function)
        if len(found) == wanted:
            break
    return tuple(
        attrs.evolve(function, id=f"{split}-{number}")
        for number, function in enumerate(found.values())
    )


def _drawn(split: Split, seed: int) -> Iterator[Function]:
    rng = random.Random(f"complexity/{seed}/{split}")
    while True:
        steps = rng.sample(STEPS, rng.randint(1, MOST_STEPS))
        group = "+".join(sorted(step.kind for step in steps))
        if split_of(group) == split:
            yield _composed(steps, group, rng)


def split_of(group: str) -> Split:
    """Return where a set of steps belongs: about 80 % train, 10 % val, 10 % test."""
    place = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10
    return "val" if place == 8 else "test" if place == 9 else "train"


def _composed(steps: list[Step], group: str, rng: random.Random) -> Function:
    lines = [line for step in steps for line in _filled(step.code, rng).splitlines()]
    body = "\n".join(f"  {line}" for line in (*lines, "x"))
    code = f"def {rng.choice(_NAMES)}(x) do\n{body}\nend\n"
    complexity = 1 + sum(step.points for step in steps)
    return Function("", group, code, complexity, all(step.pure for step in steps))


def _filled(code: str, rng: random.Random) -> str:
    smaller, number = sorted(rng.sample(range(2, 100), 2))
    return string.Template(code).substitute(n=number, m=smaller, a=rng.choice(_ATOMS))
