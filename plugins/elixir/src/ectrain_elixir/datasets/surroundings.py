"""Facts of the modules around a file: what it may call and use, never what it itself says.

From the outlines of its package, or from Turtle files of elixir-ontologies with the extra
`ontology`. Properties are local names of that vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import attrs

from ectrain.errors import DataError
from ectrain_elixir.datasets.outline import ModuleOutline, Outline
from ectrain_elixir.katas import Fact

MOST_FACTS = 32  # of a file
OTP = frozenset(
    ["Agent", "Application", "DynamicSupervisor", "GenServer", "Registry", "Supervisor", "Task"]
)
_LINK_PROPERTIES = {
    "use": "usesModule",
    "import": "importsFrom",
    "require": "requiresModule",
    "alias": "aliasesModule",
}
_SPACES = "https://w3id.org/elixir-code/"
_KEPT = frozenset(
    [
        "containsFunction",
        "implementsBehaviour",
        "definesCallback",
        "usesModule",
        "importsFrom",
        "requiresModule",
        "hasField",
        "referencesType",
        "callsFunction",
        "implementsOTPBehaviour",
        "implementsProtocol",
        "definesProtocolFunction",
    ]
)


@attrs.frozen
class Surroundings:
    """What is known of a package's modules.

    Attributes:
        facts: By module.
    """

    facts: Mapping[str, tuple[Fact, ...]]

    def of(self, outline: Outline, remote: Iterable[str]) -> tuple[tuple[Fact, ...], int]:
        """Return the facts that a file's author would look up, and their level.

        One hop: of modules that it names, what it calls of them, their structs and callbacks. Two:
        of modules that those import, use or implement.
        """
        own = {module.name for module in outline.modules}
        named = self._named(outline, remote)
        near = [m for m in named if m in self.facts and m not in own]
        one = [fact for m in near for fact in self.facts[m] if _wanted(fact, named[m])]
        far = [f.object for m in near for f in self.facts[m] if f.property in _FORWARD]
        two = [
            fact
            for m in dict.fromkeys(far)
            if m in self.facts and m not in own and m not in near
            for fact in self.facts[m]
            if fact.property in _MEMBERS
        ]
        links = [f for m in near for f in self.facts[m] if f.property in _FORWARD]
        far_facts = [*links, *two] if two else []
        room = MOST_FACTS - min(len(far_facts), MOST_FACTS // 2)  # paths get half of it if need be
        first = list(dict.fromkeys(one))[:room]
        both = list(dict.fromkeys([*first, *far_facts]))[:MOST_FACTS]
        level = 2 if set(both) & set(two) else int(bool(both))
        return tuple(both), level

    def _named(self, outline: Outline, remote: Iterable[str]) -> dict[str, set[str]]:
        """Return the modules that a file names, each with the functions that it calls of it."""
        short = dict(a.split("=", 1) for module in outline.modules for a in module.aliases)
        found: dict[str, set[str]] = {}
        for module in outline.modules:
            for _, name in module.links:
                found.setdefault(name, set())
            for name in module.behaviours:
                found.setdefault(_full(name, short), set())
        for call in remote:
            name, _, function = call.rpartition(".")
            found.setdefault(_full(name, short), set()).add(function)
        return found


_MEMBERS = frozenset({"containsFunction", "definesCallback", "definesProtocolFunction", "hasField"})
_OF_MODULES = frozenset(
    {
        "hasField",
        "definesCallback",
        "definesProtocolFunction",
        "implementsProtocol",
        "implementsOTPBehaviour",
    }
)
_FORWARD = frozenset({"importsFrom", "usesModule", "implementsBehaviour", "referencesType"})


def _full(name: str, short: Mapping[str, str]) -> str:
    head, dot, rest = name.partition(".")
    return short.get(head, head) + dot + rest


def _wanted(fact: Fact, called: set[str]) -> bool:
    if fact.property == "containsFunction":
        return not called or fact.object.rpartition("/")[0] in called
    return fact.property in _OF_MODULES


def from_outlines(outlines: Sequence[Outline]) -> Surroundings:
    """Return what the files of a package say of themselves."""
    found: dict[str, tuple[Fact, ...]] = {}
    for outline in outlines:
        for module in outline.modules:
            found.setdefault(module.name, tuple(_facts(module)))
    return Surroundings(found)


def _facts(module: ModuleOutline) -> Iterable[Fact]:
    name = module.name
    holds = "definesProtocolFunction" if module.kind == "protocol" else "containsFunction"
    yield from (Fact(name, holds, f) for f in module.functions)
    yield from (Fact(name, "hasField", f) for f in module.fields)
    yield from (Fact(name, "definesCallback", c) for c in module.callbacks)
    yield from (Fact(name, "implementsBehaviour", b) for b in module.behaviours)
    for word, target in module.links:
        if word == "use" and target in OTP:
            yield Fact(name, "implementsOTPBehaviour", target)
        elif word != "alias":
            yield Fact(name, _LINK_PROPERTIES[word], target)


def from_turtle(paths: Sequence[Path]) -> Surroundings:
    """Return what Turtle files of elixir-ontologies say.

    Raises:
        DataError: pyoxigraph is missing, or a file is no Turtle.
    """
    try:
        import pyoxigraph
    except ImportError:
        raise DataError(
            f"{paths[0]}: Turtle needs pyoxigraph; pip install 'ectrain-elixir[ontology]'"
        ) from None
    found: dict[str, dict[Fact, None]] = {}
    for path in paths:
        try:
            for triple in pyoxigraph.parse(path=str(path), format=pyoxigraph.RdfFormat.TURTLE):
                _take(triple, found)
        except (SyntaxError, OSError, ValueError) as error:
            raise DataError(f"{path}: not Turtle that can be read: {error}") from error
    return Surroundings({module: tuple(facts) for module, facts in found.items()})


def _take(triple: object, found: dict[str, dict[Fact, None]]) -> None:
    subject, predicate, target = (getattr(triple, n) for n in ("subject", "predicate", "object"))
    space, _, name = str(getattr(predicate, "value", "")).rpartition("#")
    if not space.startswith(_SPACES) or name not in _KEPT:
        return
    module, _, rest = _local(str(getattr(subject, "value", ""))).partition("/")
    object_name = _local(str(getattr(target, "value", "")))
    if name in ("callsFunction", *_MEMBERS - {"hasField"}):
        object_name = object_name.removeprefix(f"{module}/")
    if name == "hasField":
        object_name = object_name.rpartition("/")[2]
    if module and (not rest or name == "callsFunction"):
        found.setdefault(module, {})[Fact(module, name, object_name)] = None


def _local(iri: str) -> str:
    """Return what is behind the base of an individual's IRI: "Module/function/1"."""
    tail = iri.rpartition("#")[2] if "#" in iri else iri
    if "://" in tail:
        tail = tail.partition("://")[2].partition("/")[2]
    parts = tail.split("/")
    start = next((n for n, part in enumerate(parts) if part[:1].isupper()), 0)
    return unquote("/".join(parts[start:]))
