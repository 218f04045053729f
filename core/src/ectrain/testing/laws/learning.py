"""Laws about learning: the few steps that a task must gain by."""

from __future__ import annotations

from ectrain.testing.law import require
from ectrain.testing.steps import overfit_one_batch
from ectrain.testing.subject import Subject


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
