"""From a batch to its losses: pass after pass, each task's sum over targets, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ectrain.batches import Batch
from ectrain.errors import PluginError
from ectrain.learner import Learner
from ectrain.model import Model
from ectrain.plugins import blame


def passes(learner: Learner, batch: Batch) -> Iterator[dict[str, Tensor]]:
    """Yield each task's loss, summed over targets, pack by pack; a pass is made when asked for.

    Raises:
        PluginError: A task's loss is no sum over targets.
    """
    for pack in batch.packs:
        on_device = pack.to(learner.place.device)
        yield {
            name: task_loss(learner.model, name, output, on_device.tasks[name].targets)
            for name, output in learner.forward(on_device).items()
        }


def task_loss(model: Model, name: str, output: Any, targets: Any) -> Tensor:
    """Return a task's loss, refusing what no sum over targets can be.

    Raises:
        PluginError: It is no scalar tensor, or no gradient can come from it.
    """
    with blame(name, "loss"):
        loss: Any = model.tasks[name].loss(output, targets)
    if not isinstance(loss, Tensor) or loss.ndim != 0 or not loss.is_floating_point():
        raise PluginError(f"task {name}: loss has {_shown(loss)}, expected a scalar tensor", name)
    if loss.device != model.device:
        raise PluginError(
            f"task {name}: its loss is on {loss.device}, expected {model.device}", name
        )
    if torch.is_grad_enabled() and not loss.requires_grad:
        raise PluginError(
            f"task {name}: its loss is detached from its head; nothing can learn", name
        )
    return loss


def _shown(loss: Any) -> str:
    if not isinstance(loss, Tensor):
        return f"{loss!r:.60}"
    return f"shape {list(loss.shape)}" if loss.ndim else str(loss.dtype)


def added_up(losses: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return each task's loss over all passes, without a gradient."""
    sums: dict[str, Tensor] = {}
    for of_pass in losses:
        for name, loss in of_pass.items():
            sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()
    return sums
