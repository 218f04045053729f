"""Prompts of a split, ambiguous ones with their clear twins; a composition is in one split only.

Each ambiguous prompt carries its proof: two references that both fit it, one of which passes the
tests. `needs_clarification` is read off the proof.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import attrs

from ectrain.errors import DataError
from ectrain.kept import Recipe, kept
from ectrain.shards import Shards
from ectrain.task import SPLITS, Split
from ectrain_elixir.ambiguity.removals import POLICIES, REMOVALS, TYPES, Policy, Removal, Type
from ectrain_elixir.ambiguity.worlds import Worlds, worlds
from ectrain_elixir.katas import stored
from ectrain_elixir.katas.families import FACT_FAMILIES, FAMILIES, FIRST_FAMILIES, Family
from ectrain_elixir.katas.kata import Draft, Kata, written
from ectrain_elixir.katas.normal import normal_form
from ectrain_elixir.katas.splits import finished, split_of
from ectrain_elixir.katas.values import literal
from ectrain_elixir.katas.voices import VOICES
from ectrain_elixir.runner import Program

LEAST = 45  # pairs of val and of test
HELD_OUT = 0.1  # of the training pairs, in val and in test each
MOST_DRAWS = 200  # of each type, for each pair that is wanted


@attrs.frozen
class Reading:
    """A program that fits a prompt.

    Attributes:
        answer: What follows the prompt.
        results: What it returns in each test, as Elixir.
    """

    answer: str
    results: tuple[str, ...]


@attrs.frozen
class Prompt:
    """A request for a program, which may leave open what is meant.

    Attributes:
        id: Stable and unique.
        group: The composition, which is never split; a pair shares it.
        twin: Id of the other prompt of the pair.
        kata: The problem: its prompt is this one's text, and its tests want what is meant.
        type: What the prompt lacks; None of a clear one.
        fact: What it lacks, in the words of its clear twin; "" of a clear one.
        questions: One to three, each of which asks for the fact.
        answer: Tells the fact and nothing else.
        readings: Programs that fit the prompt, the meant one first.
    """

    id: str
    group: str
    twin: str
    kata: Kata
    type: Type | None
    fact: str
    questions: tuple[str, ...]
    answer: str
    readings: tuple[Reading, ...]

    @property
    def text(self) -> str:
        """What is given: Elixir up to where the answer begins."""
        return self.kata.prompt

    @property
    def needs_clarification(self) -> bool:
        """Whether programs that fit the prompt return different things in the tests."""
        return len({reading.results for reading in self.readings}) > 1

    def program(self, reading: Reading) -> Program:
        """Return a reading with the tests, which only what is meant passes."""
        kata = self.kata
        return Program(kata.program(reading.answer), kata.tests, kata.test_names)

    def clarified(self) -> str:
        """Return the text with the first question and its answer as comments before it."""
        if not self.questions:
            return self.text
        return f"# Question: {self.questions[0]}\n# Answer: {self.answer}\n{self.text}"


def prompts(split: Split, size: int = 4000, seed: int = 0) -> Shards[Prompt]:
    """Return the prompts of a split, the same ones for the same arguments, always.

    Half of them are ambiguous, each beside its clear twin; the types have equal shares. They are
    drawn once and kept in the user's cache.

    Args:
        split: Which; a composition is in the split in which katas have it.
        size: Prompts of train, made even; val and test have a tenth, at least 90.
        seed: Of what is drawn.

    Raises:
        DataError: There are no more prompts that differ.
    """
    return _kept(size, seed)[split]


@cache
def _turns(type_: Type) -> list[tuple[str, Family]]:
    """Return the families whose requests can lack this, in the order in which they have a turn."""
    entries: list[Removal | Policy] = [entry for entry in REMOVALS if entry.type == type_]
    if type_ == "error_policy":
        entries = [*POLICIES]
    names = dict.fromkeys(name for entry in entries for name in entry.families or FAMILIES)
    known: dict[str, Family] = {**FAMILIES, "rules": _rules}
    return [(name, known[name]) for name in (names or FAMILIES)]


def _rules(rng: random.Random) -> Draft:
    return FACT_FAMILIES["rules"](rng, 1)


@cache
def _kept(size: int, seed: int) -> dict[Split, Shards[Prompt]]:
    """Return the prompts of all splits, from the user's cache if they were drawn before."""
    settings = {"size": str(size), "seed": str(seed)}
    sources = ("ectrain_elixir.katas", "ectrain_elixir.ambiguity", "ectrain_elixir.syntax")
    return kept(Recipe("ambiguity", settings, sources, partial(_drawn, size, seed), _pack, _unpack))


