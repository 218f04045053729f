"""The vocabulary of elixir-ontologies: which names there are, and what facts are written with.

`vocabulary.json` has the names of all classes and properties, `properties.toml` those properties
that facts here have. A tag is the local name of a property; `iri` expands it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Literal

import attrs

from ectrain.errors import DataError, did_you_mean
from ectrain_elixir.katas import Fact

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
Object = Literal["member", "thing", "value"]


@attrs.frozen
class Property:
    """A property that facts have.

    Attributes:
        name: Its local name, which is its tag.
        space: Of which namespace: "core", "otp", "structure" or "rdf".
        object: Whether the object is a member of the subject, a thing or a value.
        relation: What kind of relation it is: "call", "behaviour", "protocol", ...
    """

    name: str
    space: str
    object: Object
    relation: str


def _text(name: str) -> str:
    return (resources.files("ectrain_elixir") / "ontology" / name).read_text(encoding="utf-8")


NAMESPACES: Mapping[str, Any] = json.loads(_text("vocabulary.json"))["namespaces"]
PROPERTIES: Mapping[str, Property] = {
    entry["name"]: Property(**entry)
    for entry in tomllib.loads(_text("properties.toml"))["property"]
}
ORDER: Mapping[str, int] = {name: place for place, name in enumerate(PROPERTIES)}

OPENING, CLOSING = "[ONTO]", "[/ONTO]"
ONTOLOGY_SYMBOLS: tuple[str, ...] = (
    OPENING,
    CLOSING,
    *(f"<{name}>" for name in PROPERTIES),
    *(f"</{name}>" for name in PROPERTIES),
)


def property_of(name: str) -> Property:
    """Return a property by its local name.

    Raises:
        DataError: Facts have none of that name.
    """
    if name in PROPERTIES:
        return PROPERTIES[name]
    raise DataError(f"unknown property {name!r}{did_you_mean(name, list(PROPERTIES))}")


def iri(name: str) -> str:
    """Return the whole name of a property."""
    space = property_of(name).space
    return (RDF if space == "rdf" else str(NAMESPACES[space]["iri"])) + name


def named(fact: Fact) -> str:
    """Return the name under which a fact's object is the subject of others, "" for a value."""
    kind = property_of(fact.property).object
    if kind == "value":
        return ""
    return f"{fact.subject}.{fact.object}" if kind == "member" else fact.object


def relations(facts: Iterable[Fact]) -> dict[str, int]:
    """Return how many facts there are of each kind of relation."""
    counts: dict[str, int] = {}
    for fact in facts:
        kind = property_of(fact.property).relation
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def hops(facts: Iterable[Fact]) -> int:
    """Return how many facts the longest path has: each one's object is the next one's subject."""
    found = list(dict.fromkeys(facts))
    after: dict[str, list[Fact]] = {}
    for fact in found:
        after.setdefault(fact.subject, []).append(fact)

    def below(fact: Fact, seen: frozenset[Fact]) -> int:
        nexts = [f for f in after.get(named(fact), ()) if f not in seen]
        return 1 + max((below(f, seen | {f}) for f in nexts), default=0)

    return max((below(fact, frozenset({fact})) for fact in found), default=0)
