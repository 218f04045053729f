"""Laws of packing: every segment lies whole in one slab, in order, with the least padding."""

from __future__ import annotations

import random
from itertools import combinations

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ectrain import packing
from ectrain.packing import ALIGNMENT, MAX_SLABS, Pack, pack
from ectrain.task import NO_TARGET, Segment

VOCABULARY = 9
WIDTHS = {"a": 0, "b": 3, "c": 1}  # values of a task's segments


@st.composite
def placed(draw: st.DrawFn) -> list[tuple[str, Segment]]:
    """Draw segments of three tasks, some with equal texts."""
    found = []
    for _ in range(draw(st.integers(1, 25))):
        task = draw(st.sampled_from(sorted(WIDTHS)))
        length = draw(st.integers(1, 40))
        rng = random.Random(draw(st.integers(0, 3)))
        tokens = np.array([rng.randrange(VOCABULARY) for _ in range(length)])
        labels = np.array([rng.choice((NO_TARGET, 1, 2)) for _ in range(length)])
        values = np.array([rng.choice((np.nan, 0, 1)) for _ in range(WIDTHS[task])], np.float32)
        found.append(
            (
                task,
                Segment(
                    tokens,
                    prefix=draw(st.sampled_from((0, 0, length // 2, length))),
                    labels=labels if draw(st.booleans()) else None,
                    values=values if WIDTHS[task] else None,
                ),
            )
        )
    return found


def distinct(segments: list[tuple[str, Segment]]) -> list[Segment]:
    """Return each text with its prefix once."""
    return list({(s.tokens.tobytes(), s.prefix): s for _, s in segments}.values())


@given(segments=placed())
def test_each_task_finds_its_segments_in_order(segments: list[tuple[str, Segment]]) -> None:
    """A task's rows are its segments' tokens, one after another, at their positions."""
    found = pack(segments)
    assert found.tasks.keys() == {task for task, _ in segments}
    for task, rows in found.tasks.items():
        own = [segment for name, segment in segments if name == task]
        assert rows.lengths_s.tolist() == [len(segment.tokens) for segment in own]
        tokens = np.concatenate([segment.tokens for segment in own])
        assert found.tokens_t[rows.index_n].tolist() == tokens.tolist()
        positions = [at for segment in own for at in range(len(segment.tokens))]
        assert found.positions_t[rows.index_n].tolist() == positions


@given(segments=placed())
def test_targets_lie_at_their_rows(segments: list[tuple[str, Segment]]) -> None:
    """Each label at its own token, each segment's values in its row, and all are counted."""
    found = pack(segments)
    for task, rows in found.tasks.items():
        own = [segment for name, segment in segments if name == task]
        wanted = []
        start = 0
        for segment in own:
            index = rows.index_n[start : start + len(segment.tokens)].tolist()
            start += len(segment.tokens)
            labels = [] if segment.labels is None else segment.labels.tolist()
            wanted += [(i, n) for i, n in zip(index, labels, strict=False) if n != NO_TARGET]
        targets = rows.targets
        got = zip(rows.target_index_m.tolist(), targets.tokens_m.tolist(), strict=True)
        assert list(got) == wanted
        assert targets.count == sum(segment.target_count for segment in own)
        if WIDTHS[task]:
            assert targets.values_sw is not None
            expected = torch.tensor(np.stack([s.values for s in own if s.values is not None]))
            torch.testing.assert_close(targets.values_sw, expected, equal_nan=True)
        else:
            assert targets.values_sw is None


@given(segments=placed())
def test_notes_stay_with_their_targets(segments: list[tuple[str, Segment]]) -> None:
    """Note and measures of each token come back with each target, in the targets' order."""
    noted = []
    for number, (name, segment) in enumerate(segments):
        notes = np.arange(len(segment.tokens)) + 100 * number
        measures = np.stack([notes, -notes], 1).astype(np.float32)
        noted.append((name, attrs.evolve(segment, notes=notes, measures=measures)))
    for task, rows in pack(noted).tasks.items():
        wanted = [
            int(s.notes[at])
            for name, s in noted
            if name == task and s.labels is not None and s.notes is not None
            for at in np.flatnonzero(s.labels != NO_TARGET)
        ]
        found = rows.targets.notes_m
        assert (found.tolist() if found is not None else []) == wanted
        measured = rows.targets.measures_mk
        assert (measured.tolist() if measured is not None else []) == [[n, -n] for n in wanted]
    assert all(rows.targets.measures_mk is None for rows in pack(segments).tasks.values())
    assert all(rows.targets.notes_m is None for rows in pack(segments).tasks.values())


@given(segments=placed())
def test_slabs_cover_the_pack(segments: list[tuple[str, Segment]]) -> None:
    """Slabs lie end to end, are few and aligned, and each text has one place of its own."""
    found = pack(segments)
    at = 0
    places = set()
    for slab in found.slabs:
        assert slab.start == at
        assert slab.length % ALIGNMENT == 0
        places |= {(at + n * slab.length, slab.bias_s1ll is None) for n in range(slab.segments)}
        at += slab.segments * slab.length
    assert at == len(found.tokens_t) == len(found.positions_t)
    for causal in (True, False):
        assert sum((s.bias_s1ll is None) == causal for s in found.slabs) <= MAX_SLABS
    texts = distinct(segments)
    assert len(places) == len(texts)
    assert found.real_tokens == sum(len(segment.tokens) for segment in texts)
    for rows, own in (
        (found.tasks[task], [s for name, s in segments if name == task]) for task in found.tasks
    ):
        firsts = rows.index_n[rows.lengths_s.cumsum(0) - rows.lengths_s].tolist()
        assert {(i, s.prefix == 0) for i, s in zip(firsts, own, strict=True)} <= places


@given(segments=placed())
def test_a_bias_is_the_prefix_rule(segments: list[tuple[str, Segment]]) -> None:
    """A token sees what came before it and the prefix, of its own segment's real tokens."""
    found = pack(segments)
    texts = {(_start_of(found, segments, s), len(s.tokens), s.prefix) for _, s in segments}
    of_start = {start: (length, prefix) for start, length, prefix in texts}
    for slab in found.slabs:
        if slab.bias_s1ll is None:
            continue
        assert slab.bias_s1ll.shape == (slab.segments, 1, slab.length, slab.length)
        for number in range(slab.segments):
            length, prefix = of_start[slab.start + number * slab.length]
            sees = slab.bias_s1ll[number, 0] == 0
            for query in range(slab.length):
                allowed = [k < length and (k <= query or k < prefix) for k in range(slab.length)]
                assert sees[query].tolist() == allowed
            assert sees.any(1).all()  # no softmax over nothing


def _start_of(found: Pack, segments: list[tuple[str, Segment]], wanted: Segment) -> int:
    """Return where a segment begins in the pack."""
    for task, rows in found.tasks.items():
        own = [segment for name, segment in segments if name == task]
        for number, segment in enumerate(own):
            if segment is wanted:
                return int(rows.index_n[int(rows.lengths_s[:number].sum())])
    raise AssertionError


@settings(max_examples=30)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=8), most=st.integers(1, 4))
def test_the_padding_is_the_least(lengths: list[int], most: int) -> None:
    """No other cut of the sorted lengths into as few slabs takes fewer tokens."""
    sizes = sorted(-(-length // ALIGNMENT) * ALIGNMENT for length in lengths)
    n = len(sizes)
    least = min(
        sum((b - a) * sizes[b - 1] for a, b in zip((0, *cuts), (*cuts, n), strict=True))
        for count in range(min(most, n))
        for cuts in combinations(range(1, n), count)
    )
    segments = [("a", Segment(np.full(length, at))) for at, length in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "MAX_SLABS", most)
        found = pack(segments)
    assert len(found.tokens_t) == least
    assert len(found.slabs) <= most


def test_a_pack_moves_whole() -> None:
    """On its own device it is itself; on another, every tensor of it is there."""
    prefix = Segment(np.arange(5), prefix=2, labels=np.arange(5))
    values = Segment(np.arange(3), values=np.ones(2, dtype=np.float32))
    found = pack([("a", prefix), ("b", values)])
    assert found.to(torch.device("cpu")) is found
    moved = found.to(torch.device("meta"))
    tensors = [moved.tokens_t, moved.positions_t, *(s.bias_s1ll for s in moved.slabs)]
    for rows in moved.tasks.values():
        targets = rows.targets
        tensors += [rows.index_n, rows.lengths_s, rows.target_index_m]
        tensors += [targets.tokens_m, targets.values_sw]
    devices = {x.device.type for x in tensors if isinstance(x, Tensor)}
    assert devices == {"meta"}
    assert moved.real_tokens == 8


def test_a_pack_of_nothing_is_refused() -> None:
    """There is no pass of the trunk without a segment."""
    with pytest.raises(ValueError, match="at least one segment"):
        pack([])
