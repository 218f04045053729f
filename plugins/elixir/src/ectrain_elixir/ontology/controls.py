"""The shuffled graph: the same triples with their objects permuted, which is what facts are worth.

A model that gains as much from it as from the true facts has learned nothing from facts.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from ectrain_elixir.katas import Fact


def permuted(facts: Sequence[Fact], seed: int = 0) -> tuple[Fact, ...]:
    """Return facts whose objects were permuted within each property; the same for a seed, always.

    Subjects, properties and the objects of each property, with how often they occur, stay. No
    object stays in its place where a permutation can have that: objects that fill more than half
    of a property's places, a lone object among them, stay in some.
    """
    key = "|".join(map(str, facts))
    rng = random.Random(f"permuted/{seed}/{key}")
    found = list(facts)
    for property_ in dict.fromkeys(fact.property for fact in facts):
        places = [n for n, fact in enumerate(facts) if fact.property == property_]
        rng.shuffle(places)
        places.sort(key=lambda n: facts[n].object)  # equal objects side by side
        objects = [facts[n].object for n in places]
        most = max(map(objects.count, objects))
        turn = rng.randint(most, len(places) - most) if 2 * most <= len(places) else most
        for number, place in enumerate(places):
            object_ = objects[(number + turn) % len(objects)]
            found[place] = attrs.evolve(facts[place], object=object_)
    return tuple(found)
