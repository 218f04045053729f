"""What each objective makes of a text, and in which shares (5.2.1 masking, 5.2.2 infilling)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import ConfigError, DataError, PluginError
from ectrain.structure import structured
from ectrain.task import NO_TARGET, Segment
from ectrain.testing import LAWS, Law, Subject, check_law
from ectrain.tokenizer import Tokenizer
from ectrain_codegen import CodegenConfig, CodegenTask
from ectrain_codegen.data import CodeSample
from ectrain_codegen.infilling import Order, cut_anywhere, cut_node, infilled
from ectrain_codegen.masking import LONGEST, draw_spans, masked
from ectrain_codegen.objectives import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, MASK, ObjectivesConfig
from ectrain_elixir.syntax import parses

TASK = CodegenTask(CodegenConfig(size=64))
TOKENIZER = Subject(TASK).tokenizer
TEXTS = st.text(st.sampled_from("ab |>()\n\u00e9:") | st.characters(exclude_categories=["Cs"]))
SHARES = st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.7, 1.0])


def rng(seed: int = 0) -> random.Random:
    """Return a generator."""
    return random.Random(seed)


# --- shares ---------------------------------------------------------------------------------------


@given(causal=SHARES, start=st.integers(0, 10**7))
def test_5_2_2_4_shares_are_exact_over_any_200_examples(causal: float, start: int) -> None:
    """Wherever one begins to count, every objective is off by at most one."""
    config = ObjectivesConfig(causal=causal)
    counts = Counter(config.dealt(turn) for turn in range(start, start + 200))
    infilling = 200 * (1 - causal)
    assert abs(counts["causal"] - 200 * causal) <= 1
    assert abs(counts["masked"] - infilling / 2) <= 1
    assert abs(counts["psm"] + counts["spm"] - infilling / 2) <= 1
    assert abs(counts["psm"] - counts["spm"]) <= 1


def test_5_2_2_4_the_objective_depends_on_the_turn_alone() -> None:
    """Dealt out in another order, or only from the middle on, each turn has the same objective."""
    whole = [TASK.config.objectives.dealt(turn) for turn in range(100)]
    assert [TASK.config.objectives.dealt(turn) for turn in reversed(range(100))] == whole[::-1]
    example = TASK.examples("train")[0]
    assert [TASK.in_turn(example, turn).objective for turn in range(40, 60)] == whole[40:60]


def test_an_objective_can_be_switched_off() -> None:
    """Without infilling there are no marks in the vocabulary; without text to go on, all infill."""
    assert ObjectivesConfig(causal=1).marks == ()
    assert ObjectivesConfig(causal=0.3, masked=1).marks == (MASK,)
    assert MASK not in ObjectivesConfig(causal=0, masked=0).marks
    assert {ObjectivesConfig(causal=0, masked=0).dealt(n) for n in range(9)} == {"psm", "spm"}


@pytest.mark.parametrize(("key", "value"), [("causal", 1.5), ("mask_share", 0.0), ("spm", -1)])
def test_a_share_beyond_one_is_refused(key: str, value: float) -> None:
    """The setting is named with what it may be."""
    with pytest.raises(ConfigError, match=f"objectives.{key}: expected"):
        structured({"objectives": {key: value}}, CodegenConfig, "settings")


# --- masked spans ---------------------------------------------------------------------------------


@given(length=st.integers(1, 600), share=st.floats(0.01, 0.5), seed=st.integers(0, 999))
def test_5_2_1_1_and_2_spans_are_15_percent_in_lengths_1_to_5(
    length: int, share: float, seed: int
) -> None:
    """Masked tokens are the share, rounded, at least one; spans neither touch nor overlap."""
    spans = draw_spans(length, share, rng(seed))
    assert sum(last - first for first, last in spans) == max(1, round(share * length))
    assert all(1 <= last - first <= LONGEST for first, last in spans)
    edges = [-1, *(edge for span in spans for edge in span), length + 1]
    assert all(edges[n] < edges[n + 1] for n in range(0, len(edges), 2))
    assert spans == draw_spans(length, share, rng(seed))


def test_5_2_1_2_all_places_and_lengths_occur() -> None:
    """Over many draws every token is masked at times, and every length occurs."""
    lengths: Counter[int] = Counter()
    places: Counter[int] = Counter()
    for seed in range(2000):
        for first, last in draw_spans(40, 0.15, rng(seed)):
            lengths[last - first] += 1
            places.update(range(first, last))
    assert min(places[n] for n in range(40)) > 0.3 * 2000 * 0.15
    assert set(lengths) == set(range(1, LONGEST + 1))


def mask(text: str, how: Literal["each", "span"], most: int = 512, seed: int = 0) -> Segment:
    """Return a text's masked segment."""
    return masked([], text, TOKENIZER, rng(seed), share=0.15, mask_for=how, most=most)


