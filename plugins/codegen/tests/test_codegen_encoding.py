"""What a sample becomes: tokens, and which of them are predicted."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import ConfigError
from ectrain.structure import structured
from ectrain.task import NO_TARGET
from ectrain.testing import Subject
from ectrain_codegen import CodegenConfig, CodegenTask
from ectrain_codegen.data import CodeSample, held_out
from ectrain_elixir.katas import FACT_FAMILIES, FACT_SYMBOLS, FAMILIES

TASK = CodegenTask(CodegenConfig(size=64))
TOKENIZER = Subject(TASK).tokenizer
TEXTS = st.text("abcde fgh\n|>()", max_size=80)


def sample(prompt: str, answer: str, whole: bool = True) -> CodeSample:
    """Return a sample of any text."""
    return CodeSample("s", "g", prompt, answer, whole)


def test_a_kata_predicts_its_answer_and_the_end() -> None:
    """Targets are exactly the answer and the end token, each at the position before it."""
    for example in TASK.examples("train")[:20]:
        segment = TASK.encode(example, TOKENIZER, random.Random(0))
        assert segment.labels is not None
        assert segment.prefix == 0
        predicted = segment.labels[segment.labels != NO_TARGET].tolist()
        assert predicted == [*TOKENIZER.encode(example.answer), TOKENIZER.end_id]
        given = [TOKENIZER.begin_id, *TOKENIZER.encode(example.prompt)]
        assert segment.tokens.tolist() == [*given, *predicted]
        assert (segment.labels[: len(given) - 1] == NO_TARGET).all()


def test_generation_starts_where_training_did() -> None:
    """The prompt that is written after is what came before the first target."""
    example = TASK.examples("train")[0]
    segment = TASK.encode(example, TOKENIZER, random.Random(0))
    prompt = TASK.prompt(example.prompt, TOKENIZER)
    assert segment.labels is not None
    assert int(np.flatnonzero(segment.labels != NO_TARGET)[0]) == len(prompt) - 1


def test_all_of_a_text_can_be_predicted() -> None:
    """With loss_on = "all", every token but the first is a target."""
    task = CodegenTask(CodegenConfig(size=64, loss_on="all"))
    segment = task.encode(sample("a b", "c d"), TOKENIZER, random.Random(0))
    assert segment.labels is not None
    assert segment.labels.tolist() == [*segment.tokens.tolist()[1:], NO_TARGET]


def test_a_piece_that_goes_on_has_no_end() -> None:
    """Only a text that is whole is followed by the end token."""
    for whole in (True, False):
        segment = TASK.encode(sample("", "a b", whole), TOKENIZER, random.Random(0))
        assert (segment.tokens[-1] == TOKENIZER.end_id) == whole


@given(prompt=TEXTS, answer=TEXTS, most=st.integers(8, 40), seed=st.integers(0, 99))
def test_a_long_text_gives_a_window_with_something_to_learn(
    prompt: str, answer: str, most: int, seed: int
) -> None:
    """A window is a stretch of the text, never too long, labels shifted, a target in it."""
    task = CodegenTask(CodegenConfig(max_tokens=most))
    segment = task.encode(sample(prompt, answer), TOKENIZER, random.Random(seed))
    given = [TOKENIZER.begin_id, *TOKENIZER.encode(prompt)]
    whole = [*given, *TOKENIZER.encode(answer), TOKENIZER.end_id]
    tokens = segment.tokens.tolist()
    assert len(tokens) == min(most, len(whole))
    starts = [at for at in range(len(whole)) if whole[at : at + len(tokens)] == tokens]
    assert starts
    assert segment.labels is not None
    for place, label in enumerate(segment.labels.tolist()):
        assert label in (NO_TARGET, tokens[place + 1] if place + 1 < len(tokens) else NO_TARGET)
    assert segment.target_count >= 1


def test_facets_are_numbers_of_katas() -> None:
    """A curriculum can select katas by steps, level and facts; plain code gives no facts."""
    seen = set()
    for example in TASK.examples("train"):
        kata = example.kata
        assert kata is not None
        facets = TASK.facets(example)
        assert facets == {"steps": len(kata.steps), "level": kata.level, "facts": len(kata.facts)}
        seen.add(kata.level)
    assert seen == {0, 1, 2}
    assert TASK.facets(sample("", "x = 1")) == {"level": 0, "facts": 0}


def test_levels_can_be_left_out() -> None:
    """With levels = [0] there are katas without facts alone, and no filter on levels applies."""
    task = CodegenTask(CodegenConfig(size=64, levels=(0,)))
    for example in task.examples("train"):
        assert example.kata is not None
        assert example.kata.level == 0
        assert set(task.facets(example)) == {"steps"}
    assert not set(FACT_SYMBOLS) & set(task.symbols())


def test_marks_of_facts_are_one_token_each() -> None:
    """What facts are written with is one id each, in a prompt as anywhere."""
    for mark in FACT_SYMBOLS:
        assert len(TOKENIZER.encode(mark)) == 1


@pytest.mark.parametrize("levels", [[], [3], [0, -1]])
def test_a_level_that_does_not_exist_is_refused(levels: list[int]) -> None:
    """The message says which there are."""
    with pytest.raises(ConfigError, match="levels: expected some of 0, 1 and 2, found"):
        structured({"levels": levels}, CodegenConfig, "settings")


def test_katas_are_of_the_chosen_families() -> None:
    """By default of every family; else of the named ones, in the held-out tiers, too."""
    every = CodegenTask(CodegenConfig(size=500)).examples("train")
    assert {x.kata.family for x in every if x.kata} == {*FAMILIES, *FACT_FAMILIES}
    task = CodegenTask(CodegenConfig(size=64, levels=(0,), families=("trees", "strings")))
    assert {x.kata.family for x in task.examples("test") if x.kata} == {"trees", "strings"}
    assert {x.kata.family for x in held_out("longer", 64, 0, ("trees", "strings")) if x.kata} == {
        "strings"
    }


@pytest.mark.parametrize(
    ("families", "message"),
    [
        (["tree"], "families: there is no family of katas 'tree'; did you mean 'trees'"),
        (["trees"], "families: none of the families trees has katas of level 1; expected one of"),
    ],
)
def test_a_family_that_does_not_exist_is_refused(families: list[str], message: str) -> None:
    """The message names a near one, or those that a level has."""
    with pytest.raises(ConfigError, match=message):
        structured({"families": families}, CodegenConfig, "settings")
