"""Hypothesis strategies for what the framework works on: segments, packs, settings, curricula.

Shape suffixes: n tokens of a segment, w values of a segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ectrain.config import RunConfig, TrunkConfig
from ectrain.packing import Pack, pack
from ectrain.phases import Curriculum, Phase
from ectrain.plugins import usable_name
from ectrain.task import NO_TARGET, Segment

VOCABULARY = 300
LONGEST = 24

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def task_names() -> st.SearchStrategy[str]:
    """Draw names that a task can have."""
    words = st.text(_LETTERS + "0123456789_", max_size=11)
    return st.builds(str.__add__, st.sampled_from(_LETTERS), words).filter(usable_name)


@st.composite
def segments(
    draw: st.DrawFn,
    vocabulary: int = VOCABULARY,
    longest: int = LONGEST,
    values: int | None = None,
    labelled: bool | None = None,
) -> Segment:
    """Draw a segment of any prefix, some of whose targets may be unknown.

    Args:
        draw: Given by Hypothesis.
        vocabulary: How many tokens there are.
        longest: Most tokens.
        values: How many values it has; None for no values.
        labelled: Whether tokens are to be predicted; None for either.
    """
    length = draw(st.integers(1, longest))
    ids = st.integers(0, vocabulary - 1)
    tokens_n = np.array(draw(st.lists(ids, min_size=length, max_size=length)), dtype=np.int64)
    prefix = draw(st.sampled_from((0, length)) | st.integers(0, length))
    labels_n = None
    if draw(st.booleans()) if labelled is None else labelled:
        targets = st.lists(st.just(NO_TARGET) | ids, min_size=length, max_size=length)
        labels_n = np.array(draw(targets), dtype=np.int64)
    values_w = None
    if values is not None:
        known = st.sampled_from((0.0, 1.0, float("nan")))
        drawn = draw(st.lists(known, min_size=values, max_size=values))
        values_w = np.array(drawn, dtype=np.float32)
    return Segment(tokens_n, prefix, labels_n, values_w)


@st.composite
def packs(
    draw: st.DrawFn,
    tasks: tuple[str, ...] = ("first", "second"),
    vocabulary: int = VOCABULARY,
    most: int = 6,
) -> Pack:
    """Draw a pack of some tasks' segments, token targets for the first and values for the others.

    Args:
        draw: Given by Hypothesis.
        tasks: Their names.
        vocabulary: How many tokens there are.
        most: Most segments.
    """
    one = st.sampled_from(tasks).flatmap(
        lambda name: st.tuples(
            st.just(name),
            segments(vocabulary, labelled=True)
            if name == tasks[0]
            else segments(vocabulary, values=3, labelled=False),
        )
    )
    return pack(draw(st.lists(one, min_size=1, max_size=most)))


def trunk_configs() -> st.SearchStrategy[TrunkConfig]:
    """Draw shapes of trunks that can be built, all of them small."""

    def shape(layers: int, kv_heads: int, each: int, half: int, ffn: int) -> TrunkConfig:
        heads = kv_heads * each
        return TrunkConfig(layers, heads * 2 * half, heads, kv_heads, ffn, context=64)

    small = st.integers(1, 3)
    return st.builds(shape, small, small, small, small, st.integers(1, 48))


def run_configs(tasks: tuple[str, ...] = ("first", "second")) -> st.SearchStrategy[RunConfig]:
    """Draw settings of a run of these tasks."""
    return st.builds(
        RunConfig,
        tasks=st.just({name: {} for name in tasks}),
        seed=st.integers(0, 2**31),
        scale=st.floats(0.01, 4.0),
        trunk=trunk_configs(),
    )


@st.composite
def curricula(
    draw: st.DrawFn, tasks: tuple[str, ...] = ("first", "second"), most: int = 4
) -> Curriculum:
    """Draw curricula of one or more phases for these tasks, the first one their reference."""
    names = draw(st.lists(task_names(), min_size=1, max_size=most, unique=True))
    return Curriculum(tuple(draw(_phases(name, tasks)) for name in names), reference=tasks[0])


def _phases(name: str, tasks: tuple[str, ...]) -> st.SearchStrategy[Any]:
    first, *others = tasks
    shares = st.fixed_dictionaries(
        {first: st.floats(0.25, 4)}, optional={other: st.floats(0.25, 4) for other in others}
    )
    return st.builds(Phase, name=st.just(name), epochs=st.integers(1, 6), shares=shares)