def unmasked(segment: Segment, how: str) -> list[int]:
    """Put back what was masked."""
    assert segment.labels is not None
    tokens, labels = segment.tokens.tolist(), segment.labels.tolist()
    if how == "each":
        pairs = zip(tokens, labels, strict=True)
        return [token if label == NO_TARGET else label for token, label in pairs][1:]
    hidden = TOKENIZER.token_id(MASK)
    answers: list[list[int]] = []
    for token in tokens[segment.prefix :]:
        if token == hidden:
            answers.append([])
        else:
            answers[-1].append(token)
    read = tokens[1 : segment.prefix]
    return [t for token in read for t in (answers.pop(0) if token == hidden else [token])]


@given(text=TEXTS, how=st.sampled_from(["each", "span"]), seed=st.integers(0, 99))
def test_5_2_1_3_both_ways_of_masking_give_the_source_back(
    text: str, how: Literal["each", "span"], seed: int
) -> None:
    """What is masked and what is predicted are together the text, byte for byte."""
    segment = mask(text, how, 4096, seed)
    assert TOKENIZER.decode(unmasked(segment, how)) == text
    if text:
        assert TOKENIZER.token_id(MASK) in segment.tokens


@given(text=TEXTS, how=st.sampled_from(["each", "span"]), most=st.integers(8, 40))
def test_a_long_text_is_masked_in_a_window(
    text: str, how: Literal["each", "span"], most: int
) -> None:
    """A segment never has more tokens than it may, and something to predict if there is text."""
    segment = mask(text * 3, how, most)
    assert len(segment.tokens) <= most
    assert bool(text) == (segment.target_count > 0)


def test_5_2_1_3_a_tokenizer_without_the_mask_is_refused() -> None:
    """The message names the token."""
    with pytest.raises(DataError, match="lacks token '<mask>'"):
        masked([], "a", Tokenizer.train(["a"], 300), rng(), share=0.15, mask_for="each", most=9)


def test_5_2_1_4_loss_is_on_masked_tokens_only() -> None:
    """Each target stands where a mask hides it, every mask hides one, and all is seen both ways."""
    for example in TASK.examples("train")[:20]:
        segment = mask(example.text, "each")
        assert segment.labels is not None
        assert ((segment.labels != NO_TARGET) == (segment.tokens == TOKENIZER.token_id(MASK))).all()
        assert segment.prefix == len(segment.tokens)


def test_5_2_1_4_spans_are_written_after_the_text() -> None:
    """With one mask a span, the text is read both ways and the answer from left to right."""
    segment = mask("a = b |> c(1)\n" * 9, "span")
    assert segment.labels is not None
    assert (segment.labels[: segment.prefix] == NO_TARGET).all()
    assert (
        segment.labels[segment.prefix : -1].tolist()
        == segment.tokens[segment.prefix + 1 :].tolist()
    )
    assert segment.labels[-1] == TOKENIZER.end_id


def test_annotations_are_read_and_never_masked_or_cut() -> None:
    """The facts of a kata stand before all else, whole, whatever the objective."""
    example = next(e for e in TASK.examples("train") if e.kata and e.kata.facts)
    for turn in range(8):
        posed = TASK.in_turn(example, turn)
        segment = TASK.encode(posed, TOKENIZER, rng())
        given = [TOKENIZER.begin_id, *TOKENIZER.encode(example.annotation)]
        assert "[ONTO]" in example.annotation
        assert segment.tokens[: len(given)].tolist() == given


# --- infilling ------------------------------------------------------------------------------------


@given(text=TEXTS, seed=st.integers(0, 99))
def test_5_2_2_1_the_parts_are_the_source(text: str, seed: int) -> None:
    """Prefix, middle and suffix joined are the text, whatever is cut; a middle is never empty."""
    for cut in (cut_anywhere, cut_node):
        prefix, middle, suffix = cut(text, rng(seed))
        assert prefix + middle + suffix == text
        assert bool(middle) == bool(text)


def test_5_2_2_1_nodes_parse_by_themselves() -> None:
    """A middle that is a syntax node is Elixir of its own; there are bodies, stages and clauses."""
    middles = set()
    for example in TASK.examples("train"):
        for seed in range(4):
            prefix, middle, suffix = cut_node(example.text, rng(seed))
            assert parses(middle), middle
            assert parses(f"{prefix}x{suffix}") or middle.startswith("def"), (prefix, suffix)
            middles.add((prefix.rstrip()[-2:], middle.split()[0] == "def"))
    ends = {end for end, _ in middles}
    assert {"|>", "do", "->"} <= ends
    assert any(whole for _, whole in middles)


def fim(text: str, order: Order, loss: Literal["middle", "all"], most: int = 4096) -> Segment:
    """Return a text's segment with its middle cut out."""
    parts = cut_anywhere(text, rng(7))
    return infilled([], parts, TOKENIZER, order=order, loss=loss, most=most)


