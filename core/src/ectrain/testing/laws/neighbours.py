"""Laws about other tasks in the same run: each is as if it were alone."""

from __future__ import annotations

import torch

from ectrain.losses import task_loss
from ectrain.model import Model
from ectrain.packing import Pack, pack
from ectrain.task import Segment
from ectrain.testing.law import near, require
from ectrain.testing.neighbour import Neighbour, neighbour_segments
from ectrain.testing.subject import Subject


def loss_ignores_neighbours(subject: Subject) -> None:
    """The loss does not depend on what other tasks have in the same pack."""
    model, others = _together(subject)
    mixed = _mixed(subject, others)
    with torch.no_grad():
        alone = subject.pack(subject.segments)
        losses = [
            float(task_loss(model, name, model(laid_out)[name], laid_out.tasks[name].targets))
            for name, laid_out in ((subject.name, alone), (subject.name, mixed))
        ]
    require(
        near(*losses),
        f"the loss is {losses[0]:.6g} alone and {losses[1]:.6g} beside another task; read the "
        "trunk's output through Rows.hidden_nd or Rows.target_hidden_md, never as it lies",
    )


def weight_zero_is_absence(subject: Subject) -> None:
    """With weight 0 it leaves every other task's loss, and its gradient, bit for bit the same."""
    model, others = _together(subject)
    mixed = _mixed(subject, others)
    alone, together = (_neighbour_pass(model, mixed, subject, own) for own in (False, True))
    for what, one, other in zip(("loss", "gradient in the trunk"), alone, together, strict=True):
        require(
            torch.equal(one, other),
            f"with weight 0 it changes another task's {what}; register no hooks on the trunk's "
            "output, write nothing into it, and give a loss that is finite",
        )


def _together(subject: Subject) -> tuple[Model, list[Segment]]:
    neighbour = Neighbour()
    tasks = {subject.name: subject.task, neighbour.name: neighbour}
    model = Model(subject.shape, tasks, subject.tokenizer, seed=0).eval()
    return model, neighbour_segments(subject.tokenizer.size)


def _mixed(subject: Subject, others: list[Segment]) -> Pack:
    subject.require_one_width()
    own = [(subject.name, segment) for segment in subject.segments]
    return pack([*own, *((Neighbour.name, segment) for segment in others)])


def _neighbour_pass(
    model: Model, laid_out: Pack, subject: Subject, own: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the neighbour's loss and the trunk's gradient, with or without the task's own part."""
    model.zero_grad(set_to_none=True)
    trunk_td = model.trunk(laid_out)
    total = torch.zeros(())
    if own:
        output = model.heads[subject.name](subject.rows(laid_out, trunk_td, model))
        loss = subject.task.loss(output, laid_out.tasks[subject.name].targets)
        total = total + loss * 0.0
    rows = subject.rows(laid_out, trunk_td, model, Neighbour.name)
    targets = laid_out.tasks[Neighbour.name].targets
    loss = task_loss(model, Neighbour.name, model.heads[Neighbour.name](rows), targets)
    (total + loss).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.trunk.parameters() if p.grad is not None]
    return loss.detach(), torch.cat([gradient.flatten() for gradient in gradients])
