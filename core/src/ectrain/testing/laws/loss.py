"""Laws about the loss: a sum over targets, in nats, of a task's own segments alone."""

from __future__ import annotations

import random

import numpy as np
import torch

from ectrain.learner import Learner
from ectrain.losses import task_loss
from ectrain.testing.law import near, require
from ectrain.testing.subject import Subject, without_targets
from ectrain.testing.trunk import processor

CUTS = 3  # ways that segments are dealt into batches
WIDEST = 5.0  # times more or less than a guess that a fresh head's loss may be


def loss_is_additive(subject: Subject) -> None:
    """The loss of a batch is the sum of the losses of its segments, however it is split."""
    whole = subject.detached_loss(subject.segments)
    for cut in range(CUTS):
        segments, count = list(subject.segments), cut + 2
        random.Random(f"cut/{cut}").shuffle(segments)
        parts = [segments[at::count] for at in range(count) if at < len(segments)]
        total = sum(subject.detached_loss(part) for part in parts)
        require(
            near(whole, total),
            f"the loss is {whole:.6g} in one batch and {total:.6g} as the sum over "
            f"{len(parts)} batches; return a sum over targets (reduction='sum'), never "
            "a mean, and let no segment see another",
        )


def loss_ignores_order(subject: Subject) -> None:
    """The loss does not depend on the order of segments."""
    shuffled = sorted(subject.segments, key=lambda s: (int(s.tokens.sum()), len(s.tokens)))
    one, other = subject.detached_loss(subject.segments), subject.detached_loss(shuffled)
    require(
        near(one, other),
        f"the loss is {one:.6g} in one order and {other:.6g} in another; pool by Rows.segment_n, "
        "and take targets in the order they come",
    )


def loss_repeats(subject: Subject) -> None:
    """The same segments have the same loss again, while nothing is learned."""
    one, other = subject.detached_loss(subject.segments), subject.detached_loss(subject.segments)
    require(
        near(one, other, relative=1e-6),
        f"the loss is {one!r}, then {other!r}; draw nothing in loss, keep nothing between two "
        "calls, and use dropout as a module, which evaluation turns off",
    )


def gradient_reaches_trunk(subject: Subject) -> None:
    """The loss is a finite scalar whose gradient reaches the trunk's output."""
    laid_out = subject.pack(subject.segments)
    trunk_td = subject.model.trunk(laid_out).detach().requires_grad_()
    output = subject.model.heads[subject.name](subject.rows(laid_out, trunk_td))
    loss = subject.task.loss(output, laid_out.tasks[subject.name].targets)
    require(loss.ndim == 0, f"the loss has shape {list(loss.shape)}; return a scalar, its sum")
    require(bool(loss.isfinite()), f"the loss is {float(loss.detach())}; avoid log(0) and 0/0")
    gradient = torch.zeros(())
    if loss.requires_grad:
        (gradient,) = torch.autograd.grad(loss, trunk_td, allow_unused=True, materialize_grads=True)
    require(
        bool((gradient != 0).any()),
        "no gradient reaches the trunk; don't detach, round or .item() between its output and "
        "the loss",
    )
    require(bool(gradient.isfinite().all()), "the gradient is not finite; avoid sqrt(0) and 0/0")


def nothing_to_predict_costs_nothing(subject: Subject) -> None:
    """Segments without a known target have loss 0 and gradient 0, not NaN."""
    loss = subject.loss([without_targets(segment) for segment in subject.segments[:4]])
    require(
        float(loss.detach()) == 0.0,
        f"segments without a target cost {float(loss.detach())}; leave out targets that are NaN "
        "or NO_TARGET, and divide by no count",
    )
    weight = subject.model.trunk.embedding.weight
    (gradient,) = torch.autograd.grad(loss, weight, allow_unused=True)
    require(
        gradient is None or bool((gradient == 0).all()),
        "segments without a target have a gradient; replace unknown targets before the "
        "arithmetic (torch.where), not after it",
    )


def one_segment_is_enough(subject: Subject) -> None:
    """A batch of one segment has a finite loss."""
    with torch.no_grad():
        output, targets = subject.apply(subject.segments[:1])
        loss = float(task_loss(subject.model, subject.name, output, targets))
    require(
        bool(np.isfinite(loss)),
        f"one segment alone has the loss {loss}; nothing may be divided by the number of segments "
        "less one, nor normalised over the batch",
    )


def inputs_are_left_alone(subject: Subject) -> None:
    """Head, loss and metrics write into neither the trunk's output nor the targets."""
    laid_out = subject.pack(subject.segments)
    targets = laid_out.tasks[subject.name].targets
    with torch.no_grad():
        trunk_td = subject.model.trunk(laid_out)
        watched = {"the trunk's output": trunk_td, "Targets.tokens_m": targets.tokens_m}
        if targets.values_sw is not None:
            watched["Targets.values_sw"] = targets.values_sw
        before = {name: tensor.clone() for name, tensor in watched.items()}
        output = subject.model.heads[subject.name](subject.rows(laid_out, trunk_td))
        subject.task.loss(output, targets)
        for metric in subject.task.metrics().values():
            metric.update(output, targets)
    for name, tensor in watched.items():
        same = torch.equal(before[name].nan_to_num(nan=-7.5e8), tensor.nan_to_num(nan=-7.5e8))
        require(same, f"{name} is changed in place; make a new tensor: others read it, too")


def a_guess_costs_what_is_said(subject: Subject) -> None:
    """`nats_of_a_guess` is about the loss per target of a head that has learned nothing."""
    said = float(subject.task.nats_of_a_guess(subject.tokenizer.size))
    count = sum(segment.target_count for segment in subject.segments)
    found = subject.detached_loss(subject.segments) / max(1, count)
    require(
        said > 0 and said / WIDEST <= found <= said * WIDEST,
        f"nats_of_a_guess says {said:.3g}, a fresh head's loss is {found:.3g} a target; return the "
        "loss of a uniform guess (log of the classes, log 2 for yes or no), which balances tasks",
    )


def bfloat16_is_taken(subject: Subject) -> None:
    """In bfloat16 head, loss and metrics work, and the loss is that of float32 but for rounding."""
    exact = subject.detached_loss(subject.segments)
    model = subject.new_model().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    learner = Learner(model, optimizer, processor(torch.bfloat16), clip=1.0)
    laid_out = subject.pack(subject.segments)
    targets = laid_out.tasks[subject.name].targets
    try:
        output = learner.forward(laid_out)[subject.name]
        loss = task_loss(model, subject.name, output, targets)
        for metric in subject.task.metrics().values():
            with torch.no_grad():
                metric.update(output, targets)
    except Exception as error:
        require(
            False,
            f"bfloat16 fails with {type(error).__name__}: {error}; follow the dtype of what the "
            "head gets, and call .float() before .numpy() and before sums",
        )
    found = float(loss.detach())
    require(
        near(exact, found, relative=0.1),
        f"the loss is {exact:.6g} in float32 and {found:.6g} in bfloat16; add up in float32 "
        "(call .float() on logits)",
    )
