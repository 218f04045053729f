"""Laws of facts: their names, their line of text and back, what lies around katas, the control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain_elixir.katas import FACT_FAMILIES, FACT_SYMBOLS, Fact, Kata, katas
from ectrain_elixir.katas.kata import facts_line
from ectrain_elixir.ontology import (
    ONTOLOGY_SYMBOLS,
    PROPERTIES,
    annotated,
    annotation,
    around,
    fitted,
    hops,
    iri,
    limited,
    named,
    permuted,
    read,
    relations,
    written,
)
from ectrain_elixir.ontology.around import library
from ectrain_elixir.ontology.linear import MOST
from ectrain_elixir.ontology.vocabulary import NAMESPACES
from ectrain_elixir.syntax import parses

KATAS = [k for split in SPLITS for k in katas(split, 600, 0, (0, 1, 2), ())]
NEEDING = [k for k in KATAS if k.level]
OTHERS = [k for k in KATAS if not k.level]

NAMES = st.sampled_from(
    ["A", "A.B", "B", "f/1", "A.f/1", "f", "A.f", "{:ok, a < b}", "<>/2", "&[x]"]
)
FACTS = st.lists(st.builds(Fact, NAMES, st.sampled_from(list(PROPERTIES)), NAMES), max_size=40)


def test_names_are_of_the_vocabulary() -> None:
    """Each property is one of its namespace; what katas use is among them."""
    for name, found in PROPERTIES.items():
        assert found.space == "rdf" or name in NAMESPACES[found.space]["properties"]
        assert iri(name).endswith(f"#{name}")
    assert {*FACT_SYMBOLS} <= {*ONTOLOGY_SYMBOLS}
    with pytest.raises(DataError, match="unknown property 'hasFields'; did you mean 'hasField'"):
        iri("hasFields")


@given(FACTS, st.integers(1, 4))
def test_facts_come_back_from_text(facts: list[Fact], depth: int) -> None:
    """Reading what was written gives the same triples; writing those gives the same text."""
    text = written(facts, depth=depth)
    found = read(text)
    assert Counter(found) == Counter(limited(facts))
    assert written(found, depth=depth) == text
    assert read(annotation(facts)) == read(written(facts))
    assert deepest(text) <= depth


def deepest(text: str) -> int:
    """Return how many tags stand inside each other."""
    level = most = 0
    for part in text.split("<")[1:]:
        level += -1 if part.startswith("/") else 1
        most = max(most, level)
    return most


@given(FACTS, st.integers(0, 300))
def test_limits_hold(facts: list[Fact], characters: int) -> None:
    """At most 32 triples are kept, first those whose property comes first; a line fits its room."""
    kept = limited(facts)
    assert len(kept) == min(MOST, len(set(facts)))
    order = list(PROPERTIES)
    left = [fact for fact in facts if fact not in kept]
    last = max((order.index(fact.property) for fact in kept), default=0)
    assert all(order.index(fact.property) >= last for fact in left)
    room = fitted(facts, characters)
    assert len(annotation(room)) <= characters
    assert {*room} <= {*facts}


def test_a_path_is_kept_where_room_is_short() -> None:
    """What leads from module to module stays with what it leads to, before single facts."""
    link, end = Fact("A", "importsFrom", "B"), Fact("B", "containsFunction", "f/1")
    others = [Fact("A", "definesCallback", f"g/{n}") for n in range(9)]
    assert hops(fitted([*others, link, end], 150)) == 2
    assert fitted([*others, link, end], 1000) == (*others, link, end)


@given(st.sampled_from(NEEDING))
def test_lines_of_katas_are_read(kata: Kata) -> None:
    """The line that a kata's prompt begins with gives its facts in their order."""
    line = kata.prompt.partition("\n")[0]
    assert read(line) == kata.facts
    assert facts_line(read(line)) == line + "\n"
    assert Counter(read(written(kata.facts))) == Counter(kata.facts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A <hasField>b</hasField>", r"expected \[ONTO\] ... \[/ONTO\]"),
        ("[ONTO] A <hasField>b [/ONTO]", "expected </hasField>, found the end"),
        ("[ONTO] A <hasField>b</importsFrom> [/ONTO]", "character 20: expected </hasField>"),
        ("[ONTO] A <hasField></hasField> [/ONTO]", "character 19: expected a name"),
        ("[ONTO] <hasField>b</hasField> [/ONTO]", "expected a name before <hasField>"),
        ("[ONTO] A <hasFeld>b</hasFeld> [/ONTO]", "unknown property 'hasFeld'"),
        ("[ONTO] A < b [/ONTO]", "no tag and no name"),
    ],
)
def test_what_is_no_line_is_refused(text: str, problem: str) -> None:
    """A broken line says what was expected and where."""
    with pytest.raises(DataError, match=problem):
        read(text)


