"""Calls that go together: a sink, harmless calls, and where the caller's text goes in the twin."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Literal

import attrs

from ectrain_elixir.twins.calls import NAMES, Call, drawn_call
from ectrain_elixir.twins.forms import (
    CHARLIST_HARMLESS,
    CHARLIST_SINKS,
    HARMLESS,
    LOOK_ALIKES,
    SINKS,
)

Split = Literal["train", "val", "test"]

DANGEROUS = 0.25  # of the sinks beside a twin's own hold the caller's text

MARKUP = frozenset({*SINKS["XSS.Raw"], *LOOK_ALIKES["XSS.Raw"]})


@attrs.frozen
class Composition:
    """Calls of a snippet, the first of them a sink.

    Attributes:
        variables: Names of the caller's text.
        calls: The calls of the fixed twin: the sink is safe.
        partner: The call, by number, and its gap that trade places with the sink's gap.
    """

    variables: tuple[str, ...]
    calls: tuple[Call, ...]
    partner: tuple[int, str]

    @property
    def fixed(self) -> tuple[Call, ...]:
        """The calls with the caller's text in the partner's gap and a constant in the sink."""
        return self.calls

    @property
    def vulnerable(self) -> tuple[Call, ...]:
        """The calls with the constant in the partner's gap and the caller's text in the sink."""
        calls, (at, letter) = list(self.calls), self.partner
        calls[0] = calls[0].switched("E")
        calls[at] = calls[at].switched(letter)
        return tuple(calls)

    @property
    def clean(self) -> Composition:
        """The same without the caller's text in any sink."""
        safe = (call.switched("E") if call.finding else call for call in self.calls)
        return attrs.evolve(self, calls=tuple(safe))

    @property
    def harmless(self) -> Composition:
        """The same without any sink; unchanged where there would be no call left."""
        kept = tuple(call for call in self.calls if not call.sink)
        return attrs.evolve(self, calls=kept) if kept else self.clean

    @property
    def split(self) -> Split:
        """The split that it belongs to, whatever its words are."""
        kinds = "/".join(sorted(call.kind for call in self.calls))
        point = int.from_bytes(hashlib.sha256(kinds.encode()).digest()[:8], "big") % 20
        return "val" if point < 3 else "test" if point < 6 else "train"

    @property
    def needs(self) -> Literal["", "conn", "view"]:
        """What its function must have: a connection, or helpers that write markup."""
        if any("conn" in call.form for call in self.calls):
            return "conn"
        return "view" if any(call.form in MARKUP for call in self.calls) else ""

    @property
    def constants(self) -> list[str]:
        """Words that stand where the caller's text doesn't."""
        return sorted({gap.constant for call in self.calls for gap in call.gaps.values()})

    @property
    def literal(self) -> bool:
        """Whether constants must be literals: in a pipe, Sobelow takes attributes for variables."""
        return any(call.form.startswith("E |>") for call in self.calls)

    @property
    def charlist(self) -> bool:
        """Whether its sink takes a charlist."""
        return self.calls[0].sink in CHARLIST_SINKS


def drawn_composition(rng: random.Random, sink: str) -> Composition:
    """Draw calls around a sink."""
    while True:
        first, second = rng.sample(NAMES, 2)
        made = _drawn(rng, sink, (first, second))
        if _sane(made):
            return made


def _drawn(rng: random.Random, sink: str, variables: tuple[str, str]) -> Composition:
    calls = [drawn_call(rng, rng.choice(SINKS[sink]), sink, variables)]
    for other in rng.sample([name for name in SINKS if name != sink], rng.choice((1, 1, 2))):
        more = drawn_call(rng, rng.choice(SINKS[other]), other, variables)
        calls.append(more.switched("E") if rng.random() < DANGEROUS else more)
    at = 0
    if "A" not in calls[0].gaps or rng.random() < 0.5:
        calls.append(_harmless(rng, sink, variables))
        at = len(calls) - 1
    if rng.random() < 0.1:
        more = _harmless(rng, sink, variables)
        calls.append(more.switched("A") if rng.random() < 0.5 else more)
    calls[at] = calls[at].trading("A", calls[0].gaps["E"])
    return Composition(variables, tuple(calls), (at, "A"))


def _harmless(rng: random.Random, sink: str, variables: Sequence[str]) -> Call:
    """Draw a call that looks like the sink, or any harmless one."""
    if rng.random() < 0.6:
        forms = LOOK_ALIKES[sink]
    else:
        forms = CHARLIST_HARMLESS if sink in CHARLIST_SINKS else HARMLESS
    return drawn_call(rng, rng.choice(forms), "", variables)


def _sane(made: Composition) -> bool:
    """Return whether the calls can stand in one function, where Sobelow judges each by itself.

    What it says of `send_resp` depends on every content type that the function sets.
    """
    forms = [call.form for call in made.calls]
    typed = sum("send_resp" in form or "put_resp_content_type" in form for form in forms)
    connected = any("conn" in form for form in forms)
    return typed <= 1 and not (connected and any(form in MARKUP for form in forms))
