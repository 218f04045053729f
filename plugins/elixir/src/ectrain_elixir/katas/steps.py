"""Steps on single numbers, lists of numbers, texts and lists of texts.

A maker draws a step's parameters and its words; the kind names what it does, whatever the
parameters are, so two programs of one composition differ in names and numbers alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ectrain_elixir.katas.compose import Maker, of, told
from ectrain_elixir.katas.kata import Step


def _said(rng: random.Random, *ways: str) -> str:
    return rng.choice(ways)


# --- one number: X in the code, @ in the words --------------------------------------------------


def add(rng: random.Random) -> Step:
    """Add a number."""
    k = rng.randint(1, 9)
    said = _said(rng, f"adds {k} to @", f"increases @ by {k}")
    return Step("add", said, f"X + {k}", lambda x: x + k)


def subtract(rng: random.Random) -> Step:
    """Subtract a number."""
    k = rng.randint(1, 9)
    said = _said(rng, f"subtracts {k} from @", f"decreases @ by {k}")
    return Step("subtract", said, f"X - {k}", lambda x: x - k)


def multiply(rng: random.Random) -> Step:
    """Multiply by a number."""
    k = rng.randint(2, 6)
    said = {2: "doubles @", 3: "triples @"}.get(k, f"multiplies @ by {k}")
    return Step("multiply", said, f"X * {k}", lambda x: x * k)


def square(rng: random.Random) -> Step:
    """Multiply by itself."""
    return Step("square", "squares @", "X * X", lambda x: x * x)


def negate(rng: random.Random) -> Step:
    """Change the sign."""
    return Step("negate", _said(rng, "negates @", "flips the sign of @"), "-X", lambda x: -x)


def absolute(rng: random.Random) -> Step:
    """Drop the sign."""
    return Step("absolute", "takes the absolute value of @", "abs(X)", abs)


def at_most(rng: random.Random) -> Step:
    """Cap from above."""
    k = rng.randint(3, 12)
    said = _said(rng, f"caps @ at {k}", f"limits @ to at most {k}")
    return Step("at_most", said, f"min(X, {k})", lambda x: min(x, k))


TRANSFORMS: tuple[Maker, ...] = (add, subtract, multiply, square, negate, absolute, at_most)


# --- a condition on one number ------------------------------------------------------------------


def remainder(rng: random.Random) -> Step:
    """Even, odd, or divisible."""
    k = rng.choice((2, 2, 3, 4, 5))
    rest = rng.choice((0, 1)) if k == 2 else 0
    said = {(2, 0): "even", (2, 1): "odd"}.get((k, rest), f"divisible by {k}")
    code = f"rem(X, {k}) == 0" if rest == 0 else f"rem(X, {k}) != 0"
    kind = "divides" if rest == 0 else "odd"
    return Step(kind, said, code, lambda x: (abs(x) % k == 0) == (rest == 0))


def above(rng: random.Random) -> Step:
    """Greater than a number."""
    k = rng.randint(0, 8)
    said = _said(rng, f"greater than {k}", f"above {k}")
    return Step("above", said, f"X > {k}", lambda x: x > k)


def below(rng: random.Random) -> Step:
    """Less than a number."""
    k = rng.randint(3, 14)
    said = _said(rng, f"less than {k}", f"below {k}")
    return Step("below", said, f"X < {k}", lambda x: x < k)


def unlike(rng: random.Random) -> Step:
    """Not equal to a number."""
    k = rng.randint(0, 9)
    return Step("unlike", f"not equal to {k}", f"X not in [{k}]", lambda x: x != k)


CONDITIONS: tuple[Maker, ...] = (remainder, above, below, unlike)


# --- stages of a pipe over a list of numbers ----------------------------------------------------


def mapped(rng: random.Random) -> Step:
    """Change every number."""
    inner = rng.choice(TRANSFORMS)(rng)
    code = f"Enum.map(&({of(inner, '&1')}))"
    return Step(f"map_{inner.kind}", told(inner, "each"), code, lambda xs: [*map(inner.run, xs)])


def kept(rng: random.Random) -> Step:
    """Keep some numbers."""
    inner = rng.choice(CONDITIONS)(rng)
    said = _said(
        rng, f"keeps numbers that are {inner.say}", f"selects numbers that are {inner.say}"
    )
    code = f"Enum.filter(&({of(inner, '&1')}))"
    return Step(f"keep_{inner.kind}", said, code, lambda xs: [*filter(inner.run, xs)])


def rejected(rng: random.Random) -> Step:
    """Drop some numbers."""
    inner = rng.choice(CONDITIONS[:3])(rng)
    code = f"Enum.reject(&({of(inner, '&1')}))"
    said = _said(
        rng, f"drops numbers that are {inner.say}", f"rejects numbers that are {inner.say}"
    )
    return Step(f"reject_{inner.kind}", said, code, lambda xs: [x for x in xs if not inner.run(x)])


def reversed_(rng: random.Random) -> Step:
    """Turn the list around."""
    return Step("reverse", "reverses the list", "Enum.reverse()", lambda xs: [*reversed(xs)])


def sorted_(rng: random.Random) -> Step:
    """Sort."""
    return Step("sort", _said(rng, "sorts", "sorts ascending"), "Enum.sort()", sorted)


def sorted_down(rng: random.Random) -> Step:
    """Sort downwards."""
    return Step(
        "sort_desc",
        "sorts descending",
        "Enum.sort(:desc)",
        lambda xs: sorted(xs, reverse=True),
    )


def unique(rng: random.Random) -> Step:
    """Drop what was there before."""
    said = _said(rng, "removes duplicates", "keeps only first occurrences")
    return Step("uniq", said, "Enum.uniq()", lambda xs: [*dict.fromkeys(xs)])


def taken(rng: random.Random) -> Step:
    """Keep the first ones."""
    k = rng.randint(1, 4)
    return Step("take", f"takes the first {k}", f"Enum.take({k})", lambda xs: xs[:k])


def dropped(rng: random.Random) -> Step:
    """Drop the first ones."""
    k = rng.randint(1, 3)
    return Step("drop", f"skips the first {k}", f"Enum.drop({k})", lambda xs: xs[k:])


STAGES: tuple[Maker, ...] = (
    mapped, mapped, kept, kept, rejected, reversed_, sorted_, sorted_down, unique, taken, dropped
)  # fmt: skip


def total(rng: random.Random) -> Step:
    """Add all up."""
    return Step("sum", _said(rng, "returns the sum", "sums them up"), "Enum.sum()", sum)


def count(rng: random.Random) -> Step:
    """Count."""
    return Step("count", _said(rng, "returns the count", "counts them"), "Enum.count()", len)


def largest(rng: random.Random) -> Step:
    """Find the largest."""
    return Step(
        "max",
        "returns the largest, or nil",
        "Enum.max(fn -> nil end)",
        lambda xs: max(xs, default=None),
    )


def joined(rng: random.Random) -> Step:
    """Write them in a row."""
    mark = rng.choice((",", "-", "/", ";"))
    said = f"joins them with '{mark}'"
    return Step("join", said, f'Enum.join("{mark}")', lambda xs: mark.join(map(str, xs)))


ENDINGS: tuple[Maker, ...] = (total, count, largest, joined)


# --- stages of a pipe over a text ---------------------------------------------------------------


def _text(kind: str, code: str, run: Callable[[str], Any], *ways: str) -> Maker:
    return lambda rng: Step(kind, _said(rng, *ways), code, run)


def replaced(rng: random.Random) -> Step:
    """Replace a letter."""
    old, new = rng.choice("aeio"), rng.choice("xyz_")
    code = f'String.replace("{old}", "{new}")'
    return Step("replace", f"replaces '{old}' by '{new}'", code, lambda t: t.replace(old, new))


def first_letters(rng: random.Random) -> Step:
    """Keep the first letters."""
    k = rng.randint(2, 6)
    code = f"String.slice(0, {k})"
    return Step("slice", f"takes the first {k} characters", code, lambda t: t[:k])


def suffixed(rng: random.Random) -> Step:
    """Add an end."""
    mark = rng.choice(("!", "?", ".", "..."))
    return Step("suffix", f"appends '{mark}'", f'Kernel.<>("{mark}")', lambda t: t + mark)


def padded(rng: random.Random) -> Step:
    """Fill on the left."""
    k, mark = rng.randint(8, 16), rng.choice("0*.")
    code = f'String.pad_leading({k}, "{mark}")'
    return Step("pad", f"pads on the left to {k} with '{mark}'", code, lambda t: t.rjust(k, mark))


TEXT_STAGES: tuple[Maker, ...] = (
    _text("trim", "String.trim()", str.strip, "trims it", "strips surrounding blanks"),
    _text("upcase", "String.upcase()", str.upper, "upcases it", "makes it upper case"),
    _text("downcase", "String.downcase()", str.lower, "downcases it", "makes it lower case"),
    _text("reverse", "String.reverse()", lambda t: t[::-1], "reverses it"),
    _text("capitalize", "String.capitalize()", str.capitalize, "capitalizes it"),
    replaced, first_letters, suffixed, padded,
)  # fmt: skip

TEXT_ENDINGS: tuple[Maker, ...] = (
    _text("length", "String.length()", len, "returns its length", "counts its characters"),
    _text("words", "String.split()", str.split, "splits it into words"),
    _text("letters", "String.graphemes()", list, "returns its characters as a list"),
)


# --- stages of a pipe over a list of words ------------------------------------------------------


def _each(kind: str, code: str, run: Callable[[str], Any], said: str) -> Maker:
    stage = f"Enum.map(&String.{code})"
    return lambda rng: Step(f"map_{kind}", said, stage, lambda ws: [*map(run, ws)])


def longer(rng: random.Random) -> Step:
    """Keep long words."""
    k = rng.randint(3, 5)
    code = f"Enum.filter(&(String.length(&1) > {k}))"
    said = f"keeps words longer than {k}"
    return Step("keep_longer", said, code, lambda ws: [w for w in ws if len(w) > k])


def containing(rng: random.Random) -> Step:
    """Drop words with a letter."""
    mark = rng.choice("aeior")
    code = f'Enum.reject(&String.contains?(&1, "{mark}"))'
    said = f"drops words with '{mark}'"
    return Step("reject_containing", said, code, lambda ws: [w for w in ws if mark not in w])


def by_length(rng: random.Random) -> Step:
    """Sort by length."""
    code = "Enum.sort_by(&String.length/1)"
    return Step("sort_length", "sorts by length", code, lambda ws: sorted(ws, key=len))


WORD_STAGES: tuple[Maker, ...] = (
    _each("upcase", "upcase/1", str.upper, "upcases each"),
    _each("downcase", "downcase/1", str.lower, "downcases each"),
    _each("reverse", "reverse/1", lambda w: w[::-1], "reverses each"),
    _each("first", "first/1", lambda w: w[0], "takes each word's first letter"),
    longer, containing, by_length, reversed_, sorted_, unique, taken, dropped,
)  # fmt: skip

WORD_ENDINGS: tuple[Maker, ...] = (count, joined)
