"""Masked spans: 15 % of a text's tokens in spans of one to five, predicted from all the rest.

Source: Devlin et al., BERT (2019); Raffel et al., T5 (2020), for spans and their one mark each;
Wang et al., CodeT5 (2021), for share and lengths in code.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ectrain.task import NO_TARGET, Segment
from ectrain.tokenizer import Tokenizer
from ectrain_codegen.notes import DELIMITER, noted
from ectrain_codegen.objectives import MASK
from ectrain_elixir.classes import byte_classes

LONGEST = 5  # tokens of a span

Span = tuple[int, int]  # first, last + 1
IntArray = NDArray[np.int64]


def draw_spans(length: int, share: float, rng: random.Random) -> list[Span]:
    """Return spans of 1 to 5 tokens that neither touch nor overlap, together `share` of a text.

    Their tokens are `share * length`, rounded, and at least one.

    A place is drawn for each among the tokens that stay; no two share one, so one stays between.

    Args:
        length: Tokens of the text, at least one.
        share: At most a half.
        rng: What is drawn with.
    """
    budget = max(1, round(share * length))
    sizes: list[int] = []
    while (left := budget - sum(sizes)) > 0:
        sizes.append(min(left, rng.randint(1, LONGEST)))
    spans, before = [], 0
    for place, size in zip(
        sorted(rng.sample(range(length - budget + 1), len(sizes))), sizes, strict=True
    ):
        spans.append((place + before, place + before + size))
        before += size
    return spans


def masked(
    given: Sequence[int],
    text: str,
    tokenizer: Tokenizer,
    rng: random.Random,
    *,
    share: float,
    mask_for: Literal["each", "span"],
    most: int,
) -> Segment:
    """Return the segment of a text with masked spans.

    Args:
        given: What stands before the text and is never masked.
        text: What is masked; of a long one, a window.
        tokenizer: Text to ids.
        rng: What is drawn with.
        share: Of the text's tokens that is masked.
        mask_for: See `ObjectivesConfig`.
        most: Most tokens of the segment.

    Raises:
        DataError: The tokenizer lacks the mask.
    """
    mask, ids = tokenizer.token_id(MASK), np.array(tokenizer.encode(text), dtype=np.int64)
    room = most - len(given) - 1
    if mask_for == "span":
        room = int((room - 2) / (1 + 2 * share)) - 1
    start = rng.randint(0, max(0, len(ids) - room))
    window = slice(start, start + max(1, room))
    starts = np.cumsum(tokenizer.byte_lengths[ids]) - tokenizer.byte_lengths[ids]
    kinds = _kinds(text, starts, tokenizer.byte_lengths[ids])[window]
    ids = ids[window]
    spans = draw_spans(len(ids), share, rng) if len(ids) else []
    head = np.array([tokenizer.begin_id, *given], dtype=np.int64)
    make = _each if mask_for == "each" else _whole
    return make(head, ids, kinds, spans, mask, tokenizer.end_id)


def _each(
    head: IntArray, ids: IntArray, kinds: IntArray, spans: Sequence[Span], mask: int, _: int
) -> Segment:
    """Mask each token of the spans where it stands."""
    tokens, labels = np.concatenate([head, ids]), np.full(len(head) + len(ids), NO_TARGET)
    first, kind = np.zeros_like(tokens), np.concatenate([np.zeros_like(head), kinds])
    for begin, end in spans:
        place = slice(len(head) + begin, len(head) + end)
        labels[place], tokens[place] = ids[begin:end], mask
        first[len(head) + begin] = 1
    notes = noted("masked", len(tokens), kind, first)
    return Segment(tokens, prefix=len(tokens), labels=labels, notes=notes)


def _whole(
    head: IntArray, ids: IntArray, kinds: IntArray, spans: Sequence[Span], mask: int, end_id: int
) -> Segment:
    """Replace each span by one mask; after the text, write each mask's tokens behind it again.

    Loss is on the spans' tokens and on what follows each: the next mask, or the end.
    """
    left: list[int] = []
    answer: list[int] = []
    kind: list[int] = []
    first: list[int] = []
    at = 0
    for begin, end in spans:
        left += [*ids[at:begin].tolist(), mask]
        answer += [mask, *ids[begin:end].tolist()]
        kind += [*kinds[begin:end].tolist(), DELIMITER]
        first += [1] + [0] * (end - begin)
        at = end
    read = np.concatenate([head, np.array(left + ids[at:].tolist(), dtype=np.int64)])
    tokens = np.concatenate([read, np.array(answer, dtype=np.int64)])
    labels = np.full(len(tokens), NO_TARGET)
    labels[len(read) :] = [*answer[1:], end_id][: len(answer)]
    places = np.zeros((2, len(tokens)), dtype=np.int64)
    places[0, len(read) :], places[1, len(read) :] = kind, first
    notes = noted("masked", len(tokens), places[0], places[1])
    return Segment(tokens, prefix=len(read), labels=labels, notes=notes)


def _kinds(text: str, starts: IntArray, lengths: IntArray) -> IntArray:
    """Return the class of each token: that of its first byte that belongs to a word."""
    classes = byte_classes(text)
    words = np.flatnonzero(classes)
    following = np.searchsorted(words, starts)
    at = np.append(words, len(classes))[following]
    padded = np.append(classes, 0)
    return np.where(at < starts + lengths, padded[at], 0)
