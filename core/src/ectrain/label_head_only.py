"""A baseline: the same head on the trunk as training began, which learns nothing.

What a head finds without a trained trunk, training the trunk must beat.

Shape suffixes: s examples, w labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ectrain.batches import Encoder, lay_out
from ectrain.errors import CheckpointError
from ectrain.initial import as_begun
from ectrain.label_baselines import LabelledTexts, judged_by_val
from ectrain.label_reading import read
from ectrain.labels import Floats
from ectrain.losses import task_loss
from ectrain.model import Model
from ectrain.optimizer import set_rate
from ectrain.optimizers import EagerAdamW
from ectrain.order import permuted
from ectrain.packing import Pack
from ectrain.task import Estimate

BATCH = 16  # examples of a step
RATE = 3e-3  # at the first step; it falls to 0 in a line
MOST_PASSES = 10  # over the training examples


def head_only(
    model: Model,
    name: str,
    train: Sequence[Any],
    val: LabelledTexts,
    test: LabelledTexts,
    room: int,
    count: int,
) -> Estimate:
    """Return the macro F1 of a head that alone was trained, its thresholds chosen on val.

    Args:
        model: What training ended with; it stays as it is.
        name: Of the task.
        train: Training examples.
        val: What thresholds are chosen on.
        test: What is measured on.
        room: Most tokens that are read at once.
        count: Training examples that are drawn, ten times each at most; 0 for none.
    """
    if not count:
        return Estimate.missing("its number of examples is set to 0")
    try:
        fresh = as_begun(model)
    except CheckpointError as error:
        return Estimate.missing(f"the trunk as training began is gone: {error}")
    fresh.trunk.requires_grad_(False)
    count = min(count, MOST_PASSES * len(train))
    with torch.enable_grad():
        _train(fresh, name, list(_packs(fresh, name, train, count)))
    fresh.eval()
    scores = [_scores(fresh, name, part, room) for part in (val, test)]
    why = f"the trunk as training began, its head trained on {count} examples"
    return judged_by_val(scores[0], val, scores[1], test, why)


def _packs(model: Model, name: str, train: Sequence[Any], count: int) -> Iterator[tuple[Pack, ...]]:
    encoder, size = Encoder(model.tokenizer, model.trunk.config.context), len(train)
    for start in range(0, count, BATCH):
        segments = []
        for at in range(start, min(start + BATCH, count)):
            wrap, place = divmod(at, size)
            example = train[permuted(place, size, f"head only/{wrap}")]
            segment = encoder.encode(name, model.tasks[name], example, "head only", wrap)
            segments.append((name, segment))
        yield lay_out(segments, 1 << 30).packs


def _train(model: Model, name: str, steps: Sequence[tuple[Pack, ...]]) -> None:
    model.train()
    optimizer = EagerAdamW(model.heads[name].parameters(), RATE, weight_decay=0.0)
    for number, packs in enumerate(steps):
        set_rate(optimizer, RATE * (1 - number / len(steps)))
        optimizer.zero_grad(set_to_none=True)
        for packed in packs:
            on_device = packed.to(model.device)
            targets = on_device.tasks[name].targets
            if targets.count:
                loss = task_loss(model, name, model(on_device)[name], targets)
                (loss / targets.count).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _scores(model: Model, name: str, part: LabelledTexts, room: int) -> Floats:
    return np.stack([reading.logit_w for reading in read(model, name, part.texts, room)])
