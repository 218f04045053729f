"""Training a task for a moment: one step, or one batch until it is known by heart."""

from __future__ import annotations

import torch

from ectrain.batches import lay_out
from ectrain.config import OptimizerConfig
from ectrain.learner import Learner
from ectrain.loop import StepResult, train_step
from ectrain.model import AnyTask
from ectrain.optimizer import make_optimizer
from ectrain.testing.subject import Subject
from ectrain.testing.trunk import processor

EXAMPLES = 6  # of the one batch
STEPS = 80
RATE = 1e-2


def run_one_step(
    task: AnyTask | Subject, examples: int = EXAMPLES, dtype: torch.dtype = torch.float32
) -> StepResult:
    """Take one optimizer step on a narrow model, exactly as a run does.

    Args:
        task: The task.
        examples: How many of its first training examples.
        dtype: What is computed in; the weights stay in float32.

    Returns:
        The loss, summed over targets, and the gradient's norm.

    Raises:
        EctrainError: The task breaks what core checks at every step.
    """
    subject = _subject(task)
    batch = lay_out([(subject.name, s) for s in subject.segments[:examples]], max_tokens=8192)
    return train_step(_learner(subject, dtype), batch, {subject.name: 1.0}, step=1)


def overfit_one_batch(
    task: AnyTask | Subject,
    examples: int = EXAMPLES,
    steps: int = STEPS,
    stop_at: float = 0.0,
) -> list[float]:
    """Return the loss of one batch, step by step, while it is learned by heart.

    Args:
        task: The task.
        examples: How many of its first training examples.
        steps: At most so many steps.
        stop_at: Share of the first loss that is enough.

    Raises:
        EctrainError: The task breaks what core checks at every step.
    """
    subject = _subject(task)
    batch = lay_out([(subject.name, s) for s in subject.segments[:examples]], max_tokens=8192)
    learner = _learner(subject, torch.float32)
    losses: list[float] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for step in range(steps):
            found = train_step(learner, batch, {subject.name: 1.0}, step + 1)
            losses.append(found.losses[subject.name])
            if losses[-1] <= stop_at * losses[0]:
                break
    return losses


def _subject(task: AnyTask | Subject) -> Subject:
    return task if isinstance(task, Subject) else Subject(task)


def _learner(subject: Subject, dtype: torch.dtype) -> Learner:
    model = subject.new_model().train()
    optimizer = make_optimizer(model, OptimizerConfig(rate=RATE, weight_decay=0.0))
    return Learner(model, optimizer, processor(dtype), clip=1.0)
