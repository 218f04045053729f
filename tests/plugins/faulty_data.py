"""Faults of settings, data and encoding: one to a task."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from toys import Echo, Letters, ToyConfig, Word

from ectrain.task import (
    NO_TARGET,
    Budget,
    Estimate,
    Goal,
    Segment,
    Split,
)

CALLS = itertools.count()
OWN = random.Random(0)


class OddName(Letters):
    """Has a name that is no lower-case word."""

    name = "Sorting"


@attrs.frozen
class BytesConfig(ToyConfig):
    """Has a setting that no configuration file can hold."""

    mark: bytes = b"x"


class OddConfig(Letters):
    """Is configured with bytes."""

    config_type = BytesConfig

    def __init__(self, config: Any = None) -> None:
        super().__init__(BytesConfig())


class PlainControl(Letters):
    """Has a control token that is spelled as text is."""

    def control_tokens(self) -> tuple[str, ...]:
        """Return a word."""
        return ("mask",)


class UnusedControl(Letters):
    """Has a control token that no segment holds."""

    def control_tokens(self) -> tuple[str, ...]:
        """Return a token."""
        return ("<mask>",)


class LostGoal(Letters):
    """Has a goal that nothing measures."""

    goals = (Goal("acuracy", 0.5),)


class BareFigure(Echo):
    """Evaluates to bare numbers."""

    def evaluate(self, model: Any, split: Split, budget: Budget) -> Mapping[str, Estimate]:
        """Return a number."""
        bare: Any = {"spoken": 0.5}
        return bare  # type: ignore[no-any-return]


class Restless(Letters):
    """Has other examples every time."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return some of the words, another number each time."""
        return list(super().examples(split))[next(CALLS) % 2 :]


class OneId(Letters):
    """Gives two examples one id."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words of which two are named alike."""
        first, second, *others = super().examples(split)
        return [first, attrs.evolve(second, id=first.id), *others]


class Wrapping(Sequence[Word]):
    """A sequence that begins anew at its end."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, number: Any) -> Any:
        return self._words[number % len(self._words)]


class Endless(Letters):
    """Has a split that never ends."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return words, over and over."""
        return Wrapping(super().examples(split))


class Leaky(Letters):
    """Trains on test data."""

    def examples(self, split: Split) -> Sequence[Word]:
        """Return the same words for every split."""
        return super().examples("train")


class OddFacet(Letters):
    """Has facets that are not numbers."""

    def facets(self, example: Word) -> Mapping[str, float]:
        """Return NaN."""
        return {"length": float("nan")}


class Impure(Letters):
    """Encodes by random numbers of its own."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a token now and then."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.append(segment.tokens, segment.tokens[: OWN.randrange(2)])
        return Segment(tokens, len(tokens), values=segment.values)


class Hashed(Letters):
    """Encodes by Python's own hash, which differs from process to process."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Repeat a token of half the words."""
        segment = super().encode(example, tokenizer, rng)
        tokens = np.append(segment.tokens, segment.tokens[: hash(example.text) % 2])
        return Segment(tokens, len(tokens), values=segment.values)


class Wide(Letters):
    """Has values of no one width."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Leave the values out of short words."""
        segment = super().encode(example, tokenizer, rng)
        return segment if len(example.text) > 3 else Segment(segment.tokens, segment.prefix)


class Aimless(Letters):
    """Has hardly any targets."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Know the letters of a third of the words."""
        segment = super().encode(example, tokenizer, rng)
        known = int(example.id.split("-")[1]) % 3 == 0
        return segment if known else attrs.evolve(segment, values=np.full(6, np.nan, np.float32))


class Unshifted(Echo):
    """Predicts the token that it sees."""

    def encode(self, example: Word, tokenizer: Any, rng: random.Random) -> Segment:
        """Forget to shift the labels."""
        segment = super().encode(example, tokenizer, rng)
        assert segment.labels is not None
        labels = np.where(np.roll(segment.labels, 1) == NO_TARGET, NO_TARGET, segment.tokens)
        return Segment(segment.tokens, labels=labels)
