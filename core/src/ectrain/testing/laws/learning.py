"""Laws about learning: the few steps that a task must gain by, also in a short format."""

from __future__ import annotations

import torch
from torch import Tensor

from ectrain.learner import Learner
from ectrain.losses import task_loss
from ectrain.testing.law import require
from ectrain.testing.steps import overfit_one_batch
from ectrain.testing.subject import Subject
from ectrain.testing.trunk import processor

ALIKE = 0.9  # least cosine between gradients in float32 and bfloat16


def a_batch_can_be_learned(subject: Subject) -> None:
    """A few steps on one batch at least halve its loss."""
    subject.require_one_width()
    losses = overfit_one_batch(subject, stop_at=0.5)
    first, last = losses[0], losses[-1]
    require(
        last <= 0.5 * first,
        f"the loss of one batch went from {first:.3f} to {last:.3f} in {len(losses)} steps; check "
        "that targets belong to the tokens they are predicted from, and that the head has weights",
    )


def bfloat16_learns(subject: Subject) -> None:
    """In bfloat16 the gradient of every weight points where that of float32 does."""
    exact, short = (_gradients(subject, dtype) for dtype in (torch.float32, torch.bfloat16))
    for name, gradient in exact.items():
        if not bool((gradient != 0).any()):
            continue
        other = short.get(name, torch.zeros_like(gradient))
        cosine = float(torch.cosine_similarity(gradient.flatten(), other.flatten(), dim=0))
        require(
            cosine >= ALIKE,
            f"in bfloat16 the gradient of {name} has a cosine of {cosine:.2f} with that of "
            "float32; detach and round nothing by its dtype, and add up in float32 (.float())",
        )


def _gradients(subject: Subject, dtype: torch.dtype) -> dict[str, Tensor]:
    model = subject.new_model().eval()
    learner = Learner(model, torch.optim.SGD(model.parameters(), lr=0.0), processor(dtype), 1.0)
    laid_out = subject.pack(subject.segments)
    output = learner.forward(laid_out)[subject.name]
    loss = task_loss(model, subject.name, output, laid_out.tasks[subject.name].targets)
    loss.backward()  # type: ignore[no-untyped-call]
    return {n: p.grad.float() for n, p in model.named_parameters() if p.grad is not None}