def uncut(segment: Segment) -> tuple[list[int], list[int], list[int]]:
    """Return prefix, middle and suffix of a segment in either order."""
    tokens = segment.tokens.tolist()
    places = [tokens.index(TOKENIZER.token_id(m)) for m in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE)]
    before, after, middle = places
    rest = tokens[middle + 1 : -1]
    if after == before + 1:
        prefix, rest = rest, []
    else:
        prefix = tokens[before + 1 : after]
    return prefix, rest, tokens[after + 1 : middle]


@given(text=TEXTS)
def test_5_2_2_3_both_orders_give_the_source_back(text: str) -> None:
    """Taken apart at the marks, a segment in either order is the text."""
    prefix, middle, suffix = uncut(fim(text, "psm", "middle"))
    assert TOKENIZER.decode(prefix + middle + suffix) == text
    joined, _, after = uncut(fim(text, "spm", "middle"))
    assert joined == prefix + middle
    assert after == suffix


@given(text=TEXTS, order=st.sampled_from(["psm", "spm"]))
def test_5_2_2_2_loss_covers_the_middle_and_the_end(text: str, order: Order) -> None:
    """Targets are the middle's tokens and the end; with fim_loss = "all", all but the marks."""
    middle = TOKENIZER.encode(cut_anywhere(text, rng(7))[1])
    segment = fim(text, order, "middle")
    assert segment.labels is not None
    assert segment.labels[segment.labels != NO_TARGET].tolist() == [*middle, TOKENIZER.end_id]
    assert segment.labels[-len(middle) - 2 : -1].tolist() == [*middle, TOKENIZER.end_id]
    everything = fim(text, order, "all").labels
    assert everything is not None
    marks = {TOKENIZER.token_id(mark) for mark in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE)}
    wanted = [t for t in segment.tokens.tolist()[1:] if t not in marks]
    assert everything[everything != NO_TARGET].tolist() == wanted


@given(text=TEXTS, order=st.sampled_from(["psm", "spm"]), most=st.integers(8, 30))
def test_a_long_text_keeps_what_is_near_the_cut(text: str, order: Order, most: int) -> None:
    """A segment never has more tokens than it may, and always ends with its middle."""
    segment = fim(text * 4, order, "middle", most)
    assert len(segment.tokens) <= most
    assert segment.target_count >= 1
    assert segment.tokens[-1] == TOKENIZER.end_id


@pytest.mark.parametrize("order", ["causal", "masked", "psm", "spm"])
def test_5_2_2_3_marks_in_a_source_are_plain_text(order: str) -> None:
    """A program that spells out a mark is read as these characters, and infilled as any other."""
    text = f'x = "{FIM_MIDDLE} {MASK}" <> "<end>" |> f({FIM_PREFIX!r})\n'
    sample = CodeSample("s", "g", "", text, objective=order)  # type: ignore[arg-type]
    tokens = TASK.encode(sample, TOKENIZER, rng()).tokens.tolist()
    for mark in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE):
        assert tokens.count(TOKENIZER.token_id(mark)) == (order in ("psm", "spm"))
    assert tokens.count(TOKENIZER.end_id) == (order != "masked")
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_a_prompt_to_infill_is_what_training_has_before_a_middle() -> None:
    """What is written after is, token by token, what came before the first target."""
    orders: tuple[Order, ...] = ("psm", "spm")
    for spm, order in zip((0.5, 1.0), orders, strict=True):
        task = CodegenTask(CodegenConfig(size=64, objectives=ObjectivesConfig(spm=spm)))
        parts = ("a b", "c", "d")
        segment = infilled([], parts, TOKENIZER, order=order, loss="middle", most=99)
        assert segment.labels is not None
        first = int(np.flatnonzero(segment.labels != NO_TARGET)[0])
        assert task.infill_prompt("a b", "d", TOKENIZER) == segment.tokens[: first + 1].tolist()


def test_a_run_without_infilling_says_so() -> None:
    """A model that never saw the marks is not asked to use them; nor is another task's."""
    task = CodegenTask(CodegenConfig(objectives=ObjectivesConfig(causal=1)))
    with pytest.raises(ConfigError, match="learned no infilling"):
        task.infill_prompt("a", "b", TOKENIZER)
    with pytest.raises(PluginError, match="not made to fill a gap"):
        super(CodegenTask, task).infill_prompt("a", "b", TOKENIZER)


# --- the contract with every objective ------------------------------------------------------------

SUBJECT = Subject(
    CodegenTask(CodegenConfig(size=64, objectives=ObjectivesConfig(causal=0.3, mask_for="span")))
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_one_mask_a_span_keeps_the_contract(law: Law) -> None:
    """Each law of the contract holds with spans written after the text, too."""
    check_law(law, SUBJECT)
