"""The training loop: read `train`, then `train_epoch`, then `train_step`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

import attrs
import torch

from ectrain import __version__
from ectrain.balancing import accumulate, decide, tell
from ectrain.batches import Batch, ahead, epoch_batches
from ectrain.boundary import listed, placed
from ectrain.claims import claims_of
from ectrain.curriculum import EpochPlan, EpochRecord
from ectrain.errors import DataError, EctrainError, FaultError, Interrupted, NonFiniteError
from ectrain.evaluate import (
    Figures,
    baselines,
    choices,
    composed_loss,
    evaluate_tasks,
    measure,
)
from ectrain.events import Event
from ectrain.inspection import culprits
from ectrain.learner import Learner
from ectrain.optimizer import set_rate
from ectrain.run import Run
from ectrain.signals import StopRequest, stop_requests
from ectrain.task import Budget
from ectrain.window import Window


class Observer(Protocol):
    """What watches a run, a terminal for one; it gets every event as it is logged."""

    def on_event(self, event: Event) -> None:
        """Take in an event."""


def train(run: Run, observer: Observer) -> bool:
    """Train a run to the end of its curriculum, from wherever it stands.

    Returns:
        Whether there was anything left to do.

    Raises:
        Interrupted: A signal asked to stop; the run was saved.
        NonFiniteError: A loss or gradient was not finite; the weights before it were saved.
        EctrainError: Whatever else a person can mend.
    """
    with run.opened(observer.on_event), stop_requests(patient=True) as stop:
        if run.finished:
            return False
        run.log_start(__version__)
        try:
            with rescued(run):
                while isinstance(plan := run.next_plan(), EpochPlan):
                    train_epoch(run, plan, stop)
            stop.patient = False  # all is saved: what is left can be done again
            refuse_to_go_on(run, stop)
            run.end_phase(plan.reason)
            finish(run, plan.reason)
        except BaseException as error:
            run.log_end(*_ending(error))
            raise
    return True


def _ending(error: BaseException) -> tuple[str, str]:
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return "interrupted", str(error) or "stopped at once"
    return "failed", str(error) if isinstance(error, EctrainError) else repr(error)


def train_epoch(run: Run, plan: EpochPlan, stop: StopRequest) -> None:
    """Train one epoch, measure it on held-out data and save it."""
    order, selected = run.begin_epoch(plan)
    sources, most = run.draws.drawable, run.config.step.max_tokens
    encoder = run.encoder
    batches = epoch_batches(order, sources, selected, encoder, most, run.state.epoch_step)
    run.model.train()
    with Window(run, plan, encoder) as window, ahead(batches) as coming:
        for batch in coming:
            rate = run.rate()
            set_rate(run.learner.optimizer, rate)
            with placed(partial(_place, run, batch)):
                run.first_look.at(batch)
                run.seed_step()
                result = train_step(
                    run.learner, batch, plan.weights, run.state.step + 1, run.cosines_are_due
                )
            run.state.count(batch)
            window.add(batch, result, rate)
            if result.cosines is not None:
                run.log_cosines(plan, result.cosines)
            last = run.state.epoch_step == order.steps
            if last or stop or window.is_due():
                window.write()
            if last:
                break
            refuse_to_go_on(run, stop)
            run.save_if_due()
    close_epoch(run, plan)
    refuse_to_go_on(run, stop)


def refuse_to_go_on(run: Run, stop: StopRequest) -> None:
    """Save and raise, if a signal asked to stop.

    Raises:
        Interrupted: It did.
    """
    if stop:
        raise Interrupted(run.save_here(), stop.exit_code)


def _place(run: Run, batch: Batch, error: FaultError) -> str:
    """Return in words where the fault of a task in a step lies."""
    ids = batch.ids(error.task)
    if not isinstance(error, NonFiniteError):
        return ", ".join(filter(None, (f"at step {run.state.step + 1}", listed(ids))))
    with suppress(FaultError):
        ids = culprits(run.learner, error.task, batch) or ids
    return listed(ids)


@contextmanager
def rescued(run: Run) -> Iterator[None]:
    """Save what a run has learned so far when a fault of a task or its data ends it, and say so.

    Raises:
        EctrainError: The same kind of it.
    """
    try:
        yield
    except (FaultError, DataError) as error:
        message = f"{error}; {_saved(run)}"
        if isinstance(error, FaultError):
            raise type(error)(message, error.task) from error
        raise DataError(message) from error


def _saved(run: Run) -> str:
    """Save where the run stands; what keeps it from that hides no other error."""
    if not run.state.step:
        return "nothing was learned yet"
    if run.learner.taken != run.state.step:
        return "nothing new was saved: the weights are ahead of the run's state"
    try:
        return run.save_here()
    except EctrainError as error:
        return str(error)


@attrs.frozen
class StepResult:
    """What one step came to.

    Attributes:
        losses: Each task's loss in nats, summed over targets.
        grad_norm: Norm of the gradient before it was clipped.
        factors: What the balancer made of each task's weight.
        cosines: Between the gradients of each pair of tasks, where that was asked for.
    """

    losses: Mapping[str, float]
    grad_norm: float
    factors: Mapping[str, float] = attrs.field(factory=dict)
    cosines: Mapping[str, float | None] | None = None


def train_step(
    learner: Learner,
    batch: Batch,
    weights: Mapping[str, float],
    step: int = 0,
    observe: bool = False,
) -> StepResult:
    """Take one optimizer step.

    The loss is the sum over tasks of weight times loss per target, exact over any number of
    packs, since losses are sums and the targets of the whole batch are counted beforehand. The
    learner's balancer has its say in how much each task counts, once a step.

    Args:
        learner: Model, optimizer, balancer and place.
        batch: Packs and their targets.
        weights: Of each task, as the curriculum has it.
        step: Its number.
        observe: Measure the cosines between the tasks' gradients, too.

    Raises:
        NonFiniteError: Before any weight was changed.
    """
    learner.optimizer.zero_grad(set_to_none=True)
    decision = decide(learner, batch, weights, step, observe)
    sums = accumulate(learner, decision)
    norm = torch.nn.utils.clip_grad_norm_(learner.model.parameters(), learner.clip)
    *losses, grad_norm = torch.stack([*(x.float() for x in sums.values()), norm.float()]).tolist()
    result = StepResult(dict(zip(sums, losses, strict=True)), grad_norm, decision.factors)
    refuse_nonfinite(result, step)
    learner.optimizer.step()
    learner.taken += 1
    tell(learner, batch, decision, result.losses)
    return attrs.evolve(result, cosines=decision.cosines()) if observe else result


def refuse_nonfinite(result: StepResult, step: int) -> None:
    """Raise if a loss or the gradient is NaN or infinite, naming the task."""
    for name, loss in result.losses.items():
        if not math.isfinite(loss):
            raise NonFiniteError(f"task {name}: loss is {loss} at step {step}", name)
    if not math.isfinite(result.grad_norm):
        raise NonFiniteError(
            f"the gradient's norm is {result.grad_norm} at step {step}, though every loss is finite"
        )


def close_epoch(run: Run, plan: EpochPlan) -> None:
    """Measure the epoch's tasks on validation data, add it to the history, save."""
    figures: Figures = {}
    run.model.eval()
    for name in plan.shares:
        found = measure(run.model, name, run.validation(name))
        figures.update({f"{name}/{metric}": value for metric, value in found.items()})
    estimates = run.executed(plan)
    known = {name: estimate.value for name, estimate in estimates.items()}
    loss = composed_loss({**figures, **known}, run.model, plan.shares)
    run.log.write(
        "evaluated",
        step=run.state.step,
        epoch=plan.epoch,
        phase=plan.phase,
        split="val",
        metrics={**figures, "loss": loss},
        estimates={name: attrs.asdict(estimate) for name, estimate in estimates.items()},
    )
    record = EpochRecord(plan.epoch, plan.phase, {**figures, "loss": loss})
    run.state.close_epoch(record, run.draws.order(plan, run.state.drawn).drawn_after)
    run.save(plan, loss)


def finish(run: Run, reason: str) -> None:
    """Measure the best model on test data, once, and judge the run's goals."""
    best = run.take_best()
    names = list(run.model.tasks)
    settings = run.config.evaluation
    budget = Budget(settings.budget_examples, settings.budget_seconds)

    def tell(what: str) -> None:
        run.log.write("measuring", what=what)

    run.model.choices = choices(run.model, names, tell)
    figures, estimates = evaluate_tasks(run.model, names, "test", budget, tell)
    rivals = baselines(run.model, names, tell)
    run.log.write(
        "evaluated",
        step=best.step,
        epoch=best.epoch,
        phase=best.phase,
        split="test",
        metrics=figures,
        estimates={name: attrs.asdict(estimate) for name, estimate in estimates.items()},
        baselines={name: attrs.asdict(estimate) for name, estimate in rivals.items()},
        choices=run.model.choices,
    )
    run.log_end("finished", reason, claims_of(run.model.tasks, figures, estimates, rivals))
