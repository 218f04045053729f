"""Families over bytes and bits: filtered, read from a header, written in a width, masked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

from ectrain_elixir.katas import steps
from ectrain_elixir.katas.compose import (
    Maker,
    applied,
    composed,
    drawn,
    of,
    picked,
    piped,
    said,
    through,
    told,
)
from ectrain_elixir.katas.kata import Draft, Step
from ectrain_elixir.katas.parts import pair
from ectrain_elixir.katas.values import Atom, integers


def some_bytes(rng: random.Random, size: int) -> bytes:
    """Draw bytes, most of them small."""
    return bytes(rng.randint(0, 18) for _ in range(size))


def filters(rng: random.Random) -> Draft:
    """Bytes that are kept and changed, from a binary comprehension or a list of bytes."""
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.CONDITIONS, steps.TRANSFORMS]
    chosen = [*drawn(rng, steps.CONDITIONS, 2), rng.choice(steps.TRANSFORMS)(rng)]

    def comprehension(made: Sequence[Step]) -> list[str]:
        one, other, change = (of(step, "b") for step in made)
        return [f"for <<b <- data>>, {one}, {other}, into: <<>>, do: <<{change}>>"]

    def listed(made: Sequence[Step]) -> list[str]:
        one, other, change = (of(step, "&1") for step in made)
        kept = [f"Enum.filter(&({one}))", f"Enum.filter(&({other}))"]
        changed = [f"Enum.map(&Integer.mod({change}, 256))", ":binary.list_to_bin()"]
        return piped("data", [":binary.bin_to_list()", *kept, *changed])

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        one, other, change = made
        kept = [b for b in arguments[0] if one.run(b) and other.run(b)]
        return bytes(change.run(b) % 256 for b in kept)

    one, other, change = chosen
    return composed(
        rng,
        chosen,
        pools,
        (comprehension, listed),
        request=said(
            [
                f"keeps bytes that are {one.say} and {other.say}",
                f"{told(change, 'each')} modulo 256",
            ]
        ),
        spec="(binary()) :: binary()",
        head="(data)",
        run=run,
        inputs=((some_bytes(rng, 7),), (some_bytes(rng, 6),), (b"",)),
    )


LAYOUTS: tuple[tuple[str, str, str, tuple[tuple[int, Literal["big", "little"]], ...]], ...] = (
    ("u8_u8", "a byte a and a byte b", "a, b", ((1, "big"), (1, "big"))),
    ("u8_u16", "a byte a and 16 bits b", "a, b::16", ((1, "big"), (2, "big"))),
    ("u16_u8", "16 bits a and a byte b", "a::16, b", ((2, "big"), (1, "big"))),
    ("u8_le16", "a byte a and 16 little-endian bits b", "a, b::little-16",
     ((1, "big"), (2, "little"))),
    ("le16_u8", "16 little-endian bits a and a byte b", "a::little-16, b",
     ((2, "little"), (1, "big"))),
    ("u16_u16", "16 bits a and 16 bits b", "a::16, b::16", ((2, "big"), (2, "big"))),
)  # fmt: skip


def layout(rng: random.Random) -> Step:
    """Draw how two numbers lie at the start of a binary."""
    kind, say, code, (one, other) = rng.choice(LAYOUTS)

    def read(data: bytes) -> tuple[int, int] | None:
        if len(data) < one[0] + other[0]:
            return None
        a, rest = data[: one[0]], data[one[0] :]
        return int.from_bytes(a, one[1]), int.from_bytes(rest[: other[0]], other[1])

    return Step(kind, say, f"<<{code}, _::binary>>", read)


def packets(rng: random.Random) -> Draft:
    """Two numbers read from a header, or `:error` where it is too short."""
    pools: list[Sequence[Maker]] = [(layout,), (pair,), steps.TRANSFORMS]
    chosen = picked(rng, pools)

    def result(made: Sequence[Step]) -> list[str]:
        return [f"n = {made[1].code}", f"{{:ok, {of(made[2], 'n')}}}"]

    def cases(made: Sequence[Step]) -> list[str]:
        one, other = result(made)
        lines = ["case data do", f"  {made[0].code} ->", f"    {one}", f"    {other}", ""]
        return [*lines, "  _ ->", "    :error", "end"]

    def chain(made: Sequence[Step]) -> list[str]:
        one, other = result(made)
        lines = [f"with {made[0].code} <- data do", f"  {one}", f"  {other}", "else"]
        return [*lines, "  _ -> :error", "end"]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        found = made[0].run(arguments[0])
        if found is None:
            return Atom("error")
        return Atom("ok"), made[2].run(made[1].run(*found))

    first, way, change = chosen
    return composed(
        rng,
        chosen,
        pools,
        (cases, chain),
        request=f"Reads {first.say} from the start of a binary, then takes {way.say}, then "
        f"{told(change, 'it')}. Returns {{:ok, n}}, or :error if it is too short.",
        spec="(binary()) :: {:ok, integer()} | :error",
        head="(data)",
        run=run,
        inputs=tuple((some_bytes(rng, size),) for size in (6, 5, 4, 3, 2, 1)),
    )


WIDTHS: tuple[tuple[str, str, str, int, Literal["big", "little"]], ...] = (
    ("u8", "8 bits", "8", 1, "big"),
    ("u16", "16 bits", "16", 2, "big"),
    ("le16", "16 little-endian bits", "little-16", 2, "little"),
    ("u32", "32 bits", "32", 4, "big"),
    ("u24", "24 bits", "24", 3, "big"),
)


def width(rng: random.Random) -> Step:
    """Draw how a number is written in bytes."""
    kind, say, code, size, order = rng.choice(WIDTHS)
    return Step(kind, say, code, lambda n: (n % 256**size).to_bytes(size, order))


def encodings(rng: random.Random) -> Draft:
    """Numbers written one after another into a binary."""
    pools: list[Sequence[Maker]] = [steps.CONDITIONS, steps.TRANSFORMS, (width,)]
    chosen = picked(rng, pools)

    def comprehension(made: Sequence[Step]) -> list[str]:
        condition, change, wide = made
        written = f"<<{of(change, 'x')}::{wide.code}>>"
        return [f"for x <- list, {of(condition, 'x')}, into: <<>>, do: {written}"]

    def reduced(made: Sequence[Step]) -> list[str]:
        condition, change, wide = made
        return [
            "list",
            f"|> Enum.filter(&({of(condition, '&1')}))",
            "|> Enum.reduce(<<>>, fn x, acc ->",
            f"  <<acc::binary, {of(change, 'x')}::{wide.code}>>",
            "end)",
        ]

    def run(made: Sequence[Step], arguments: tuple[Any, ...]) -> Any:
        condition, change, wide = made
        return b"".join(wide.run(change.run(x)) for x in arguments[0] if condition.run(x))

    condition, change, wide = chosen
    return composed(
        rng,
        chosen,
        pools,
        (comprehension, reduced),
        request=said(
            [
                f"keeps numbers that are {condition.say}",
                told(change, "each"),
                f"writes each with {wide.say}",
            ]
        ),
        spec="([integer()]) :: binary()",
        head="(list)",
        run=run,
        inputs=((integers(rng, 0),), (integers(rng, -3, 400),), ([],)),
    )


def masked(rng: random.Random) -> Step:
    """Draw an operation on bits."""
    k, few = rng.randint(3, 60), rng.randint(1, 4)
    ways: dict[str, tuple[str, str, Any]] = {
        "and": (f"keeps only the bits of {k}", f"band({k})", lambda n: n & k),
        "or": (f"sets the bits of {k}", f"bor({k})", lambda n: n | k),
        "xor": (f"flips the bits of {k}", f"bxor({k})", lambda n: n ^ k),
        "left": (f"shifts left by {few}", f"bsl({few})", lambda n: n << few),
        "right": (f"shifts right by {few}", f"bsr({few})", lambda n: n >> few),
    }
    kind = rng.choice(list(ways))
    return Step(kind, *ways[kind])


def bits(rng: random.Random, length: int | None = None) -> Draft:
    """A number through operations of `Bitwise`."""
    count = length or rng.choice((2, 3, 3))
    chosen = drawn(rng, (masked,), count, distinct=False)

    def nested(made: Sequence[Step]) -> list[str]:
        code = "n"
        for step in made:
            code = applied(step.code, code)
        return [code]

    return composed(
        rng,
        chosen,
        [(masked,)] * count,
        (lambda made: piped("n", [step.code for step in made]), nested),
        request=said([step.say for step in chosen]),
        spec="(non_neg_integer()) :: non_neg_integer()",
        preamble=("import Bitwise", ""),
        head="(n)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((n,) for n in (*rng.sample(range(1, 256), 4), 0)),
    )
