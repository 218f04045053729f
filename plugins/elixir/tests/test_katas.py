"""Laws of katas: the same always, composed of what is trained on, and Elixir as people write it."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain.task import SPLITS
from ectrain_elixir.katas import FACT_FAMILIES, FAMILIES, FIRST_FAMILIES, Kata, columns, katas
from ectrain_elixir.katas.kata import written
from ectrain_elixir.katas.splits import LEAST, drawn
from ectrain_elixir.katas.values import Atom, literal
from ectrain_elixir.katas.voices import VOICES
from ectrain_elixir.syntax import parses

SIZE = 1500
LEVELS = (0, 1, 2)
ALL_FAMILIES = {*FAMILIES, *FACT_FAMILIES}


def everything() -> list[Kata]:
    """Return the katas of all splits and levels."""
    return [kata for split in SPLITS for kata in katas(split, SIZE, 0, LEVELS, ())]


def test_counts_and_names() -> None:
    """Each split has its size; ids and prompts occur once over all splits."""
    assert [len(katas(split, SIZE)) for split in SPLITS] == [SIZE, SIZE // 10, SIZE // 10]
    assert len(katas("val", 100)) == LEAST
    found = everything()
    assert len({kata.id for kata in found}) == len({kata.prompt for kata in found}) == len(found)


def test_a_seed_is_repeatable_in_another_process(tmp_path: Path) -> None:
    """Another process with an empty cache draws the same; another seed draws others."""
    code = "from ectrain_elixir.katas import katas; print([k.id for k in katas('test', 100, 3)])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ECTRAIN_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == repr([kata.id for kata in katas("test", 100, 3)])
    assert [*katas("test", 100, 3)] != [*katas("test", 100, 4)]


def test_every_family_and_step_is_trained_on() -> None:
    """Held-out katas compose steps and families that train has, too; at least forty families."""
    assert len(ALL_FAMILIES) >= 40
    train = (*katas("train", SIZE), *katas("train", SIZE, 0, LEVELS, ()))
    assert {kata.family for kata in train} == ALL_FAMILIES
    known = {step for kata in train for step in kata.steps}
    assert {step for kata in everything() for step in kata.steps} <= known


@given(st.sampled_from(everything()))
def test_texts_are_elixir(kata: Kata) -> None:
    """Prompt and answer, each near miss and the tests parse; the prompt ends a line."""
    assert kata.prompt.endswith("\n")
    for answer in (kata.answer, *kata.near_misses, *kata.alternatives):
        assert parses(kata.prompt + answer), kata.prompt + answer
    assert parses(kata.tests)
    assert not {kata.answer, *kata.alternatives} & {*kata.near_misses}
    assert kata.near_misses
    assert kata.alternatives
    assert len(kata.test_names) == kata.tests.count("  test ") >= 3


def test_katas_without_facts_have_nothing_of_them() -> None:
    """By default no fact is given or needed, and other levels change no text of level 0."""
    for split in SPLITS:
        for kata in katas(split, SIZE):
            assert (kata.level, kata.facts, kata.surroundings) == (0, (), "")
            assert "ONTO" not in kata.prompt


def test_levels_have_equal_shares() -> None:
    """Each level that is asked for has its share of every split."""
    for split in SPLITS:
        counts = Counter(kata.level for kata in katas(split, SIZE, 0, LEVELS, ()))
        assert set(counts) == set(LEVELS)
        assert max(counts.values()) - min(counts.values()) <= 1


def test_literals() -> None:
    """Values are written as Elixir writes them."""
    value = [Atom("a"), (1, -2), {Atom("k"): 'q"#{x}'}, None, True, "b"]
    assert literal(value) == '[:a, {1, -2}, %{:k => "q\\"\\#{x}"}, nil, true, "b"]'
    assert literal([b"a!", date(2024, 2, 1)]) == "[<<97, 33>>, ~D[2024-02-01]]"
    assert literal(datetime(2024, 2, 1, 7, 5, 9)) == "~N[2024-02-01 07:05:09]"


def test_the_first_families_keep_their_texts() -> None:
    """What was measured on the first families can be measured again: byte for byte."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for kata in katas(split, SIZE, 0, LEVELS, FIRST_FAMILIES):
            for text in (kata.id, kata.prompt, kata.answer, kata.tests, *kata.near_misses):
                digest.update(text.encode())
    assert digest.hexdigest()[:16] == "4f8a11597214264d"


def test_katas_are_read_as_they_were_drawn() -> None:
    """What comes from the disk is what the generator makes; it is plain, and knows its draft."""
    found = {split: iter(katas(split, 100, 5, LEVELS, ())) for split in SPLITS}
    for split, kata in drawn(100, 5, LEVELS, ()):
        assert next(found[split]) == kata == pickle.loads(pickle.dumps(kata))
        draft = kata.draft
        assert draft is not None
        again = written(kata.family, kata.module, kata.function, draft, kata.origin)
        assert again == kata


def test_what_is_known_of_katas_is_so() -> None:
    """Level, facts and steps are told without reading a kata."""
    found = katas("val", 700, 0, LEVELS, ())
    told = columns(found)
    assert [*told["level"]] == [kata.level for kata in found]
    assert [*told["facts"]] == [len(kata.facts) for kata in found]
    assert [*told["steps"]] == [kata.length for kata in found]


def test_more_katas_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that runs dry says so, instead of drawing for ever."""
    monkeypatch.setattr("ectrain_elixir.katas.splits.MOST_IN_VAIN", 2)
    with pytest.raises(DataError, match="no 5000 katas of the families tuples, level 0; choose"):
        list(drawn(5000, 0, (0,), ("tuples",)))


def test_families_are_chosen_by_name() -> None:
    """Only chosen families are drawn, in equal shares; an unknown one is named with a near one."""
    counts = Counter(kata.family for kata in katas("train", 300, 0, (0,), ("trees", "dates")))
    assert {*counts} == {"trees", "dates"}
    assert abs(counts["trees"] - counts["dates"]) < 60
    with pytest.raises(ValueError, match="'tree'; did you mean 'trees'"):
        katas("train", 100, 0, (0,), ("tree",))
    with pytest.raises(ValueError, match="trees has katas of level 1; expected one of rules"):
        katas("train", 100, 0, (1,), ("trees",))


def test_requests_are_said_in_several_voices() -> None:
    """Each later family asks in several voices."""
    later = [k for k in katas("train", SIZE, 0, LEVELS, ()) if k.family not in FIRST_FAMILIES]
    begins: dict[str, set[str]] = {}
    for kata in later:
        _, _, doc = kata.prompt.partition('@doc "')
        begins.setdefault(kata.family, set()).add(" ".join(doc.split()[:2]))
    assert all(len(found) >= 3 for found in begins.values()), begins


@pytest.mark.parametrize(
    ("voice", "said"),
    zip(
        VOICES,
        (
            "Adds 3 to it, then matches it, then goes on.",
            "Add 3 to it, then match it, then go on.",
            "Write a function that adds 3 to it, then matches it, then goes on.",
            "What is needed: add 3 to it and afterwards match it and afterwards go on.",
            "Steps: 1) adds 3 to it; 2) matches it; 3) goes on.",
            "First adds 3 to it, next matches it, and finally goes on.",
        ),
        strict=True,
    ),
)
def test_voices(voice: object, said: str) -> None:
    """A list of what is done is said as a statement, an order, a wish, a need, steps, a story."""
    assert callable(voice)
    assert voice("Adds 3 to it, then matches it, then goes on.") == said
