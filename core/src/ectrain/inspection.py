"""A close look at a task's answers: when a step holds it for the first time, and after a NaN.

Shape suffixes: t tokens of a pack, d trunk width.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor

from ectrain.batches import Batch
from ectrain.boundary import figures_of, tensors
from ectrain.errors import PluginError
from ectrain.learner import Learner
from ectrain.losses import task_loss
from ectrain.model import Model
from ectrain.packing import Pack, Slab, TaskRows
from ectrain.plugins import blame
from ectrain.task import Metric, Rows

EXACT = 0.01  # relative error below which two losses are the same
FEW = 16  # segments that tell what a task's answers are like


class FirstLook:
    """Looks closely at a task's answers the first time that a step holds a few of its segments.

    That costs a small part of the trunk's pass a task, once: no later step pays for it.

    Args:
        learner: Model and place.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._seen: set[str] = set()

    def at(self, batch: Batch) -> None:
        """Look at the tasks of a batch that were not looked at before.

        Raises:
            PluginError: Something is not as the contract has it; expected and found are named.
        """
        for pack in batch.packs:
            for name, rows in pack.tasks.items():
                if name not in self._seen and len(rows.lengths_s) > 1:
                    self._seen.add(name)
                    few = _few(name, pack).to(self._learner.place.device)
                    with _measuring(self._learner.model):
                        _look(name, self._learner.model, few)


@contextmanager
def _measuring(model: Model) -> Iterator[None]:
    """Give the model as it is while it is measured."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def _few(name: str, pack: Pack) -> Pack:
    """Return the first slabs of a pack, so many that they hold a few segments of a task."""
    rows, slabs, chosen, end = pack.tasks[name], list[Slab](), list[int](), 0
    starts = rows.index_n[rows.lengths_s.cumsum(0) - rows.lengths_s]
    while len(chosen) < min(FEW, len(starts)):
        slabs.append(pack.slabs[len(slabs)])
        end = slabs[-1].start + slabs[-1].segments * slabs[-1].length
        chosen = (starts < end).nonzero().flatten().tolist()
    part = _part(rows, chosen)
    tokens = int(part.lengths_s.sum())
    return Pack(pack.tokens_t[:end], pack.positions_t[:end], tuple(slabs), {name: part}, tokens)


def _look(name: str, model: Model, pack: Pack) -> None:
    trunk_td, rows = model.trunk(pack), pack.tasks[name]
    count = len(rows.lengths_s)
    parts = [_part(rows, range(count // 2)), _part(rows, range(count // 2, count))]
    losses = []
    for part in (rows, *parts):
        output = _output(name, model, trunk_td, part)
        if part is rows:
            _refuse_output(name, output, trunk_td.device)
            _try_metrics(name, model, output, part)
        losses.append(float(task_loss(model, name, output, part.targets)))
    _refuse_mean(name, losses, parts)


def _part(rows: TaskRows, segments: Sequence[int]) -> TaskRows:
    """Return the rows of some of a task's segments."""
    ends = [0, *rows.lengths_s.cumsum(0).tolist()]
    mine_n, mine_m = _places(ends, segments), _places(_target_ends(rows, ends), segments)
    targets, mine_s = rows.targets, torch.tensor(segments, dtype=torch.int64)
    values_sw = None if targets.values_sw is None else targets.values_sw[mine_s]
    known = 0 if values_sw is None else int((~values_sw.isnan()).sum())
    part = attrs.evolve(
        targets,
        tokens_m=targets.tokens_m[mine_m],
        notes_m=None if targets.notes_m is None else targets.notes_m[mine_m],
        measures_mk=None if targets.measures_mk is None else targets.measures_mk[mine_m],
        values_sw=values_sw,
        count=len(mine_m) + known,
    )
    index_m = rows.target_index_m[mine_m]
    return TaskRows(rows.index_n[mine_n], rows.lengths_s[mine_s], index_m, part)


