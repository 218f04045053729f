"""Laws of drawing and encoding examples: filters are exact, and what no trunk can take is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Letters, ToyConfig, Word

from ectrain.batches import Drawable, Encoder, examples_of
from ectrain.errors import DataError, PluginError
from ectrain.mapped import Mapped
from ectrain.task import Segment
from ectrain.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["abcdef"], 300)
LAST = TOKENIZER.size - 1
ENCODER = Encoder(TOKENIZER, 16)


# --- encoding -------------------------------------------------------------------------------------


class Giver(Letters):
    """Gives a segment that it was told to."""

    given: Any = None

    def encode(self, example: Word, tokenizer: Tokenizer, rng: Any) -> Segment:
        """Return it, or raise it."""
        if isinstance(self.given, Exception):
            raise self.given
        return cast(Segment, self.given)


ROW = np.arange(3)
BAD: list[tuple[Any, str]] = [
    (KeyError("text"), "task sorting failed in encode for example 'w-1': KeyError: 'text'"),
    (None, "encode gave None, expected a Segment"),
    (Segment(np.zeros(0, np.int64)), "no tokens"),
    (Segment(cast(Any, [1, 2])), "tokens that are no row of int64 in a numpy array, found list"),
    (Segment(np.zeros((2, 2), np.int64)), "found shape [2, 2] of int64"),
    (Segment(cast(Any, np.zeros(2))), "found shape [2] of float64"),
    (Segment(ROW + LAST), f"a token id outside 0..{LAST}"),
    (Segment(-ROW), f"a token id outside 0..{LAST}"),
    (Segment(ROW, 4), "prefix 4 outside 0..3"),
    (Segment(ROW, labels=ROW[:2]), "labels of shape (2,), expected (3,)"),
    (Segment(ROW, labels=ROW + LAST), f"a label outside 0..{LAST}"),
    (Segment(ROW, values=cast(Any, ROW)), "values that are no row of float32"),
    (Segment(ROW, values=np.array([np.inf], np.float32)), "a value that is infinite"),
    (Segment(np.zeros(17, np.int64)), "17 tokens, the trunk takes 16; lower tasks.sorting.max_tok"),
]


@pytest.mark.parametrize(("given", "said"), BAD, ids=[said[:30] for _, said in BAD])
def test_what_no_trunk_can_take_is_named(given: Any, said: str) -> None:
    """A segment that can't be trained on is refused, with task, example and what is wrong."""
    task = Giver(ToyConfig())
    task.given = given
    with pytest.raises(PluginError) as raised:
        ENCODER.encode("sorting", task, Word("w-1", "g", "abc"))
    assert said in str(raised.value)
    assert "sorting" in str(raised.value)
    assert "'w-1'" in str(raised.value)


def test_randomness_belongs_to_the_example() -> None:
    """An example is encoded alike under one key, whatever came before it."""

    class Roller(Letters):
        def encode(self, example: Word, tokenizer: Tokenizer, rng: Any) -> Segment:
            return Segment(np.array([rng.randrange(LAST) for _ in range(8)]))

    task = Roller(ToyConfig())
    a, b = Word("a", "a", "a"), Word("b", "b", "b")

    def roll(example: Word, *key: object) -> list[int]:
        found: list[int] = ENCODER.encode("sorting", task, example, *key).tokens.tolist()
        return found

    first = roll(a, 0, 1)
    assert roll(b, 0, 1) != first
    assert roll(a, 0, 1) == first
    assert roll(a, 0, 2) != first


# --- drawing --------------------------------------------------------------------------------------


def drawable(**facets: list[float | None]) -> Drawable:
    """Return words with these facets; None where one has none."""
    size = len(next(iter(facets.values())))

    class Faceted(Letters):
        def facets(self, example: Word) -> Mapping[str, float]:
            values = {name: given[int(example.id)] for name, given in facets.items()}
            return {name: value for name, value in values.items() if value is not None}

    examples = [Word(str(n), str(n), "a") for n in range(size)]
    return Drawable("sorting", Faceted(ToyConfig()), examples)


LEVELS = st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=9)


@given(LEVELS, st.integers(0, 4), st.integers(0, 4))
def test_a_filter_lets_through_what_is_in_range(
    levels: list[int | None], low: int, high: int
) -> None:
    """Exactly the examples in range are drawn; a facet that none carries filters nothing."""
    source = drawable(level=cast(Any, levels))
    expected = [n for n, x in enumerate(levels) if x is not None and low <= x <= high]
    if all(level is None for level in levels):
        indices, notes = source.select({"level": (low, high)})
        assert indices.tolist() == list(range(len(levels)))
        assert "does not apply to sorting: its examples carry no 'level'" in notes[0]
    elif not expected:
        with pytest.raises(DataError, match=f"task sorting: no training example has level {low}"):
            source.select({"level": (low, high)})
    else:
        indices, notes = source.select({"level": (low, high)})
        assert (indices.tolist(), notes) == (expected, [])


def test_facets_that_a_sequence_knows_are_not_asked_for() -> None:
    """A filter chooses by what the sequence of examples says of all, and makes no example."""

    def make(number: int) -> Word:
        raise AssertionError(f"{number} was made")

    examples = Mapped(range(4), make, {"level": np.array([1.0, 2.0, np.nan, 2.0])})
    source = Drawable("sorting", Letters(ToyConfig()), examples)
    assert source.select({"level": (2, 2)})[0].tolist() == [1, 3]
    assert source.select({"size": (0, 6)})[0].tolist() == [0, 1, 2, 3]


def test_filters_must_all_hold() -> None:
    """Two filters let through what is in both ranges."""
    source = drawable(level=[1, 1, 2, 2], size=[5, 9, 5, 9])
    assert source.select({"level": (2, 2), "size": (0, 6)})[0].tolist() == [2]


def test_a_facet_that_is_no_number_is_named() -> None:
    """A facet that isn't a number names the task."""
    with pytest.raises(PluginError, match="task sorting failed in facets"):
        drawable(level=cast(Any, ["high"])).select({"level": (0, 1)})


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ([], DataError, "task sorting: split val is empty"),
        (None, PluginError, "task sorting failed in examples for split val: TypeError"),
        (iter([1]), PluginError, "task sorting failed in examples for split val: TypeError"),
    ],
)
def test_a_split_must_hold_something(given: Any, error: type[Exception], said: str) -> None:
    """An empty split is a fault of the data, what is no sequence one of the plugin."""

    class Odd(Letters):
        def examples(self, split: Any) -> Any:
            return given

    with pytest.raises(error, match=said):
        examples_of("sorting", Odd(ToyConfig()), "val")
