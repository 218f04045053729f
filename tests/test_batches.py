"""Laws of batches: laid out within their budget, made ahead of time, and faults named."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Letters, ToyConfig, Word

from ectrain.batches import (
    AHEAD,
    Batch,
    Drawable,
    Encoder,
    ahead,
    epoch_batches,
    lay_out,
    split_batches,
)
from ectrain.errors import DataError, PluginError
from ectrain.order import EpochOrder
from ectrain.task import NO_TARGET, Segment
from ectrain.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["abcdef"], 300)
ENCODER = Encoder(TOKENIZER, 16)


@st.composite
def some_segments(draw: st.DrawFn) -> list[tuple[str, Segment]]:
    """Draw the segments of a step, no two with the same tokens."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=12))
    found = []
    for number, length in enumerate(lengths):
        tokens = np.full(length, number)
        labels = np.where(np.arange(length) % 2, NO_TARGET, 1)
        task = draw(st.sampled_from(("echo", "copy")))
        found.append((task, Segment(tokens, labels=labels)))
    return found


@given(some_segments(), st.integers(1, 40))
def test_packs_hold_all_segments_within_their_budget(
    segments: list[tuple[str, Segment]], max_tokens: int
) -> None:
    """Every segment is in one pack; a pack has few enough tokens, or one segment alone."""
    batch = lay_out(segments, max_tokens)
    placed: Counter[tuple[str, int]] = Counter()
    for part in batch.packs:
        alone = sum(len(rows.lengths_s) for rows in part.tasks.values()) == 1
        assert part.real_tokens <= max_tokens or alone
        for task, rows in part.tasks.items():
            firsts = rows.index_n[rows.lengths_s.cumsum(0) - rows.lengths_s]
            placed.update((task, int(n)) for n in part.tokens_t[firsts])
    assert placed == Counter((task, int(s.tokens[0])) for task, s in segments)
    assert batch.tokens == sum(len(s.tokens) for _, s in segments)
    for task, count in batch.targets.items():
        assert count == sum(s.target_count for name, s in segments if name == task)
        rows_of = [part.tasks[task] for part in batch.packs if task in part.tasks]
        assert count == sum(rows.targets.count for rows in rows_of)


@given(some_segments(), st.randoms(use_true_random=False))
def test_packs_of_a_cut_step_do_not_depend_on_order(
    segments: list[tuple[str, Segment]], random: Any
) -> None:
    """A step that needs several packs has the same ones, in whatever order it was drawn."""
    shuffled = list(segments)
    random.shuffle(shuffled)
    budget = max(1, sum(len(s.tokens) for _, s in segments) // 2)
    one, two = lay_out(segments, budget), lay_out(shuffled, budget)
    shown = [[sorted(p.tokens_t.tolist()) for p in batch.packs] for batch in (one, two)]
    assert shown[0] == shown[1]


def test_values_of_one_task_have_one_width() -> None:
    """A task whose segments differ in how many values they have is named."""
    wide = Segment(np.arange(3), 3, values=np.zeros(3, np.float32))
    for other in (Segment(np.arange(2), 2, values=np.zeros(2, np.float32)), Segment(np.arange(2))):
        with pytest.raises(PluginError, match="task sorting: a segment has 3 values and another"):
            lay_out([("sorting", wide), ("sorting", other)], 100)
        assert len(lay_out([("sorting", wide), ("echo", other)], 100).packs) == 1


# --- ahead of time --------------------------------------------------------------------------------


def numbered(count: int, made: list[int]) -> Iterator[Batch]:
    """Yield batches that are known by their tokens, and note each."""
    for number in range(count):
        made.append(number)
        yield Batch((), {}, number)


def makers() -> list[str]:
    """Return the threads that make batches."""
    return [thread.name for thread in threading.enumerate() if thread.name == "ectrain-batches"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 12))
def test_batches_come_in_order_and_only_once(count: int) -> None:
    """What is made ahead arrives whole, in order, and no thread is left."""
    with ahead(numbered(count, [])) as coming:
        assert [batch.tokens for batch in coming] == list(range(count))
    assert not makers()


