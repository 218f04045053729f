"""Snippets of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import attrs

from ectrain.kept import Recipe, kept
from ectrain.shards import Shards
from ectrain_elixir.twins.calls import Call
from ectrain_elixir.twins.composition import Composition, Split, drawn_composition
from ectrain_elixir.twins.forms import SINKS
from ectrain_elixir.twins.frames import Frame, drawn_frame

LEAST = 200  # snippets of val and of test
HELD_OUT = 0.15  # of the training snippets, in val and in test each
ALONE = 0.2  # of the compositions have no twin, and nothing is found in them


@attrs.frozen
class Snippet:
    """A small module, and what Sobelow finds in it.

    Attributes:
        id: Stable and unique.
        group: What it shares with its twin; never split.
        code: The whole file.
        findings: Ids of the findings, sorted.
        evidence: Each of them with each line that has it, from 1, sorted.
    """

    id: str
    group: str
    code: str
    findings: tuple[str, ...]
    evidence: tuple[tuple[str, int], ...]


def snippets(split: Split, size: int = 4000, seed: int = 0) -> Shards[Snippet]:
    """Return the snippets of a split, the same ones for the same arguments, always.

    They are drawn once and kept in the user's cache; each is read when it is asked for. The `marks`
    say how many findings each has.

    Twins are the same words in another order: the caller's text and a constant, one of them in a
    sink and the other in a harmless gap, have traded places.

    Args:
        split: Which; a composition (calls and patterns in their gaps) is in one split only.
        size: Snippets of train; val and test have about a seventh, at least 200.
        seed: Of what is drawn.
    """
    return _kept(size, seed)[split]


@cache
def _kept(size: int, seed: int) -> dict[Split, Shards[Snippet]]:
    return kept(
        Recipe(
            "twins",
            {"size": str(size), "seed": str(seed)},
            ("ectrain_elixir.twins",),
            lambda: _drawn(size, seed),
            attrs.asdict,
            _unpacked,
            lambda snippet: len(snippet.findings),
        )
    )


def _unpacked(data: dict[str, Any]) -> Snippet:
    evidence = tuple((finding, line) for finding, line in data["evidence"])
    return Snippet(data["id"], data["group"], data["code"], tuple(data["findings"]), evidence)


def _drawn(size: int, seed: int) -> Iterator[tuple[Split, Snippet]]:
    held_out = max(LEAST, int(size * HELD_OUT))
    left: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    seen: set[bytes] = set()
    sinks = sorted(SINKS)
    number = 0
    while any(left.values()):
        rng = random.Random(f"twins/{seed}/{number}")
        composition = drawn_composition(rng, sinks[number % len(sinks)])
        made = _written(rng, composition, f"pair-{number}")
        number += 1
        marks = {hashlib.sha256(snippet.code.encode()).digest() for snippet in made}
        if len(made) > left[composition.split] or marks & seen:
            continue
        seen |= marks
        left[composition.split] -= len(made)
        yield from ((composition.split, snippet) for snippet in made)


def _written(rng: random.Random, composition: Composition, group: str) -> list[Snippet]:
    """Return the twins of a composition in either order, or one clean snippet."""
    if rng.random() < ALONE:
        alone = composition.clean if rng.random() < 0.5 else composition.harmless
        return [_Layout.drawn(rng, alone).snippet(alone.calls, group)]
    layout = _Layout.drawn(rng, composition)
    both = [layout.snippet(calls, group) for calls in (composition.vulnerable, composition.fixed)]
    return both if rng.random() < 0.5 else both[::-1]


@attrs.frozen
class _Layout:
    """How calls become lines of a file, the same for both twins.

    Attributes:
        frame: What stands around them.
        order: Numbers of the calls, as they follow one another.
        named: Number of the line whose result is named and returned, None for none.
        matched: Whether the last call's result is matched, where none is named.
    """

    frame: Frame
    order: tuple[int, ...]
    named: int | None
    matched: bool

    @classmethod
    def drawn(cls, rng: random.Random, composition: Composition) -> _Layout:
        """Draw it."""
        count = len(composition.calls)
        named = rng.randrange(count) if rng.random() < 0.3 else None
        order = tuple(rng.sample(range(count), count))
        return cls(drawn_frame(rng, composition), order, named, rng.random() < 0.15)

    def snippet(self, calls: Sequence[Call], group: str) -> Snippet:
        """Return the file with the calls, and what is found in it."""
        lines = [calls[place].text(self.frame.words) for place in self.order]
        if self.named is not None:
            lines[self.named] = f"found = {lines[self.named]}"
            lines.append(self.frame.reply.replace("X", "found"))
        elif self.matched:
            lines[-1:] = [f"case {lines[-1]} do", "  {:ok, found} -> found", "  _ -> nil", "end"]
        if self.named is None and self.frame.ending:
            lines.append(self.frame.ending)
        code = self.frame.around(lines)
        first = len(self.frame.head) + 1
        evidence = {
            (calls[place].finding, first + number)
            for number, place in enumerate(self.order)
            if calls[place].finding
        }
        findings = sorted({finding for finding, _ in evidence})
        mark = hashlib.sha256(code.encode()).hexdigest()[:10]
        return Snippet(f"{group}-{mark}", group, code, tuple(findings), tuple(sorted(evidence)))
