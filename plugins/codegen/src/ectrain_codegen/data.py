"""What is learned from: embedded katas, or a directory of somebody's Elixir."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import attrs

from ectrain.mapped import Mapped
from ectrain.shards import is_dataset
from ectrain.task import SPLITS, Split
from ectrain_codegen.execution import Asked
from ectrain_codegen.objectives import Objective
from ectrain_elixir.corpus import Source, read_sources, split_sources
from ectrain_elixir.datasets import Joined, Piece, Pieces, Rows, open_split, with_facts
from ectrain_elixir.katas import Kata, columns, katas, tiers
from ectrain_elixir.katas.tiers import Tier
from ectrain_elixir.ontology import annotation, fitted, hops
from ectrain_elixir.runner import Program

CHARACTERS_A_TOKEN = 3  # a byte-level token of code holds more than this, so a piece fits


@attrs.frozen
class CodeSample:
    """A text to learn: what is given and what is to be written.

    Attributes:
        id: Unique in the dataset.
        group: What is never split: a kata's composition, a package.
        prompt: What is given; "" for plain code.
        answer: What is to be written.
        whole: Whether the answer ends where the text ends.
        kata: The kata that it comes from, with its tests; None for plain code.
        objective: What it is encoded for.
        level: Hops of the longest path among the facts that go before plain code, at most 2.
        facts: How many of them there are.
    """

    id: str
    group: str
    prompt: str
    answer: str
    whole: bool = True
    kata: Kata | None = None
    objective: Objective = "causal"
    level: int = 0
    facts: int = 0

    @property
    def annotation(self) -> str:
        """The facts that its prompt begins with, a comment of one line; "" where it has none."""
        line, newline, _ = self.prompt.partition("\n")
        given = self.facts or (self.kata is not None and self.kata.facts)
        return line + newline if given else ""

    @property
    def text(self) -> str:
        """All that follows the annotation."""
        return self.prompt[len(self.annotation) :] + self.answer


@cache
def embedded(
    split: Split,
    size: int,
    seed: int,
    levels: tuple[int, ...] = (0,),
    families: tuple[str, ...] = (),
) -> Sequence[CodeSample]:
    """Return katas of these levels of facts and families (all without any) as samples."""
    found = katas(split, size, seed, levels, families)
    facets = columns(found)
    return Mapped(found, _of_kata, facets if any(levels) else {"steps": facets["steps"]})


@cache
def held_out(
    tier: Tier, size: int, seed: int, families: tuple[str, ...] = ()
) -> Sequence[CodeSample]:
    """Return the katas of a held-out tier as samples."""
    return Mapped(tiers.tier(tier, size, seed, families=families), _of_kata)


def _of_kata(kata: Kata) -> CodeSample:
    return CodeSample(kata.id, kata.group, kata.prompt, kata.answer, kata=kata)


def kata_problems(samples: Sequence[CodeSample]) -> tuple[Asked, ...]:
    """Return what samples with a kata ask for; others can't be executed."""
    return tuple(_asked(sample.kata) for sample in samples if sample.kata is not None)


def _asked(kata: Kata) -> Asked:
    def program(answer: str) -> Program:
        return Program(kata.program(answer), kata.tests, kata.test_names)

    references = (kata.answer, *kata.alternatives)
    return Asked(kata.prompt, program, references=references, length=len(kata.steps))


@cache
def directory(root: Path, max_tokens: int) -> Mapping[Split, Sequence[CodeSample]]:
    """Return the splits of a built dataset, or of a directory of Elixir code as it is.

    Raises:
        DataError: The directory is missing, or holds too little Elixir to split.
    """
    limit = max_tokens * CHARACTERS_A_TOKEN
    if is_dataset(root):
        return {split: _stored(open_split(root, split), limit) for split in SPLITS}
    splits = split_sources(read_sources(root))
    return {
        split: tuple(sample for source in sources for sample in _pieces(source, limit))
        for split, sources in splits.items()
    }


@cache
def fact_level(root: Path) -> int:
    """Return the highest level of facts that a built dataset has for training; 0 of other code."""
    if not is_dataset(root):
        return 0
    rows = open_split(root, "train")
    return max((level for level in (1, 2) if len(with_facts(rows, level))), default=0)


def _stored(rows: Rows, limit: int) -> Sequence[CodeSample]:
    """Return the pieces of all files, then those of files with facts again, after their facts."""
    plain = Pieces(rows, limit, _sample)
    places = with_facts(rows)
    if not len(places):
        return plain
    return Joined(plain, Pieces(rows, limit, partial(_annotated, limit), places))


def _sample(piece: Piece) -> CodeSample:
    name = f"{piece.row.id}#{piece.number}"
    return CodeSample(name, piece.row.group, "", piece.text, piece.whole)


def _annotated(limit: int, piece: Piece) -> CodeSample:
    """Return a piece after the facts that it is about; they get as much room as a third of it."""
    facts = fitted(piece.facts, limit // 3)
    sample = _sample(piece)
    return attrs.evolve(
        sample,
        id=f"{sample.id}+facts",
        prompt=annotation(facts),
        level=min(2, hops(facts)),
        facts=len(facts),
    )


def _pieces(source: Source, limit: int) -> Iterator[CodeSample]:
    """Cut a file into pieces of whole lines, each below a number of characters if it can be."""
    pieces: list[str] = [""]
    for line in source.code.splitlines(keepends=True):
        if pieces[-1] and len(pieces[-1]) + len(line) > limit:
            pieces.append("")
        pieces[-1] += line
    for number, piece in enumerate(pieces):
        whole = number == len(pieces) - 1
        yield CodeSample(f"{source.id}#{number}", source.group, "", piece, whole)