def _pack(prompt: Prompt) -> dict[str, Any]:
    found = {field.name: getattr(prompt, field.name) for field in attrs.fields(Prompt)}
    found["kata"] = stored.pack(prompt.kata)
    found["readings"] = [(reading.answer, reading.results) for reading in prompt.readings]
    return found


def _unpack(data: dict[str, Any]) -> Prompt:
    data["kata"] = stored.unpack(data["kata"])
    data["questions"] = tuple(data["questions"])
    data["readings"] = tuple(Reading(text, tuple(results)) for text, results in data["readings"])
    return Prompt(**data)


def _drawn(size: int, seed: int) -> Iterator[tuple[Split, Prompt]]:
    """Draw pairs of all families in turn until each type has its share of each split."""
    held_out = max(LEAST, int(size * HELD_OUT) // 2)
    pairs: dict[Split, int] = {"train": (size + 1) // 2, "val": held_out, "test": held_out}
    left = {
        (split, type_): len(range(n, pairs[split], len(TYPES)))
        for split in SPLITS
        for n, type_ in enumerate(TYPES)
    }
    seen: set[str] = set()
    owners: dict[str, Split] = {}
    for number in itertools.count():
        wanted = [type_ for type_ in TYPES if any(left[split, type_] for split in SPLITS)]
        if not wanted:
            return
        if number > MOST_DRAWS * (sum(pairs.values())):
            raise DataError(f"there are no {size} ambiguous prompts; choose a smaller size")
        for type_ in wanted:
            turns = _turns(type_)
            name, family = turns[number % len(turns)]
            key = f"ambiguity/{seed}/{type_}/{number}"
            draft = family(random.Random(key))
            split = split_of(name, draft)
            pair = _pair(name, draft, key, type_) if left[split, type_] else None
            if pair is None or seen & {prompt.text for prompt in pair}:
                continue
            form = normal_form(pair[0].kata.program(pair[0].kata.answer))
            if owners.setdefault(form, split) != split:
                continue
            seen |= {prompt.text for prompt in pair}
            left[split, type_] -= 1
            yield from ((split, prompt) for prompt in pair)


def _pair(name: str, draft: Draft, key: str, type_: Type) -> list[Prompt] | None:
    """Return an ambiguous prompt of a type and its clear twin, in any order; None if none is."""
    rng = random.Random(f"{key}/words")
    ways = list(worlds(name, draft, type_, rng))
    for way in rng.sample(ways, len(ways)):
        made = list(_prompts(name, way, f"{key}/text"))
        if made:
            return made if rng.random() < 0.5 else made[::-1]
    return None


def _prompts(name: str, way: Worlds, key: str) -> Iterator[Prompt]:
    """Yield both prompts; none where the tests can't tell the two programs apart."""
    clear = _kata(name, way.meant, key)
    meant = _kata(name, attrs.evolve(way.meant, request=way.request), key)
    other = _kata(name, attrs.evolve(way.other, request=way.request), key)
    if clear is None or meant is None or other is None or meant.tests == other.tests:
        return
    assert meant.prompt == other.prompt, meant.prompt + other.prompt
    mark = hashlib.sha256(meant.prompt.encode()).hexdigest()[:10]
    own = _results(way.meant)
    readings = (Reading(meant.answer, own), Reading(other.answer, _results(way.other)))
    yield Prompt(
        f"{name}-{mark}-{way.type}", meant.group, f"{name}-{mark}-clear", meant, way.type,
        way.fact, way.questions, way.answer, readings,
    )  # fmt: skip
    same = tuple(Reading(answer, own) for answer in (clear.answer, *clear.alternatives))
    yield Prompt(
        f"{name}-{mark}-clear", meant.group, f"{name}-{mark}-{way.type}", clear, None,
        "", (), "", same,
    )  # fmt: skip


def _results(draft: Draft) -> tuple[str, ...]:
    return tuple(literal(draft.run(draft.steps, arguments)) for arguments in draft.inputs)


def _kata(name: str, draft: Draft, key: str) -> Kata | None:
    """Return the kata of a draft; names, voice and idiom are the same for the same key."""
    rng = random.Random(key)
    module, function, draft = finished(name, draft, rng)
    if name in FIRST_FAMILIES:
        draft = attrs.evolve(draft, request=rng.choice(VOICES)(draft.request))
    return written(name, module, function, draft)
