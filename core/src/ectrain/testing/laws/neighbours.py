"""Laws about other tasks in the same run: each is as if it were alone."""

from __future__ import annotations

import math

import torch

from ectrain.batches import Batch
from ectrain.config import OptimizerConfig
from ectrain.learner import Learner
from ectrain.loop import train_step
from ectrain.losses import task_loss
from ectrain.model import AnyTask, Model
from ectrain.optimizer import make_optimizer
from ectrain.packing import Pack, pack
from ectrain.task import Segment
from ectrain.testing.law import near, require
from ectrain.testing.neighbour import Neighbour, neighbour_segments
from ectrain.testing.subject import Subject
from ectrain.testing.trunk import processor

STEPS = 4  # of a short run


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


def a_run_beside_it_is_unchanged(subject: Subject) -> None:
    """Trained beside it for a few steps, its weight at 0, another task's losses are bit for bit."""
    alone, beside = (_run_of_the_neighbour(subject, own) for own in (False, True))
    step = next((n for n, (a, b) in enumerate(zip(alone, beside, strict=True), 1) if a != b), 0)
    require(
        not step,
        f"with weight 0 it changes another task's loss at step {step} of a run from "
        f"{alone[step - 1]!r} to {beside[step - 1]!r}; in training mode, too, its head may write "
        "into nothing that others read: embedding, trunk, torch's settings",
    )


def _run_of_the_neighbour(subject: Subject, beside: bool) -> list[float]:
    """Return the neighbour's losses over a short run, alone or in packs of its own beside it."""
    subject.require_one_width()
    neighbour = Neighbour()
    tasks: dict[str, AnyTask] = {subject.name: subject.task} if beside else {}
    model = Model(subject.shape, {**tasks, neighbour.name: neighbour}, subject.tokenizer, seed=0)
    optimizer = make_optimizer(model.train(), OptimizerConfig(rate=0.01))
    learner = Learner(model, optimizer, processor(), clip=math.inf)  # all tasks share one norm
    weights = {subject.name: 0.0, neighbour.name: 1.0}
    others = pack([(neighbour.name, s) for s in neighbour_segments(subject.tokenizer.size)])
    mine = pack([(subject.name, s) for s in subject.segments[:6]])
    packs = (mine, others) if beside else (others,)
    targets = {name: x.targets.count for p in packs for name, x in p.tasks.items()}
    batch = Batch(packs, targets, sum(p.real_tokens for p in packs))
    losses = []
    with torch.random.fork_rng(devices=[]):
        for step in range(STEPS):
            torch.manual_seed(step)
            losses.append(train_step(learner, batch, weights, step + 1).losses[neighbour.name])
    return losses


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
