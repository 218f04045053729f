"""What is learned from: embedded katas, or a directory of somebody's Elixir."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import attrs

from ectrain.shards import is_dataset
from ectrain.task import SPLITS, Split
from ectrain_codegen.execution import Asked
from ectrain_codegen.objectives import Objective
from ectrain_elixir.corpus import Source, read_sources, split_sources
from ectrain_elixir.datasets import Piece, Pieces, open_split
from ectrain_elixir.katas import Kata, katas, tiers
from ectrain_elixir.katas.tiers import Tier
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
    """

    id: str
    group: str
    prompt: str
    answer: str
    whole: bool = True
    kata: Kata | None = None
    objective: Objective = "causal"

    @property
    def annotation(self) -> str:
        """The facts that its prompt begins with, a comment of one line; "" where it has none."""
        line, newline, _ = self.prompt.partition("\n")
        return line + newline if self.kata is not None and self.kata.facts else ""

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
) -> tuple[CodeSample, ...]:
    """Return katas of these levels of facts and families (all without any) as samples."""
    return tuple(
        CodeSample(kata.id, kata.group, kata.prompt, kata.answer, kata=kata)
        for kata in katas(split, size, seed, levels, families)
    )


@cache
def held_out(
    tier: Tier, size: int, seed: int, families: tuple[str, ...] = ()
) -> tuple[CodeSample, ...]:
    """Return the katas of a held-out tier as samples."""
    return tuple(
        CodeSample(kata.id, kata.group, kata.prompt, kata.answer, kata=kata)
        for kata in tiers.tier(tier, size, seed, families=families)
    )


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
        return {split: Pieces(open_split(root, split), limit, _sample) for split in SPLITS}
    splits = split_sources(read_sources(root))
    return {
        split: tuple(sample for source in sources for sample in _pieces(source, limit))
        for split, sources in splits.items()
    }


def _sample(piece: Piece) -> CodeSample:
    name = f"{piece.row.id}#{piece.number}"
    return CodeSample(name, piece.row.group, "", piece.text, piece.whole)


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
