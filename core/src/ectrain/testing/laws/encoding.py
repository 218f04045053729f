"""Laws about segments: what examples are encoded to."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ectrain.batches import Encoder
from ectrain.task import NO_TARGET, Segment
from ectrain.testing.law import NotApplicable, require
from ectrain.testing.subject import KEY, Subject


def encoding_is_pure(subject: Subject) -> None:
    """A segment depends on the example and its random key alone, and the example stays as it is."""
    encoder = Encoder(subject.tokenizer, subject.context)
    for turn in reversed(range(len(subject.segments))):
        example, segment = subject.train[turn], subject.segments[turn]
        before = copy.deepcopy(example)
        again = encoder.encode(subject.name, subject.task, example, KEY, turn=turn)
        require(
            same(segment, again),
            f"example {example.id!r} is encoded differently again; draw from the `rng` that encode "
            "gets, and keep nothing between two calls",
        )
        require(
            before == example,
            f"encode changes example {example.id!r}; work on a copy of its fields",
        )


def segments_have_targets(subject: Subject) -> None:
    """Examples predict something: most segments have a target, and none is only padding."""
    empty = [n for n, segment in enumerate(subject.segments) if segment.target_count == 0]
    require(
        len(empty) < len(subject.segments) / 2,
        f"{len(empty)} of {len(subject.segments)} segments have no target; set labels or values, "
        "or leave such examples out: they cost time and teach nothing",
    )


def values_have_one_width(subject: Subject) -> None:
    """Either every segment has values of one width, or none has any."""
    widths = {None if s.values is None else len(s.values) for s in subject.segments}
    if widths == {None}:
        raise NotApplicable("its segments have no values")
    require(
        len(widths) == 1,
        f"segments have values of widths {sorted(map(str, widths))}; give every segment the same "
        "number, NaN where one is unknown",
    )


def labels_look_ahead(subject: Subject) -> None:
    """A token that is to be predicted is not simply the one at its own place."""
    told = 0
    hidden = 0
    for segment in subject.segments:
        if segment.labels is not None:
            wanted = segment.labels != NO_TARGET
            told += int((segment.labels == segment.tokens)[wanted].sum())
            hidden += int((segment.labels != segment.tokens)[wanted].sum())
    if told + hidden == 0:
        raise NotApplicable("it has no token targets")
    require(
        hidden > 0,
        "every label is the token at its own position, which its position sees; shift labels by "
        "one (labels[:-1] = tokens[1:]), or mask what is to be predicted",
    )


def same(one: Segment, other: Segment) -> bool:
    """Return whether two segments are equal."""
    pairs: tuple[tuple[Any, Any], ...] = (
        (one.tokens, other.tokens),
        (one.labels, other.labels),
        (one.values, other.values),
        (one.notes, other.notes),
        (one.measures, other.measures),
    )
    return one.prefix == other.prefix and all(
        (a is None) == (b is None) and (a is None or np.array_equal(a, b, equal_nan=True))
        for a, b in pairs
    )
