"""Calls with something in their gaps: the caller's text, or a constant."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

import attrs

from ectrain_elixir.twins.forms import AROUND, CHARLIST_SHAPES, CHARLIST_SINKS, SHAPES

NAMES = (
    "name", "path", "title", "token", "query", "label", "term", "page", "code", "topic", "user",
    "kind", "format", "body", "key", "report", "note", "order", "tag", "slug", "city", "color",
)  # fmt: skip


@attrs.frozen
class Words:
    """How variables and constants are written in a function.

    Attributes:
        variables: The caller's text by name: `name`, `params["name"]`, `item.name`.
        attributes: Whether constants are module attributes; else literals.
    """

    variables: Mapping[str, str]
    attributes: bool


@attrs.frozen
class Gap:
    """What stands in a gap of a call.

    Attributes:
        pattern: How it is put together, of V (the text), P and S (what is around it).
        around: What P and S are.
        variable: Name of the caller's text that stands there if `dangerous`.
        constant: The word that stands there if not.
        dangerous: Whether the caller's text stands there.
    """

    pattern: str
    around: tuple[str, str]
    variable: str
    constant: str
    dangerous: bool = False

    def text(self, words: Words) -> str:
        """Return the expression."""
        quote = "'" if "'" in self.pattern else '"'
        constant = f"@{self.constant}" if words.attributes else f"{quote}{self.constant}{quote}"
        value = words.variables[self.variable] if self.dangerous else constant
        parts = {"V": value, "P": self.around[0], "S": self.around[1]}
        return "".join(parts.get(letter, letter) for letter in self.pattern)


@attrs.frozen
class Call:
    """A call.

    Attributes:
        form: Its text with E and A for gaps.
        sink: The finding that it is with the caller's text in E, "" for none.
        gaps: What stands in its gaps, by letter.
    """

    form: str
    sink: str
    gaps: Mapping[str, Gap]

    @property
    def finding(self) -> str:
        """What Sobelow reports of it, "" for nothing."""
        return self.sink if self.sink and self.gaps["E"].dangerous else ""

    @property
    def kind(self) -> str:
        """What it is, whatever its words are: what compositions are told apart by."""
        patterns = ",".join(gap.pattern for _, gap in sorted(self.gaps.items()))
        return f"{self.form}:{patterns}"

    def switched(self, letter: str) -> Call:
        """Return the call with the caller's text in a gap for the constant, or the reverse."""
        gap = self.gaps[letter]
        return self._with(letter, attrs.evolve(gap, dangerous=not gap.dangerous))

    def trading(self, letter: str, other: Gap) -> Call:
        """Return the call with a gap that is like another one, and holds what that one doesn't."""
        kept = attrs.evolve(other, around=self.gaps[letter].around, dangerous=not other.dangerous)
        return self._with(letter, kept)

    def _with(self, letter: str, gap: Gap) -> Call:
        return attrs.evolve(self, gaps={**self.gaps, letter: gap})

    def text(self, words: Words) -> str:
        """Return it as Elixir; a literal in an interpolation becomes part of the text."""
        filled = re.sub(
            r"(?<!\w)[EA](?!\w)", lambda gap: self.gaps[gap.group()].text(words), self.form
        )
        return re.sub(r'#\{"(\w+)"\}', r"\1", filled)


def drawn_call(rng: random.Random, form: str, sink: str, variables: Sequence[str]) -> Call:
    """Draw what stands in the gaps of a form; nothing in them is dangerous yet."""
    shapes = _shapes(form, sink)
    around = AROUND[sink.partition(".")[0]]
    gaps = {
        letter: Gap(
            rng.choices([*shapes], [*shapes.values()])[0],
            rng.choice(around if letter == "E" else AROUND[""]),
            rng.choice(variables),
            rng.choice([name for name in NAMES if name not in variables]),
        )
        for letter in "EA"
        if re.search(rf"(?<!\w){letter}(?!\w)", form)
    }
    return Call(form, sink, gaps)


def _shapes(form: str, sink: str) -> Mapping[str, int]:
    if "#{E}" in form:
        return {"V": 1}
    return CHARLIST_SHAPES if sink in CHARLIST_SINKS else SHAPES
