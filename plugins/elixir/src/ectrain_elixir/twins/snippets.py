"""Snippets of a split: drawn until there are enough, a composition in one split only."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

import attrs

from ectrain_elixir.twins.calls import ARGUMENTS, HARMLESS, SINKS

Split = Literal["train", "val", "test"]
Kind = Literal["vulnerable", "fixed", "clean"]

LEAST = 200  # snippets of val and of test
HELD_OUT = 0.15  # of the training snippets, in val and in test each

NAMES = (
    "name", "path", "title", "token", "query", "label", "term", "page", "code", "file", "topic",
    "user", "kind", "format", "body", "key", "item", "report", "note", "order", "tag", "slug",
)  # fmt: skip
MODULES = ("Shop", "Blog", "Desk", "Fleet", "Studio", "Clinic", "Garden")
PARTS = ("Report", "Page", "Export", "Search", "Upload", "Setting", "Account", "Archive")
ACTIONS = ("show", "index", "create", "update", "render", "export", "load", "build")


@attrs.frozen
class Snippet:
    """A small module, and what Sobelow finds in it.

    Attributes:
        id: Stable and unique.
        pair: What it shares with its twin.
        code: The whole file.
        findings: Ids of the findings, sorted.
        kind: Whether the caller's text reaches a sink, is kept from it, or there is no twin.
        level: How many calls there are.
    """

    id: str
    pair: str
    code: str
    findings: tuple[str, ...]
    kind: Kind
    level: int

    @property
    def group(self) -> str:
        """The pair, which is never split."""
        return self.pair


@attrs.frozen
class _Call:
    """A call with its argument.

    Attributes:
        sink: The finding that it can be, "" for a harmless call.
        form: Its text with E for the argument.
        shape: Name of the argument's shape.
        dangerous: Whether the argument holds the caller's text.
        words: What V, T, P and S stand for.
    """

    sink: str
    form: str
    shape: str
    dangerous: bool
    words: tuple[str, str, str, str]

    @property
    def text(self) -> str:
        """The call as Elixir."""
        argument = ARGUMENTS[self.shape][0 if self.dangerous else 1]
        parts = dict(zip("VTPS", self.words, strict=True))
        filled = "".join(parts.get(c, c) for c in argument)
        return re.sub(r"(?<!\w)E(?!\w)", lambda _: filled, self.form)


def snippets(split: Split, size: int = 4000, seed: int = 0) -> tuple[Snippet, ...]:
    """Return the snippets of a split, the same ones for the same arguments, always.

    Twins have the same calls with the same words; in the vulnerable one the caller's text is in a
    sink and a word in a harmless call, in the fixed one they have changed places.

    Args:
        split: Which; a composition (calls and shapes of arguments) is in one split only.
        size: Snippets of train; val and test have a seventh, at least 200.
        seed: Of what is drawn.
    """
    return _drawn(size, seed)[split]


@cache
def _drawn(size: int, seed: int) -> dict[Split, tuple[Snippet, ...]]:
    held_out = max(LEAST, int(size * HELD_OUT))
    wanted: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    found: dict[Split, list[Snippet]] = {split: [] for split in wanted}
    seen: set[str] = set()
    sinks = sorted(SINKS)
    number = 0
    while any(len(found[split]) < count for split, count in wanted.items()):
        rng = random.Random(f"twins/{seed}/{number}")
        made, split = _twins(rng, sinks[number % len(sinks)], number)
        number += 1
        if len(found[split]) >= wanted[split] or any(snippet.code in seen for snippet in made):
            continue
        seen.update(snippet.code for snippet in made)
        found[split] += made
    return {split: tuple(made[: wanted[split]]) for split, made in found.items()}


def _twins(rng: random.Random, sink: str, number: int) -> tuple[list[Snippet], Split]:
    """Draw a pair, or a clean snippet, and the split that it belongs to."""
    variables = rng.sample(NAMES, 2)
    calls = [_call(rng, sink, True, variables)]
    if rng.random() < 0.35:
        other = rng.choice([s for s in sorted(SINKS) if s != sink])
        calls.append(_call(rng, other, rng.random() < 0.5, variables))
    swapped = attrs.evolve(_call(rng, "", False, variables), shape=calls[0].shape)
    calls.append(swapped)
    if rng.random() < 0.4:
        calls.append(_call(rng, "", rng.random() < 0.5, variables))
    order = rng.sample(range(len(calls)), len(calls))
    composition = "/".join(sorted(f"{c.form}:{c.shape}" for c in calls))
    split = _split_of(composition)
    safe = [*calls]
    at = calls.index(swapped)
    safe[0] = attrs.evolve(calls[0], dangerous=False)
    safe[at] = attrs.evolve(swapped, dangerous=True)
    frame = _Frame.drawn(rng, variables)
    pair = f"pair-{number}"
    if rng.random() < 0.2:
        clean = [attrs.evolve(call, dangerous=call.dangerous and not call.sink) for call in safe]
        return [_snippet(frame, clean, order, pair, "clean")], split
    both = [
        _snippet(frame, calls, order, pair, "vulnerable"),
        _snippet(frame, safe, order, pair, "fixed"),
    ]
    return both if rng.random() < 0.5 else both[::-1], split


def _split_of(composition: str) -> Split:
    point = int.from_bytes(hashlib.sha256(composition.encode()).digest()[:8], "big") % 20
    return "val" if point < 3 else "test" if point < 6 else "train"


def _call(rng: random.Random, sink: str, dangerous: bool, variables: Sequence[str]) -> _Call:
    form = rng.choice(SINKS[sink] if sink else HARMLESS)
    shape = rng.choice(tuple(ARGUMENTS))
    word, before, after = rng.sample(NAMES, 3)
    return _Call(sink, form, shape, dangerous, (rng.choice(variables), word, before, after))


@attrs.frozen
class _Frame:
    """What stands around the calls."""

    head: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def drawn(cls, rng: random.Random, variables: Sequence[str]) -> _Frame:
        """Draw a controller's action or a plain function that gets the variables."""
        app, part, action = rng.choice(MODULES), rng.choice(PARTS), rng.choice(ACTIONS)
        one, other = variables
        results = tuple(rng.sample([n for n in NAMES if n not in variables], 4))
        if rng.random() < 0.6:
            head: tuple[str, ...] = (
                f"defmodule {app}Web.{part}Controller do",
                f"  use {app}Web, :controller",
                f'  def {action}(conn, %{{"{one}" => {one}, "{other}" => {other}}}) do',
            )
        else:
            head = (f"defmodule {app}.{part} do", f"  def {action}(conn, {one}, {other}) do")
        return cls(head, results)

    def around(self, lines: Sequence[str]) -> str:
        """Return the file with these calls."""
        *first, last = lines
        named = [f"    {n}_value = {x}" for n, x in zip(self.names, first, strict=False)]
        return "\n".join([*self.head, *named, f"    {last}", "  end", "end", ""])


def _snippet(
    frame: _Frame, calls: Sequence[_Call], order: Sequence[int], pair: str, kind: Kind
) -> Snippet:
    code = frame.around([calls[place].text for place in order])
    findings = sorted({call.sink for call in calls if call.sink and call.dangerous})
    mark = hashlib.sha256(code.encode()).hexdigest()[:10]
    return Snippet(f"{pair}-{mark}", pair, code, tuple(findings), kind, len(calls))
