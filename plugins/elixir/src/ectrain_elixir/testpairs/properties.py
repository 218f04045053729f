"""Suites with properties: for any input, a function gives what another way of doing it gives."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import attrs

from ectrain_elixir.katas import FAMILIES, Kata
from ectrain_elixir.katas.kata import Draft
from ectrain_elixir.syntax import tree
from ectrain_elixir.testpairs.cases import cases_of
from ectrain_elixir.testpairs.exunit import Block, Style, Suite, asserted, suite
from ectrain_elixir.testpairs.generators import generator_of
from ectrain_elixir.testpairs.titles import request_title

TITLES = ("agrees with another way to do it", "gives the same as a plain version", "is right")
_NO_MODEL = re.compile(r"@|__MODULE__|defimpl|defstruct|struct!")
_PLAIN = Style(
    imported=False,
    described=False,
    options="",
    requested=False,
    shape="compared",
    setup=False,
    operator="==",
)


@attrs.frozen
class Model:
    """Another way to do what a function does.

    Attributes:
        lines: Inside the property, where the way is written out there; the last is an expression.
        helpers: Private functions of the suite.
        arguments: Patterns of the arguments, which are expressions, too.
    """

    lines: tuple[str, ...]
    helpers: tuple[str, ...]
    arguments: tuple[str, ...]


# Families whose functions can be called with any input of their type, and have another idiom.
PROPERTY_FAMILIES = tuple(
    name
    for name in FAMILIES
    if name
    not in (
        *("lookups", "agents", "servers", "inboxes", "protocols", "behaviours", "closures"),
        *("constructors", "nested"),
    )
)


def has_properties(kata: Kata) -> bool:
    """Return whether a suite with properties can be written for a kata."""
    draft = kata.draft
    if draft is None or draft.call is not None or not draft.idioms:
        return False
    rng = random.Random(0)
    return _model(kata, draft, rng) is not None and _generators(draft, rng) is not None


def property_suite(kata: Kata, rng: random.Random) -> Suite:
    """Return a suite with a property that a kata's answers have, with and without examples.

    Args:
        kata: One that `has_properties` holds for.
        rng: What is drawn with.

    Raises:
        ValueError: It doesn't.
    """
    draft = kata.draft
    model = _model(kata, draft, rng) if draft is not None else None
    generators = _generators(draft, rng) if draft is not None else None
    if draft is None or model is None or generators is None:
        raise ValueError(f"kata {kata.id}: no property is known")
    named = request_title(kata) if rng.random() < 0.6 else ""
    title = named or rng.choice(TITLES)
    blocks = [Block(title, _checked(kata, model, generators), word="property")]
    if rng.random() < 0.4:
        case = cases_of(kata, rng, f"{kata.module}.")[0]
        blocks.append(Block("a small example", asserted(case, _PLAIN)))
    imports = [line for line in draft.preamble if line.startswith("import ")]
    described = not model.helpers and rng.random() < 0.3
    return suite(
        kata.module,
        f"ExUnit.Case{rng.choice(('', ', async: true'))}",
        ["use ExUnitProperties", *imports],
        f"{kata.function}/{len(model.arguments)}" if described else "",
        blocks,
        model.helpers,
    )


def _checked(kata: Kata, model: Model, generators: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of a property."""
    clauses = [f"{a} <- {g}" for a, g in zip(model.arguments, generators, strict=True)]
    *others, last = [f"{' ' * 10 if n else 'check all '}{x}" for n, x in enumerate(clauses)]
    call = f"{kata.module}.{kata.function}({', '.join(model.arguments)})"
    inside = _compared(call, model)
    head = [*(f"{clause}," for clause in others), f"{last} do"]
    return (*head, *(f"  {line}" if line else "" for line in inside), "end")


def _compared(call: str, model: Model) -> list[str]:
    """Return lines that compare a call with a model, which may give its arguments new values."""
    if len(model.lines) == 1:
        return [f"assert {call} == {model.lines[0]}"]
    names = [name for argument in model.arguments for name in re.findall(r"\w+", argument)]
    if any(line.startswith(f"{name} =") for line in model.lines for name in names):
        return [f"result = {call}", *_bound(model.lines), "assert result == expected"]
    return [*_bound(model.lines), f"assert {call} == expected"]


def _bound(lines: Sequence[str]) -> list[str]:
    """Return lines with the value of the last expression bound to `expected`."""
    root = tree("\n".join(lines))
    last = [node for node in root.named_children if node.type != "comment"][-1]
    first = last.start_point.row
    own = list(lines[first:])
    if len(own) == 1:
        return [*lines[:first], f"expected = {own[0]}"]
    before = list(lines[:first])
    blank = [""] if before and before[-1] else []
    return [*before, *blank, "expected =", *(f"  {x}" if x else "" for x in own), ""]


def _model(kata: Kata, draft: Draft, rng: random.Random) -> Model | None:
    """Return another idiom of a kata, as an expression or as functions."""
    ways = [tuple(body(draft.steps)) for body in draft.idioms]
    ways = [lines for lines in ways if not _NO_MODEL.search("\n".join(lines))]
    if not ways:
        return None
    lines = rng.choice(ways)
    if draft.head is not None:
        arguments = _arguments(draft.head)
        return Model(lines, (), arguments) if len(arguments) == len(draft.inputs[0]) else None
    helpers = tuple(re.sub(r"^( *)def ", r"\1defp ", line) for line in lines)
    names = ("input",) if len(draft.inputs[0]) == 1 else ("one", "other", "third")
    arguments = names[: len(draft.inputs[0])]
    call = f"{kata.function}({', '.join(arguments)})"
    return Model((call,), helpers, arguments)


def _arguments(head: str) -> tuple[str, ...]:
    """Return the arguments of a head, without defaults and guard."""
    inside = head[1 : head.rindex(")")] if " when " not in head else ""
    parts = re.split(r",\s*(?![^{\[]*[}\]])", inside)
    found = tuple(re.sub(r"\s*\\\\.*", "", part).strip() for part in parts)
    return found if all(found) else ()


def _generators(draft: Draft, rng: random.Random) -> list[str] | None:
    places = list(zip(*draft.inputs, strict=False))
    if any(len(values) != len(draft.inputs[0]) for values in draft.inputs):
        return None
    found = [generator_of(values, rng) for values in places]
    texts = [text for text in found if text is not None]
    return texts if len(texts) == len(found) else None
