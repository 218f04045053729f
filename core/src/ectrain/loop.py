"""The training loop: read `train`, then `train_epoch`, then `train_step`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import attrs
import torch
from torch import Tensor

from ectrain import __version__
from ectrain.balancer import fixed_weights
from ectrain.batches import Batch, ahead, epoch_batches
from ectrain.claims import claims_of
from ectrain.curriculum import EpochPlan, EpochRecord
from ectrain.errors import EctrainError, Interrupted, NonFiniteError, PluginError
from ectrain.evaluate import Figures, baselines, composed_loss, evaluate_tasks, measure
from ectrain.events import Event
from ectrain.learner import Learner
from ectrain.model import Model
from ectrain.optimizer import set_rate
from ectrain.plugins import blame
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
    weights = fixed_weights(
        plan.weights, run.model.tasks, run.tokenizer.size, run.config.optimizer.scale_losses
    )
    sources, most = run.draws.drawable, run.config.step.max_tokens
    batches = epoch_batches(order, sources, selected, run.encoder, most, run.state.epoch_step)
    window = Window(run, plan)
    run.model.train()
    with ahead(batches) as coming:
        for batch in coming:
            rate = run.rate()
            set_rate(run.learner.optimizer, rate)
            run.seed_step()
            try:
                result = train_step(run.learner, batch, weights, run.state.step + 1)
            except NonFiniteError as error:
                window.write()
                raise NonFiniteError(f"{error}; {_rescued(run)}") from error
            run.state.count(batch)
            window.add(batch, result.losses, result.grad_norm, rate)
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


def _rescued(run: Run) -> str:
    """Save what the run has learned so far, and say so; a full disk hides no other error."""
    try:
        return run.save_here()
    except EctrainError as error:
        return str(error)


@attrs.frozen
class StepResult:
    """What one step came to: each task's loss in nats, summed over targets, and the gradient."""

    losses: Mapping[str, float]
    grad_norm: float


def train_step(
    learner: Learner, batch: Batch, weights: Mapping[str, float], step: int = 0
) -> StepResult:
    """Take one optimizer step.

    The loss is the sum over tasks of weight times loss per target, exact over any number of
    packs, since losses are sums and the targets of the whole batch are counted beforehand.

    Args:
        learner: Model, optimizer and place.
        batch: Packs and their targets.
        weights: Factor of each task's mean loss.
        step: Its number, for messages.

    Raises:
        NonFiniteError: Before any weight was changed.
    """
    learner.optimizer.zero_grad(set_to_none=True)
    sums: dict[str, Tensor] = {}
    for pack in batch.packs:
        on_device = pack.to(learner.place.device)
        total = torch.zeros((), device=learner.place.device)
        for name, output in learner.forward(on_device).items():
            loss = task_loss(learner.model, name, output, on_device.tasks[name].targets)
            sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()
            if batch.targets[name]:
                total = total + loss * (weights[name] / batch.targets[name])
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(learner.model.parameters(), learner.clip)
    *losses, grad_norm = torch.stack([*(x.float() for x in sums.values()), norm.float()]).tolist()
    result = StepResult(dict(zip(sums, losses, strict=True)), grad_norm)
    refuse_nonfinite(result, step)
    learner.optimizer.step()
    return result


def task_loss(model: Model, name: str, output: Any, targets: Any) -> Tensor:
    """Return a task's loss, refusing what no sum over targets can be.

    Raises:
        PluginError: It is no scalar tensor, or no gradient can come from it.
    """
    with blame(name, "loss"):
        loss: Any = model.tasks[name].loss(output, targets)
    if not isinstance(loss, Tensor) or loss.ndim != 0:
        found = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
        raise PluginError(f"task {name}: loss has {found}, expected a scalar tensor")
    if torch.is_grad_enabled() and not loss.requires_grad:
        raise PluginError(f"task {name}: its loss is detached from its head; nothing can learn")
    return loss


def refuse_nonfinite(result: StepResult, step: int) -> None:
    """Raise if a loss or the gradient is NaN or infinite, naming the task."""
    for name, loss in result.losses.items():
        if not math.isfinite(loss):
            raise NonFiniteError(f"task {name}: loss is {loss} at step {step}")
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
    loss = composed_loss(figures, run.model, plan.shares)
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
    )
    run.log_end("finished", reason, claims_of(run.model.tasks, figures, estimates, rivals))
