"""Packing: segments of any length laid out in slabs of near-equal length, hardly any padding.

A pack is one flat row of tokens. It is cut into slabs; a slab holds segments of one attention kind
and near-equal length, each padded to the slab's length, so attention is a batched matrix product
over views of the flat row and no token ever meets another segment.

Shape suffixes: t tokens of the pack (with padding), n tokens of one task, m those with a target,
s segments, l length of a slab, w values of a segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ectrain.task import NO_TARGET, Segment, Targets

ALIGNMENT = 4  # slab lengths are multiples of this: aligned rows, little padding
MAX_SLABS = 16  # more slabs pad less but make smaller products

_causal_biases: dict[torch.dtype, Tensor] = {}  # the largest square so far: a corner is the rest


@attrs.frozen(eq=False)
class Slab:
    """Segments of one length and attention kind, one after another in the pack.

    Attributes:
        start: Index of its first token in the pack.
        segments: How many segments, s.
        length: Tokens of each, with padding, l.
        bias_s1ll: 0 where a token may look and -inf where not; None for a causal slab, whose
            padding lies after every real token and so is never seen.
    """

    start: int
    segments: int
    length: int
    bias_s1ll: Tensor | None = None

    def causal_bias(self, dtype: torch.dtype) -> Tensor:
        """Return the bias of a causal slab, `[l, l]`: a corner of one square for all lengths."""
        square = _causal_biases.get(dtype)
        if square is None or len(square) < self.length:
            square = torch.full((self.length, self.length), -torch.inf, dtype=dtype).triu(1)
            _causal_biases[dtype] = square
        return square[: self.length, : self.length]


@attrs.frozen(eq=False)
class TaskRows:
    """Where one task's segments lie in a pack, and what they must predict."""

    index_n: Tensor
    lengths_s: Tensor
    target_index_m: Tensor
    targets: Targets


@attrs.frozen(eq=False)
class Pack:
    """Segments laid out for one pass of the trunk.

    Attributes:
        tokens_t: Token ids, padding included.
        positions_t: Position of each token in its own segment.
        slabs: The attention's view of them.
        tasks: Each task's rows.
        real_tokens: Tokens that are not padding.
    """

    tokens_t: Tensor
    positions_t: Tensor
    slabs: tuple[Slab, ...]
    tasks: Mapping[str, TaskRows]
    real_tokens: int

    def to(self, device: torch.device) -> Pack:
        """Return the pack on a device; itself where it is there already."""
        if self.tokens_t.device == device:
            return self

        def move(x: Tensor) -> Tensor:
            return x.to(device, non_blocking=True)

        def maybe(x: Tensor | None) -> Tensor | None:
            return None if x is None else move(x)

        slabs = tuple(
            s if s.bias_s1ll is None else attrs.evolve(s, bias_s1ll=move(s.bias_s1ll))
            for s in self.slabs
        )
        tasks = {
            name: TaskRows(
                move(rows.index_n),
                move(rows.lengths_s),
                move(rows.target_index_m),
                attrs.evolve(
                    rows.targets,
                    tokens_m=move(rows.targets.tokens_m),
                    notes_m=maybe(rows.targets.notes_m),
                    values_sw=maybe(rows.targets.values_sw),
                    measures_mk=maybe(rows.targets.measures_mk),
                ),
            )
            for name, rows in self.tasks.items()
        }
        return Pack(move(self.tokens_t), move(self.positions_t), slabs, tasks, self.real_tokens)


def pack(segments: Sequence[tuple[str, Segment]]) -> Pack:
    """Lay out segments of any tasks for one pass of the trunk.

    Segments with equal tokens and prefix are laid out once and serve every task that has them.

    Args:
        segments: (task, segment) pairs, at least one; each task's order is kept in its rows.
    """
    if not segments:
        raise ValueError("a pack needs at least one segment")
    distinct: list[Segment] = []
    places: list[int] = []
    seen: dict[tuple[bytes, int], int] = {}
    for _, segment in segments:
        key = (segment.tokens.tobytes(), segment.prefix)
        if key not in seen:
            seen[key] = len(distinct)
            distinct.append(segment)
        places.append(seen[key])
    slabs, starts, total = _lay_out(distinct)
    tokens = np.zeros(total, dtype=np.int64)
    positions = np.zeros(total, dtype=np.int64)
    for segment, start in zip(distinct, starts, strict=True):
        end = start + len(segment.tokens)
        tokens[start:end] = segment.tokens
        positions[start:end] = np.arange(len(segment.tokens))
    by_task: dict[str, list[tuple[Segment, int]]] = {}
    for (task, segment), place in zip(segments, places, strict=True):
        by_task.setdefault(task, []).append((segment, starts[place]))
    return Pack(
        torch.from_numpy(tokens),
        torch.from_numpy(positions),
        slabs,
        {task: _task_rows(placed) for task, placed in by_task.items()},
        sum(len(segment.tokens) for segment in distinct),
    )