def _places(ends: Sequence[int], segments: Sequence[int]) -> Tensor:
    """Return the places from each segment's beginning to its end, one after another."""
    places = [place for s in segments for place in range(ends[s], ends[s + 1])]
    return torch.tensor(places, dtype=torch.int64)


def _target_ends(rows: TaskRows, ends: list[int]) -> list[int]:
    """Return how many targets there are up to each segment; equal segments may share tokens."""
    index, wanted = rows.index_n.tolist(), rows.target_index_m.tolist()
    found, at = [0], 0
    for first, last in itertools.pairwise(ends):
        before = -1
        while at < len(wanted) and before < wanted[at] and index[first] <= wanted[at]:
            if wanted[at] > index[last - 1]:
                break
            before, at = wanted[at], at + 1
        found.append(at)
    return found


def _output(name: str, model: Model, trunk_td: Tensor, rows: TaskRows) -> object:
    vocabulary_vd = model.trunk.embedding.weight
    places = rows.index_n, rows.lengths_s, rows.target_index_m
    seen = Rows(trunk_td, *places, vocabulary_vd, model.borrowed(name))
    with blame(name, "head"):
        return model.heads[name](seen)


def _refuse_output(name: str, output: object, device: torch.device) -> None:
    """Refuse an output without tensors, on another device, or with NaN in it."""
    found = list(tensors(output))
    if not found:
        raise PluginError(
            f"task {name}: its head gives {output!r:.60}, expected tensors, alone or in a class",
            name,
        )
    for path, tensor in found:
        if tensor.device != device:
            raise PluginError(
                f"task {name}: {path} of its head is on {tensor.device}, expected {device}; make "
                "new tensors where those of Rows are",
                name,
            )
        if bool(tensor.isnan().any()):
            raise PluginError(
                f"task {name}: {path} of its head, {list(tensor.shape)} of {tensor.dtype}, holds "
                "NaN; avoid log(0) and 0/0",
                name,
            )


def _try_metrics(name: str, model: Model, output: object, rows: TaskRows) -> None:
    """Measure once, so that a metric that can't be used is named before an epoch is trained."""
    with blame(name, "metrics"):
        metrics: Mapping[str, Metric] = model.tasks[name].metrics()
    for metric_name, metric in metrics.items():
        with blame(name, f"metric {metric_name!r}"):
            metric.update(output, rows.targets)
    figures_of(name, metrics, taken={"loss": None})


def _refuse_mean(name: str, losses: list[float], parts: list[TaskRows]) -> None:
    """Refuse a loss that is a mean over targets or segments, where that can be told.

    A sum is told by its halves adding up; where they don't, a mean of them gives itself away.
    """
    whole, one, other = losses
    if not all(map(math.isfinite, losses)) or _same(whole, one + other):
        return
    for what in ("targets", "segments"):
        a, b = (p.targets.count if what == "targets" else len(p.lengths_s) for p in parts)
        if a and b and _same(whole, (a * one + b * other) / (a + b)):
            raise PluginError(
                f"task {name}: its loss is a mean over {what}: {whole:.4g} for {a + b}, {one:.4g} "
                f"for {a} of them, {other:.4g} for the other {b}; expected their sum "
                "(reduction='sum')",
                name,
            )


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=EXACT)


def culprits(learner: Learner, name: str, batch: Batch) -> list[str]:
    """Return the ids of a task's examples whose loss, each alone, is not finite."""
    found = []
    with _measuring(learner.model):
        for pack, ids in zip(batch.packs, batch.examples, strict=True):
            if name not in pack.tasks:
                continue
            on_device = pack.to(learner.place.device)
            trunk_td = learner.model.trunk(on_device)
            for number, example in enumerate(ids[name]):
                rows = _part(on_device.tasks[name], [number])
                output = _output(name, learner.model, trunk_td, rows)
                if not math.isfinite(task_loss(learner.model, name, output, rows.targets)):
                    found.append(example)
    return found
