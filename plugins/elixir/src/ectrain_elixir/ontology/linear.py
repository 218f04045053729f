"""Facts as one line of text and back: `[ONTO] Tax <containsFunction>levy/1</...> [/ONTO]`.

A subject is written once, and what is said of an object stands inside that object's tag:

    [ONTO] Shop <importsFrom>Tax <containsFunction>levy/1</containsFunction></importsFrom> [/ONTO]

says that Shop imports Tax and that Tax has levy/1. In names, `&`, `<` and `>` are written as
in XML. The flat lines of katas, which repeat the subject before each fact, are read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, unescape

import attrs

from ectrain.errors import DataError
from ectrain_elixir.katas import Fact
from ectrain_elixir.ontology.vocabulary import CLOSING, OPENING, ORDER, named, property_of

MOST = 32  # facts of a line
DEEPEST = 4  # hops
_TOKEN = re.compile(r"<(/?)([A-Za-z]*)>|([^<>]+)")


def written(facts: Sequence[Fact], most: int = MOST, depth: int = DEEPEST) -> str:
    """Return facts as text, "" for none.

    Args:
        facts: In any order; each is written once.
        most: How many are kept: those whose properties come first in the table of properties.
        depth: How many stand inside each other at most.

    Raises:
        DataError: A property is unknown, or a name is empty.
    """
    kept = limited([_plain(fact) for fact in facts], most)
    body = " ".join(_Writer(kept, depth).roots())
    return f"{OPENING} {body} {CLOSING}" if body else ""


def annotation(facts: Sequence[Fact], most: int = MOST, depth: int = DEEPEST) -> str:
    """Return facts as the line that goes before code: a comment, "" for none."""
    text = written(facts, most, depth)
    return f"# {text}\n" if text else ""


def fitted(facts: Sequence[Fact], characters: int) -> tuple[Fact, ...]:
    """Return the most important facts whose annotation has no more than some characters.

    A path of two facts comes before single ones; these come as `limited` has them.
    """
    room = characters - len(f"# {OPENING} {CLOSING}\n")
    chosen: dict[Fact, None] = {}
    subjects: set[str] = set()
    for fact in [*_path(facts), *sorted(facts, key=lambda fact: ORDER[fact.property])]:
        texts = [f"<{fact.property}>{escape(fact.object)}</{fact.property}> "]
        texts += [] if fact.subject in subjects else [f"{escape(fact.subject)} "]
        size = sum(map(len, texts))
        if fact not in chosen and size <= room and len(chosen) < MOST:
            room -= size
            chosen[fact] = None
            subjects.add(fact.subject)
    return tuple(fact for fact in dict.fromkeys(facts) if fact in chosen)


def _path(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Return the first two facts of which one leads to the other; none if there are no such."""
    by_subject = {fact.subject: fact for fact in reversed(facts)}
    for fact in facts:
        name = named(fact)
        if name in by_subject and name != fact.subject:
            return fact, by_subject[name]
    return ()


def limited(facts: Sequence[Fact], most: int = MOST) -> list[Fact]:
    """Return the most important facts, in the order in which they were."""
    found = list(dict.fromkeys(facts))
    kept = set(sorted(range(len(found)), key=lambda n: ORDER[found[n].property])[:most])
    return [fact for number, fact in enumerate(found) if number in kept]


def read(text: str) -> tuple[Fact, ...]:
    """Return the facts of a line, in the order in which they stand; none for "".

    Raises:
        DataError: It is no such line, with what was expected and at which character.
    """
    line = text.strip().removeprefix("# ")
    if not line:
        return ()
    if not (line.startswith(f"{OPENING} ") and line.endswith(f" {CLOSING}")):
        raise DataError(f"expected {OPENING} ... {CLOSING}, found {line[:40]!r}")
    return tuple(_Reader(line[: -len(CLOSING)]).facts())


def _plain(fact: Fact) -> Fact:
    property_of(fact.property)
    subject, object_ = (" ".join(name.split()) for name in (fact.subject, fact.object))
    if not subject or not object_:
        raise DataError(f"fact {fact.property}: expected names, found {fact!r}")
    return Fact(subject, fact.property, object_)


@attrs.define
class _Writer:
    facts: Sequence[Fact]
    depth: int
    left: dict[str, list[Fact]] = attrs.field(factory=dict)

    def roots(self) -> Iterator[str]:
        """Yield the text of each subject that stands inside no other one."""
        for fact in sorted(self.facts, key=lambda f: ORDER[f.property]):
            self.left.setdefault(fact.subject, []).append(fact)
        subjects = list(dict.fromkeys(fact.subject for fact in self.facts))
        inside = {named(fact) for fact in self.facts if named(fact) != fact.subject}
        for subject in (*(s for s in subjects if s not in inside), *subjects):
            if subject in self.left:
                yield f"{escape(subject)} {self.of(subject, 1)}"

    def of(self, subject: str, level: int) -> str:
        """Return the tags of a subject, with what is said of their objects inside them."""
        tags = []
        for fact in self.left.pop(subject):
            name, inner = named(fact), ""
            if level < self.depth and name in self.left:
                inner = f" {self.of(name, level + 1)}"
            tags.append(f"<{fact.property}>{escape(fact.object)}{inner}</{fact.property}>")
        return " ".join(tags)


@attrs.define
class _Reader:
    """What is open while a line is read: for each tag, the fact that its name made, if any yet."""

    body: str
    subject: str = ""
    tags: list[str] = attrs.field(factory=list)
    made: list[Fact | None] = attrs.field(factory=list)

    def facts(self) -> Iterator[Fact]:
        """Yield facts; an object's name ends where the next tag begins."""
        at = len(OPENING)
        for token in _TOKEN.finditer(self.body, at):
            if token.start() != at:
                break
            closing, tag, text = token.groups()
            if text is None:
                self._close(tag, at) if closing else self._open(tag, at)
            elif name := unescape(text.strip()):
                yield from self._name(name, at)
            at = token.end()
        if at != len(self.body):
            raise DataError(f"character {at}: no tag and no name: {self.body[at : at + 20]!r}")
        if self.tags:
            raise DataError(f"character {at}: expected </{self.tags[-1]}>, found the end")

    def _open(self, tag: str, at: int) -> None:
        property_of(tag)
        if not (self.made[-1] if self.made else self.subject):
            raise DataError(f"character {at}: expected a name before <{tag}>")
        self.tags.append(tag)
        self.made.append(None)

    def _close(self, tag: str, at: int) -> None:
        if not self.made or self.made[-1] is None:
            raise DataError(f"character {at}: expected a name, found </{tag}>")
        if self.tags[-1] != tag:
            raise DataError(f"character {at}: expected </{self.tags[-1]}>, found </{tag}>")
        self.tags.pop()
        self.made.pop()

    def _name(self, name: str, at: int) -> Iterator[Fact]:
        if not self.made:
            self.subject = name
            return
        if self.made[-1] is not None:
            raise DataError(f"character {at}: expected </{self.tags[-1]}>, found {name!r}")
        above = self.made[-2] if len(self.made) > 1 else None
        fact = Fact(named(above) if above else self.subject, self.tags[-1], name)
        self.made[-1] = fact
        yield fact
