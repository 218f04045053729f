"""Laws about training in several processes: each has a part of the batch, together the whole."""

from __future__ import annotations

import torch

from ectrain.testing.group import parted
from ectrain.testing.law import NotApplicable, near, require
from ectrain.testing.other_process import CannotMove, elsewhere
from ectrain.testing.subject import Subject


def two_processes_agree(subject: Subject) -> None:
    """Two processes with half of a batch each come to loss, gradient and figures of one."""
    subject.require_one_width()
    if len(subject.segments) < 2:
        raise NotApplicable("one segment can't be parted")
    try:
        _require_repeats(subject)
        whole, together = parted(subject)
    except CannotMove as error:
        raise NotApplicable(str(error)) from None
    require(
        near(whole.loss, together.loss),
        f"the loss is {whole.loss:.6g} in one process and {together.loss:.6g} over two; return a "
        "sum over targets, and keep nothing that depends on what else a process saw",
    )
    require(
        whole.close_to(together),
        "the gradients of two processes do not add up to that of one; let the loss be a sum over "
        "targets, and every weight take part",
    )
    require(
        not together.unsent,
        f"a metric can't be sent to another process: {together.unsent}; hold numbers, tensors and "
        "arrays in attributes, neither functions nor files",
    )
    odd = whole.first_difference(together)
    require(not odd, f"merged over two processes, figure {odd}; merge all that the other has seen")


def _require_repeats(subject: Subject) -> None:
    one, other = subject.new_model(), subject.new_model()
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    if any(a is b or not torch.equal(a, b) for a, b in pairs):
        raise NotApplicable("its head does not even repeat in one process")
    mine, again = subject.task.metrics(), subject.task.metrics()
    if any(metric is again.get(name) for name, metric in mine.items()):
        raise NotApplicable("its metrics are not even new ones each time")
    if elsewhere(subject)["digest"] != subject.digest():
        raise NotApplicable("its segments are not even the same in another process")
