"""Two processes joined by gloo, each with half of a task's segments, as training at scale does."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch
import torch.distributed as dist
from torch import Tensor

from ectrain.losses import task_loss
from ectrain.testing.law import near

if TYPE_CHECKING:
    from ectrain.task import Segment
    from ectrain.testing.subject import Subject

RANKS = 2
SECONDS = 30.0  # that one waits for the other
WIDE = 1e-3  # largest difference of gradients, as a share of the largest


@attrs.frozen
class Outcome:
    """What a batch comes to.

    Attributes:
        loss: Summed over targets.
        gradient: Of all weights, in a row.
        figures: Of the metrics, by name.
        unsent: Why metrics could not be sent; "" where they could.
    """

    loss: float
    gradient: Tensor = attrs.field(repr=False)
    figures: dict[str, float | None]
    unsent: str = ""

    def close_to(self, other: Outcome) -> bool:
        """Return whether gradients are equal but for rounding."""
        largest = float(self.gradient.abs().max())
        return bool((self.gradient - other.gradient).abs().max() <= WIDE * largest + 1e-7)

    def first_difference(self, other: Outcome) -> str:
        """Return the first figure that differs, and how; "" for none."""
        for name, one in self.figures.items():
            two = other.figures.get(name)
            if (one is None) != (two is None) or (one and two and not near(one, two)):
                return f"{name or 'it'} goes from {one} to {two}"
        return ""


def parted(subject: Subject) -> tuple[Outcome, Outcome]:
    """Return what both halves of a task's batch come to in one process, and in two.

    Raises:
        CannotMove: The task can't be taken to another process.
    """
    from ectrain.testing.other_process import answer_of, ask_beside

    halves = [_half(subject, rank) for rank in range(RANKS)]
    whole = _joined(halves)
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        with ask_beside(subject, {"part": store}) as answer:
            together = in_group(subject, store, rank=0)
        answer_of(answer)
    return whole, together


def in_group(subject: Subject, store: str, rank: int) -> Outcome:
    """Do one process's part, and return what came of both."""
    mine = _half(subject, rank)
    group = _group(store, rank)
    group.allreduce([mine.total]).wait()
    unsent, sent = "", b""
    try:
        sent = pickle.dumps(mine.metrics)
    except Exception as error:
        unsent = str(error)
    for name, other in _unpickled(_exchanged(group, sent, rank)).items():
        mine.metrics[name].merge(other)
    return Outcome(float(mine.total[0]), mine.total[1:], _figures(mine.metrics), unsent)


def _group(store: str, rank: int) -> Any:
    """Return a group of its own: the process's default group, if it has one, is left alone."""
    kept = dist.FileStore(store, RANKS)  # type: ignore[attr-defined]
    return dist.ProcessGroupGloo(kept, rank, RANKS, timedelta(seconds=SECONDS))


def _exchanged(group: Any, sent: bytes, rank: int) -> bytes:
    """Return what the other process sent."""
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(RANKS)]
    group.allgather([sizes], [torch.tensor([len(sent)])]).wait()
    most = int(max(size.item() for size in sizes))
    if not most:
        return b""
    padded = torch.zeros(most, dtype=torch.uint8)
    padded[: len(sent)] = torch.frombuffer(bytearray(sent), dtype=torch.uint8)
    parts = [torch.zeros(most, dtype=torch.uint8) for _ in range(RANKS)]
    group.allgather([parts], [padded]).wait()
    return bytes(parts[1 - rank][: int(sizes[1 - rank])].tolist())


def _unpickled(data: bytes) -> dict[str, Any]:
    """Return what this very program sent itself."""
    found: dict[str, Any] = pickle.load(io.BytesIO(data)) if data else {}
    return found


@attrs.frozen
class _Half:
    """What one half comes to: loss and gradient in a row, and what has measured it."""

    total: Tensor
    metrics: dict[str, Any]


def _half(subject: Subject, rank: int) -> _Half:
    segments = subject.segments[rank::RANKS]
    model = subject.new_model().eval()
    laid_out = subject.pack(segments)
    targets = laid_out.tasks[subject.name].targets
    loss = task_loss(model, subject.name, model(laid_out)[subject.name], targets)
    loss.backward()  # type: ignore[no-untyped-call]
    parts = [
        (torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in model.parameters()
    ]
    total = torch.cat([loss.detach().reshape(1), *parts])
    return _Half(total, _measured(subject, segments))


def _joined(halves: Sequence[_Half]) -> Outcome:
    first, *others = halves
    total = first.total.clone()
    for other in others:
        total += other.total
        for name, metric in other.metrics.items():
            first.metrics[name].merge(metric)
    return Outcome(float(total[0]), total[1:], _figures(first.metrics))


def _measured(subject: Subject, segments: Sequence[Segment]) -> dict[str, Any]:
    metrics = dict(subject.task.metrics())
    with torch.no_grad():
        output, targets = subject.apply(segments)
        for metric in metrics.values():
            metric.update(output, targets)
    return metrics


def _figures(metrics: dict[str, Any]) -> dict[str, float | None]:
    return {
        ".".join(part for part in (name, inner) if part): value
        for name, metric in metrics.items()
        for inner, value in metric.compute().items()
    }
