"""Facts of what lies around a kata: what its author would look up, and what calls it.

Of the modules that any answer to it names, whether right or nearly right, they tell functions (and
as many that no answer needs), macros, callbacks; of the modules that lie around it, what they say
of themselves; and which test calls it. They don't tell the answer: what it does with them, and
which of them, is not in them. Level 1 has single hops, level 2 also what those give back and link
to. Katas that need facts to be solved give their own; they stay as they are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Literal

import attrs

from ectrain_elixir.analysis import Facts, outline
from ectrain_elixir.datasets.outline import outlined
from ectrain_elixir.datasets.surroundings import OTP, from_outlines
from ectrain_elixir.katas import Fact, Kata
from ectrain_elixir.ontology.linear import MOST, annotation, limited
from ectrain_elixir.ontology.vocabulary import hops
from ectrain_elixir.syntax import tree

Level = Literal[0, 1, 2]
MOST_OTHERS = 3  # functions of a module that no answer calls


@cache
def library() -> Mapping[str, tuple[tuple[Fact, str], ...]]:
    """Return what modules of the standard library offer, each with the type that it gives back."""
    path = resources.files("ectrain_elixir") / "ontology" / "library.tsv"
    found: dict[str, list[tuple[Fact, str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        module, property_, member, type_ = line.split("\t")
        found.setdefault(module, []).append((Fact(module, property_, member), type_))
    return {module: tuple(facts) for module, facts in found.items()}


def annotated(kata: Kata, level: Level = 1) -> Kata:
    """Return a kata whose prompt begins with facts of what lies around it.

    Args:
        kata: One that needs no facts; others are returned as they are.
        level: 0 for none, 1 for single hops, 2 for paths of two.
    """
    facts = around(kata, level)
    if kata.level or not facts:
        return kata
    return attrs.evolve(kata, prompt=annotation(facts, depth=level) + kata.prompt, facts=facts)


def around(kata: Kata, level: Level = 1) -> tuple[Fact, ...]:
    """Return the facts of what lies around a kata, the same always; see the module.

    Returns:
        At most 32 triples; of a kata that needs facts, its own.
    """
    if kata.level or not level:
        return kata.facts if level >= kata.level else ()
    answers = (kata.answer, *kata.alternatives, *kata.near_misses)
    calls = _calls([kata.prompt + answer for answer in answers])
    given = _closed(kata)
    seen = outline(given)
    rng = random.Random(f"around/{kata.id}")
    near = [*_tested(kata), *_behaviours(seen), *_called(calls, rng), *_own(kata, given)]
    if level == 1:
        return tuple(limited(near))
    near = limited(near, MOST // 2)  # each with what it gives back
    return tuple(limited([*near, *_links(seen, kata.module), *_returns(near), *_specs(seen, near)]))


def reaches(kata: Kata, level: Level) -> int:
    """Return the length of the longest path among the facts around a kata."""
    return hops(around(kata, level))


def _calls(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return modules and functions that texts call, in their order."""
    found: dict[tuple[str, str], None] = {}
    for text in texts:
        for function in outline(text).functions:
            for call in function.calls:
                module, _, name = call.rpartition(".")
                if re.match(r"[A-Z]", module):
                    found[module, name] = None
    return list(found)


def _called(calls: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Fact]:
    """Yield what modules of the library offer: what is called and others, in the library's order.

    The order tells nothing of the answer.
    """
    for module in dict.fromkeys(module for module, _ in calls):
        offered = [fact for fact, _ in library().get(module, ()) if _callable(fact)]
        wanted = {name for of, name in calls if of == module}
        names = {name.partition("/")[0] for name in wanted}
        others = [fact for fact in offered if fact.object.partition("/")[0] not in names]
        count = min(len(others), MOST_OTHERS, len(wanted))
        chosen = {*wanted, *(fact.object for fact in rng.sample(others, count))}
        if offered:
            known = {fact.object: fact for fact in offered}
            for name in sorted(chosen):
                yield known.get(name, Fact(module, "containsFunction", name))


def _callable(fact: Fact) -> bool:
    return fact.property in ("containsFunction", "containsMacro")


def _behaviours(seen: Facts) -> Iterator[Fact]:
    """Yield the callbacks of library behaviours that a module uses."""
    for module in seen.modules:
        for used in (*module.uses, *module.behaviours):
            for fact, _ in library().get(used, ()):
                if fact.property == "definesCallback":
                    yield fact


def _closed(kata: Kata) -> str:
    """Return the prompt as a whole module, without what is to be written."""
    inside = re.search(r"^  def .* do\n\Z", kata.prompt, re.MULTILINE)
    return kata.prompt + ("    nil\n  end\nend\n" if inside else "end\n")


def _own(kata: Kata, given: str) -> Iterator[Fact]:
    """Yield what modules around the kata, in its prompt or beside it, say of themselves."""
    for text in (kata.surroundings, given):
        told = from_outlines([outlined(tree(text), text.encode())]).facts
        for module, facts in told.items():
            if module != kata.module:
                yield from facts


def _tested(kata: Kata) -> Iterator[Fact]:
    """Yield which functions of the kata its tests call."""
    for function in re.findall(rf"\b{re.escape(kata.module)}\.([a-z_][\w?!]*)\(", kata.tests):
        for defined in outline(kata.prompt + kata.answer).functions:
            if defined.name == function and defined.module == kata.module:
                yield Fact(f"{kata.module}Test", "callsFunction", defined.signature)
                return


def _links(seen: Facts, own: str) -> Iterator[Fact]:
    for module in seen.modules:
        if module.name == own:
            for used in module.uses:
                yield Fact(own, "implementsOTPBehaviour" if used in OTP else "usesModule", used)
            yield from (Fact(own, "implementsBehaviour", name) for name in module.behaviours)


def _returns(near: Sequence[Fact]) -> Iterator[Fact]:
    """Yield what functions and callbacks of the library give back."""
    for fact in near:
        if type_ := _type(fact):
            yield Fact(f"{fact.subject}.{fact.object}", "hasReturnType", type_)


def _type(fact: Fact) -> str:
    """Return a type; of a function with defaults, that of its next larger arity."""
    name, _, arity = fact.object.partition("/")
    for known, type_ in library().get(fact.subject, ()):
        other, _, least = known.object.partition("/")
        if (other, known.property) == (name, fact.property) and int(least) >= int(arity):
            return type_
    return ""


def _specs(seen: Facts, near: Sequence[Fact]) -> Iterator[Fact]:
    """Yield what functions of the kata give back that a test calls, as their specs say."""
    called = {fact.object for fact in near if fact.property == "callsFunction"}
    for typed in seen.typed:
        name = f"{typed.module}.{typed.name}/{typed.arity}"
        if typed.kind == "spec" and name in called:
            yield Fact(name, "hasReturnType", typed.returns)
