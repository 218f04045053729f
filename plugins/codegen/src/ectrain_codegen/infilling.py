"""Fill-in-the-middle: a part of a text is cut out and written after what stands around it.

Source: Bavarian et al., Efficient training of language models to fill in the middle (2022): cuts
of characters, and both orders of the parts, PSM and SPM.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ectrain.task import NO_TARGET, Segment
from ectrain.tokenizer import Tokenizer
from ectrain_codegen.notes import noted
from ectrain_codegen.objectives import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX
from ectrain_elixir.cuts import cuts

Order = Literal["psm", "spm"]
Parts = tuple[str, str, str]  # prefix, middle, suffix

MARKS_AND_ENDS = 5  # three marks, begin and end


def cut_anywhere(text: str, rng: random.Random) -> Parts:
    """Cut at two characters, any two alike; the middle is not empty unless the text is."""
    if not text:
        return "", "", ""
    first, last = sorted(rng.sample(range(len(text) + 1), 2))
    return text[:first], text[first:last], text[last:]


def cut_node(text: str, rng: random.Random) -> Parts:
    """Cut out a syntax node that parses by itself; anywhere in a text that has none."""
    found = cuts(text)
    if not found:
        return cut_anywhere(text, rng)
    first, last = rng.choice(found)
    return text[:first], text[first:last], text[last:]


def infill_prompt(
    order: Order,
    prefix: Sequence[int],
    suffix: Sequence[int],
    tokenizer: Tokenizer,
    given: Sequence[int] = (),
) -> list[int]:
    """Return what a middle is written after.

    Args:
        order: Which part comes first.
        prefix: Ids of what stands before the middle.
        suffix: Ids of what stands after it.
        tokenizer: Text to ids.
        given: What is known of both.

    Raises:
        DataError: The tokenizer lacks a mark.
    """
    before, after, middle = map(tokenizer.token_id, (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE))
    start = [tokenizer.begin_id, *given, before]
    if order == "psm":
        return [*start, *prefix, after, *suffix, middle]
    return [*start, after, *suffix, middle, *prefix]


def infilled(
    given: Sequence[int],
    parts: Parts,
    tokenizer: Tokenizer,
    *,
    order: Order,
    loss: Literal["middle", "all"],
    most: int,
) -> Segment:
    """Return the segment of a text with its middle moved to the end.

    Args:
        given: What stands before all.
        parts: Prefix, middle and suffix; of long ones, what is nearest to the cuts.
        tokenizer: Text to ids.
        order: Which part comes first.
        loss: Predict the middle and the end alone, or the other parts, too.
        most: Most tokens of the segment.
    """
    prefix, middle, suffix = map(tokenizer.encode, parts)
    room = max(1, most - MARKS_AND_ENDS - len(given))
    middle = middle[:room]
    left = room - len(middle)
    before = min(len(prefix), max(left - len(suffix), left // 2))
    prefix, suffix = prefix[len(prefix) - before :], suffix[: left - before]
    asked = infill_prompt(order, prefix, suffix, tokenizer, given)
    tokens = np.array([*asked, *middle, tokenizer.end_id], dtype=np.int64)
    labels = np.append(tokens[1:], NO_TARGET)
    if loss == "middle":
        labels[: len(asked) - 1] = NO_TARGET
    else:
        marks = [tokenizer.token_id(mark) for mark in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE)]
        labels[np.isin(labels, marks)] = NO_TARGET
    first = np.zeros_like(tokens)
    first[len(asked) - 1] = 1
    return Segment(tokens, labels=labels, notes=noted(order, len(tokens), first=first))