def _task_rows(placed: Sequence[tuple[Segment, int]]) -> TaskRows:
    """Index one task's segments, given with their first token's place in the pack."""
    index = [np.arange(start, start + len(s.tokens)) for s, start in placed]
    target_index, target_tokens, notes, measures = [], [], [], []
    for (segment, _), row in zip(placed, index, strict=True):
        if segment.labels is not None:
            kept = segment.labels != NO_TARGET
            target_index.append(row[kept])
            target_tokens.append(segment.labels[kept])
            if segment.notes is not None:
                notes.append(segment.notes[kept])
            if segment.measures is not None:
                measures.append(segment.measures[kept])
    values = [s.values for s, _ in placed if s.values is not None]
    targets = Targets(
        _joined(target_tokens),
        torch.from_numpy(np.stack(values)) if values else None,
        sum(segment.target_count for segment, _ in placed),
        _joined(notes) if notes else None,
        torch.from_numpy(np.concatenate(measures)) if measures else None,
    )
    lengths = torch.tensor([len(s.tokens) for s, _ in placed])
    return TaskRows(_joined(index), lengths, _joined(target_index), targets)


def _joined(parts: Sequence[NDArray[np.int64]]) -> Tensor:
    return torch.from_numpy(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64))


def _lay_out(segments: Sequence[Segment]) -> tuple[tuple[Slab, ...], list[int], int]:
    """Return the slabs, each segment's first token in the pack, and the pack's length."""
    slabs: list[Slab] = []
    starts = [0] * len(segments)
    at = 0
    for causal in (True, False):
        kind = [i for i, s in enumerate(segments) if (s.prefix == 0) == causal]
        kind.sort(key=lambda i: len(segments[i].tokens))
        for first, last, length in _cut([len(segments[i].tokens) for i in kind]):
            members = kind[first:last]
            bias = None if causal else _prefix_bias([segments[i] for i in members], length)
            slabs.append(Slab(at, len(members), length, bias))
            for i in members:
                starts[i] = at
                at += length
    return tuple(slabs), starts, at


def _prefix_bias(segments: Sequence[Segment], length: int) -> Tensor:
    """Return who may see whom, `[s, 1, l, l]`: real tokens that came before or are in the prefix.

    A padding token sees the whole prefix, so that no softmax is over nothing.
    """
    key = torch.arange(length)
    prefix = torch.tensor([s.prefix for s in segments]).view(-1, 1, 1, 1)
    real = torch.tensor([len(s.tokens) for s in segments]).view(-1, 1, 1, 1)
    allowed = ((key <= key.view(-1, 1)) | (key < prefix)) & (key < real)
    return torch.zeros(allowed.shape).masked_fill_(~allowed, -torch.inf)


def _cut(lengths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cut ascending lengths into at most MAX_SLABS runs with the least padding.

    Returns (first, last + 1, slab length) for each run. Dynamic programming over run ends, each
    round one matrix minimum.
    """
    n = len(lengths)
    if n == 0:
        return []
    up = -(-np.asarray(lengths) // ALIGNMENT) * ALIGNMENT
    ends = np.arange(n + 1)
    run = ends[None, :] - ends[:, None]  # members of a run from row to column
    cost = np.where(run > 0, run * np.concatenate(([0], up))[None, :], np.inf)
    best = np.where(ends == 0, 0.0, np.inf)
    rounds: list[NDArray[np.int64]] = []
    for _ in range(min(MAX_SLABS, n)):
        total = best[:, None] + cost
        total[0, 0] = 0.0
        rounds.append(total.argmin(0))
        best = total.min(0)
    runs, end = [], n
    for choice in reversed(rounds):
        if end == 0:
            break
        first = int(choice[end])
        runs.append((first, end, int(up[end - 1])))
        end = first
    return runs[::-1]
