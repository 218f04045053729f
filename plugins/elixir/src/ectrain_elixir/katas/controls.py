"""Controls for what facts are worth: the same request with facts that are wrong, or without some.

A kata with shuffled facts asks for the same answer, and its tests are the same: who writes it from
the facts writes something else. `without` leaves out one fact, to see what depends on it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from ectrain_elixir.katas.facts import FIELDS, FUNCTIONS, RULES, STRUCTS
from ectrain_elixir.katas.kata import Fact, Kata, facts_line
from ectrain_elixir.katas.surroundings import ALIASES, BEHAVIOURS, SERVERS, SHAPES

# what else could be the object of a property
OBJECTS: dict[str, tuple[str, ...]] = {
    "containsFunction": tuple(f"{name}/1" for name in FUNCTIONS),
    "importsFrom": RULES,
    "hasField": FIELDS,
    "referencesType": (*STRUCTS, *(shape[0] for shape in SHAPES.values())),
    "definesCallback": tuple(f"{name}/1" for name in FUNCTIONS),
    "implementsBehaviour": BEHAVIOURS,
    "hasReturnType": (
        *(shape[0] for shape in SHAPES.values()),
        *(f"{module}.{alias}()" for module in RULES for alias in ALIASES),
    ),
    "handlesMessage": tuple(f"{{:{name}, n}}" for name in FUNCTIONS),
    "sendsMessageTo": SERVERS,
}


def shuffled(kata: Kata, seed: int = 0) -> Kata:
    """Return a kata whose facts have traded objects: each property's, so that none is right.

    Where one fact alone has a property, its object is another that the property could have.
    """
    rng = random.Random(f"shuffled/{seed}/{kata.id}")
    found = list(kata.facts)
    for property_ in dict.fromkeys(fact.property for fact in kata.facts):
        places = [n for n, fact in enumerate(kata.facts) if fact.property == property_]
        objects = [kata.facts[n].object for n in places]
        for place, object_ in zip(places, _deranged(property_, objects, rng), strict=True):
            found[place] = attrs.evolve(found[place], object=object_)
    return _with(kata, found)


def without(kata: Kata, *left_out: Fact) -> Kata:
    """Return a kata that gives all facts but some."""
    return _with(kata, [fact for fact in kata.facts if fact not in left_out])


def _deranged(property_: str, objects: Sequence[str], rng: random.Random) -> list[str]:
    """Return objects, none in its place: turned around, or foreign ones where all are equal."""
    distinct = list(dict.fromkeys(objects))
    if len(distinct) > 1:
        turn = rng.randrange(1, len(distinct))
        other = {o: distinct[(n + turn) % len(distinct)] for n, o in enumerate(distinct)}
        return [other[o] for o in objects]
    foreign = _like(objects[0], [o for o in OBJECTS[property_] if o not in distinct])
    return [rng.choice(foreign) for _ in objects]


def _like(object_: str, others: Sequence[str]) -> list[str]:
    """Return those of others that look like an object: an alias, a name, a type."""

    def look(text: str) -> tuple[bool, bool]:
        return text[0].isupper(), "." in text

    return [other for other in others if look(other) == look(object_)]


def _with(kata: Kata, facts: Sequence[Fact]) -> Kata:
    line, _, rest = kata.prompt.partition("\n")
    if line + "\n" != facts_line(kata.facts):
        return kata
    kept = tuple(fact for fact in kata.needed if fact in facts)
    return attrs.evolve(kata, prompt=facts_line(facts) + rest, facts=tuple(facts), needed=kept)