def test_every_kata_has_surroundings() -> None:
    """Each kata has facts at level 1, and a path of two at level 2; the limits hold."""
    for kata in OTHERS[::2]:
        one, two = around(kata, 1), around(kata, 2)
        assert (around(kata, 0), hops(one)) == ((), 1)
        assert hops(two) >= 2, kata.prompt
        assert max(len(one), len(two)) <= MOST
        assert one == around(kata, 1)
    for kata in NEEDING[::5]:
        assert around(kata, 2) == kata.facts
        assert annotated(kata, 2) is kata


def test_kinds_of_relations_are_there() -> None:
    """Over all katas there are calls, types, behaviours, protocols, processes, structs, modules."""
    found: Counter[str] = Counter()
    for kata in KATAS:
        if kata.family in (*FACT_FAMILIES, "servers", "protocols", "pipeline", "behaviours"):
            found.update(relations(around(kata, 2)))
    assert {"call", "type", "behaviour", "protocol", "supervision", "struct", "module"} <= {*found}


@given(st.sampled_from(OTHERS), st.sampled_from((1, 2)))
def test_surroundings_go_before_the_prompt(kata: Kata, level: int) -> None:
    """The annotated prompt is a comment with the facts, then the prompt; it stays Elixir."""
    found = annotated(kata, 1 if level == 1 else 2)
    line, _, rest = found.prompt.partition("\n")
    assert (rest, Counter(read(line))) == (kata.prompt, Counter(found.facts))
    assert parses(found.prompt + found.answer)


@given(st.sampled_from(OTHERS))
def test_surroundings_hold_more_than_the_answer_calls(kata: Kata) -> None:
    """Of each module that answers call there are functions that no answer calls."""
    texts = " ".join((kata.answer, *kata.alternatives, *kata.near_misses))
    by_module: dict[str, list[str]] = {}
    for fact in around(kata, 1):
        if fact.property.startswith("contains") and fact.subject in library():
            by_module.setdefault(fact.subject, []).append(fact.object)
    for module, functions in by_module.items():
        names = [function.partition("/")[0] for function in functions]
        assert any(f"{module}.{name}(" not in texts for name in names)
        assert functions == sorted(functions)


@given(FACTS, st.integers(0, 3))
def test_the_control_permutes_objects(facts: list[Fact], seed: int) -> None:
    """The same subjects, properties and objects; no object in its place that can be elsewhere."""
    control = permuted(facts, seed)
    assert control == permuted(facts, seed)
    assert [(f.subject, f.property) for f in control] == [(f.subject, f.property) for f in facts]
    assert objects(control) == objects(facts)
    for property_, found in objects(facts).items():
        kept = sum(a == b for a, b in zip(facts, control, strict=True) if a.property == property_)
        equal = Counter((f.subject, f.object) for f in facts if f.property == property_)
        most = max(found.values())
        if 2 * most <= sum(found.values()):
            assert kept == 0, equal


def objects(facts: Sequence[Fact]) -> dict[str, Counter[str]]:
    """Return the objects of each property."""
    found: dict[str, Counter[str]] = {}
    for fact in facts:
        found.setdefault(fact.property, Counter())[fact.object] += 1
    return found


def test_objects_have_names_of_their_own() -> None:
    """A member is named after its module; a value is the subject of nothing."""
    assert named(Fact("Tolls", "containsFunction", "levy/1")) == "Tolls.levy/1"
    assert named(Fact("Basket", "importsFrom", "Tolls")) == "Tolls"
    assert named(Fact("Vault", "handlesMessage", "{:cut, n}")) == ""
