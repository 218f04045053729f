"""Some katas are solvable with a fact of one hop alone, some with a path of two: shown by worlds.

Two worlds have the same prompt but for one fact, and other surroundings: each world's answer passes
in its own and fails in the other. Without that fact nothing tells which world it is, so the answer
is undetermined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs
import pytest

from ectrain.task import SPLITS
from ectrain_elixir.katas import FACT_FAMILIES, Fact, Kata, katas
from ectrain_elixir.katas.controls import without
from ectrain_elixir.katas.kata import facts_line
from ectrain_elixir.katas.surroundings import SHAPES
from ectrain_elixir.runner import Program, Status, availability, find_runner

pytestmark = pytest.mark.requires_elixir
KATAS = [kata for split in SPLITS for kata in katas(split, 400, 0, (1, 2), ())]


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a text with whole words for others, all at once."""
    words = "|".join(map(re.escape, names))
    return re.sub(rf"(?<!\w)({words})(?!\w)", lambda word: names[word[1]], text)


def in_world(kata: Kata, fact: Fact, other: Fact, change: Callable[[str], str]) -> Kata:
    """Return a kata in which another fact holds, and whose other texts are changed."""
    facts = tuple(other if f == fact else f for f in kata.facts)
    return attrs.evolve(
        kata,
        facts=facts,
        prompt=kata.prompt.replace(facts_line(kata.facts), facts_line(facts)),
        needed=tuple(other if f == fact else f for f in kata.needed),
        surroundings=change(kata.surroundings),
        answer=change(kata.answer),
        tests=change(kata.tests),
    )


def other_member(kata: Kata) -> tuple[Fact, Kata]:
    """Return the last fact that is needed, and the world in which its object is another."""
    fact = kata.needed[-1]
    if kata.family == "returns":
        kind = next(k for k, (type_, _, _) in SHAPES.items() if type_ == fact.object)
        new = next(k for k in ("ok", "some", "noted") if k != kind)
        change = reshaped(kata, kind, new)
        return fact, in_world(kata, fact, attrs.evolve(fact, object=SHAPES[new][0]), change)
    name = re.findall(r"[a-z]\w*", fact.object)[0]
    other = attrs.evolve(fact, object=renamed(fact.object, {name: "zeal"}))
    return fact, in_world(kata, fact, other, lambda text: renamed(text, {name: "zeal"}))


def reshaped(kata: Kata, kind: str, new: str) -> Callable[[str], str]:
    """Return how texts change if the called function gives its number back in another shape."""
    module = kata.needed[0].subject.partition(".")[0]
    (_, value, pattern), (_, other, other_pattern) = SHAPES[kind], SHAPES[new]

    def change(text: str) -> str:
        body = rf"(defmodule {module} do\n.*\n.*\n    ){re.escape(value)}\n"
        text = re.sub(body, lambda found: f"{found[1]}{other}\n", text)
        text = text.replace(f"{pattern} = {module}.", f"{other_pattern} = {module}.")
        return text.replace(f"  {pattern} -> x", f"  {other_pattern} -> x")

    return change


def other_link(kata: Kata) -> tuple[Fact, Kata]:
    """Return the first fact of a path, and the world in which it leads elsewhere."""
    link, last = kata.needed
    elsewhere = next(
        f for f in kata.facts if f.property == link.property and f.object != link.object
    )
    member = next(
        f for f in kata.facts if f.property == last.property and f.subject == elsewhere.object
    )
    other = attrs.evolve(link, object=elsewhere.object)
    if kata.family == "returns":
        kinds = {type_: kind for kind, (type_, _, _) in SHAPES.items()}
        return link, in_world(
            kata, link, other, reshaped(kata, kinds[last.object], kinds[member.object])
        )
    one, two = (re.findall(r"[a-z]\w*", fact.object)[0] for fact in (last, member))
    names = {one: two, two: one, link.object: other.object, other.object: link.object}

    def change(text: str) -> str:
        if kata.family == "fields":
            return renamed_held(text, link, {one: two, link.object: other.object})
        chunks = re.split(r"(?m)^(?=defmodule )", text)
        foreign = f"defmodule {elsewhere.subject} "  # goes on importing what it did
        return "".join(c if c.startswith(foreign) else renamed(c, names) for c in chunks)

    return link, in_world(kata, link, other, keeping(kata, change))


def renamed_held(text: str, link: Fact, names: Mapping[str, str]) -> str:
    """Return a text in which a field holds the other struct."""
    held = rf"\b{link.subject}: %{link.object}\{{[^}}]*\}}"
    text = re.sub(held, lambda found: renamed(found[0], names), text)
    path = rf"\b{link.subject}(\.|\), Access\.key\(:)(\w+)"
    return re.sub(path, lambda found: renamed(found[0], names), text)


def keeping(kata: Kata, change: Callable[[str], str]) -> Callable[[str], str]:
    """Return a change that leaves behaviours around the kata as they are."""
    fixed = kata.family == "callbacks"
    return lambda text: text if fixed and text == kata.surroundings else change(text)


def choice(family: str, level: int) -> Kata:
    """Return a kata of a family and level, of those that have more than they need."""
    return next(
        k for k in KATAS
        if (k.family, k.level) == (family, level) and len(k.facts) > k.level
        and not any(f.object == "integer()" for f in k.facts)
    )  # fmt: skip


CASES = [
    (family, level, way)
    for family in FACT_FAMILIES
    for level, way in ((1, other_member), (2, other_member), (2, other_link))
]


def test_without_the_fact_the_answer_is_undetermined() -> None:
    """Each answer passes in its world, not in the other; without the fact, prompts are equal."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    programs, expected = [], []
    for family, level, way in CASES:
        kata = choice(family, level)
        fact, other = way(kata)
        new = next(f for f in other.needed if f not in kata.needed)
        assert without(kata, fact).prompt == without(other, new).prompt
        assert kata.answer != other.answer, (family, way)
        for one, two in ((kata, kata), (kata, other), (other, other)):
            program = Program(one.program(two.answer), one.tests, one.test_names)
            programs.append(program)
            expected.append((family, level, way.__name__, one is two))
    verdicts = find_runner(mode="warm").run_all(programs)
    for program, verdict, case in zip(programs, verdicts, expected, strict=True):
        status = Status.PASSED if case[-1] else Status.FAILED
        assert verdict.status == status, (case, program.code, program.tests, verdict)