def test_only_a_few_batches_are_made_ahead() -> None:
    """A slow step is not run away from, and leaving early stops the thread."""
    made: list[int] = []
    with ahead(numbered(1000, made)) as coming:
        next(coming)
        before = 0
        while len(made) > before:  # until it waits
            before = len(made)
            time.sleep(0.05)
        assert AHEAD <= len(made) <= AHEAD + 2
    assert not makers()
    assert len(made) <= AHEAD + 3


@pytest.mark.parametrize("error", [DataError("gone"), SystemExit(3), MemoryError()])
def test_what_goes_wrong_ahead_is_raised_in_its_place(error: BaseException) -> None:
    """An error comes after the batches that were made before it, as itself."""

    def broken() -> Iterator[Batch]:
        yield from numbered(2, [])
        raise error

    with ahead(broken()) as coming:
        assert [next(coming).tokens, next(coming).tokens] == [0, 1]
        with pytest.raises(type(error)) as raised:
            next(coming)
    assert raised.value is error
    assert not makers()


# --- from examples --------------------------------------------------------------------------------


def test_steps_hold_what_the_order_draws() -> None:
    """An epoch's batches, from any step on, hold the examples that the order names."""

    class Numbered(Letters):
        def encode(self, example: Word, tokenizer: Tokenizer, rng: Any) -> Segment:
            return Segment(np.array([int(example.id)]), 1, values=np.zeros(1, np.float32))

    words = [Word(str(n), str(n), "a") for n in range(40)]
    source = {"sorting": Drawable("sorting", Numbered(ToyConfig()), words)}
    selected = {"sorting": np.arange(5, 25)}
    order = EpochOrder(0, 1, 6, {"sorting": 1.0}, {"sorting": 20}, "sorting")
    found = [
        sorted(batch.packs[0].tokens_t[batch.packs[0].tasks["sorting"].index_n].tolist())
        for batch in epoch_batches(order, source, selected, ENCODER, 100)
    ]
    assert found == [sorted(5 + d.index for d in order.draws(n)) for n in range(order.steps)]
    assert sorted(x for step in found for x in step) == list(range(5, 25))
    later = epoch_batches(order, source, selected, ENCODER, 100, first=2)
    assert [batch.tokens for batch in later] == [len(step) for step in found[2:]]


def test_an_epoch_s_randomness_does_not_depend_on_its_steps() -> None:
    """Cut into steps of any size, an epoch encodes the same segments; a second pass does not."""

    class Roller(Letters):
        def encode(self, example: Word, tokenizer: Tokenizer, rng: Any) -> Segment:
            return Segment(np.array([int(example.id), rng.randrange(200)]))

    words = [Word(str(n), str(n), "a") for n in range(10)]
    source = {"sorting": Drawable("sorting", Roller(ToyConfig()), words)}
    source |= {"echo": Drawable("echo", Letters(ToyConfig()), Letters(ToyConfig()).examples("val"))}
    selected = {"sorting": np.arange(10), "echo": np.arange(12)}
    sizes = {name: len(indices) for name, indices in selected.items()}

    def rolled(batch: int) -> list[tuple[int, ...]]:
        order = EpochOrder(0, 1, batch, {"sorting": 0.64, "echo": 0.36}, sizes, "echo")
        found = []
        for made in epoch_batches(order, source, selected, ENCODER, 10_000):
            (part,) = made.packs
            if "sorting" in part.tasks:
                rows = part.tokens_t[part.tasks["sorting"].index_n]
                found += [tuple(pair) for pair in rows.view(-1, 2).tolist()]
        return sorted(found)

    assert rolled(6)[:20] == rolled(9)[:20]
    passes = [[second for first, second in rolled(6) if first == n] for n in range(10)]
    assert all(len(set(values)) > 1 for values in passes)


def test_held_out_data_is_laid_out_in_order_and_alike() -> None:
    """A split's batches hold each example once, the same way every time, within the budget."""
    task = Letters(ToyConfig())
    examples = task.examples("val")
    shown = [
        [
            batch.packs[0].tokens_t.tolist()
            for batch in split_batches("sorting", task, examples, ENCODER, 20)
        ]
        for _ in range(2)
    ]
    assert shown[0] == shown[1]
    counts = [b.tokens for b in split_batches("sorting", task, examples, ENCODER, 20)]
    assert max(counts) <= 20
    assert sum(counts) == sum(len(ENCODER.encode("sorting", task, e).tokens) for e in examples)
