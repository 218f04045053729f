"""A run: everything that one training needs, with its directory, log and checkpoints."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import torch

from ectrain.balancers import stored_state
from ectrain.batches import Batch, Encoder
from ectrain.checkpoint import Checkpoints, Entry, Snapshot, no_checkpoint, ranked
from ectrain.compiling import is_compiling
from ectrain.config import RunConfig, to_dict
from ectrain.curriculum import EpochPlan, Finished, next_epoch, planned, scaled
from ectrain.draws import Draws, Selection
from ectrain.errors import ResourceError
from ectrain.evaluate import execute, held_out
from ectrain.events import Event, EventLog, finite
from ectrain.inspection import FirstLook
from ectrain.learner import Learner
from ectrain.model import Model
from ectrain.offers import Offer
from ectrain.optimizer import optimizer_tensors
from ectrain.order import EpochOrder, keyed_random
from ectrain.phases import Curriculum
from ectrain.refresh import Refresher
from ectrain.schedule import rate_factor
from ectrain.state import TrainState
from ectrain.storage import Storage, disk_errors
from ectrain.structure import plain
from ectrain.task import Budget, Estimate, Split
from ectrain.tokenizer import Tokenizer

SAMPLE = 16  # examples of a task whose lengths are looked at


@attrs.define(eq=False)
class Run:
    """One training.

    Attributes:
        config: What was asked for.
        directory: Where all of it lies.
        phases: The curriculum as it was read.
        curriculum: The same, scaled.
        learner: Model, optimizer and place.
        draws: Training examples, as epochs draw them.
        refresher: Lets tasks make data of their own.
        sizes: Examples by task and split.
        checkpoints: What is saved.
        log: Its events.
        state: How far it is.
        offers: The plugins that its tasks come from.
        data_marks: Fingerprint of each task's training examples.
        resumed_from: The checkpoint that it goes on from.
        finished: Whether it was trained and measured to its end before.
        begun_with: What became of another run's weights, where a new run began with them.
    """

    config: RunConfig
    directory: Path
    phases: Curriculum
    learner: Learner
    draws: Draws
    refresher: Refresher
    sizes: Mapping[str, Mapping[Split, int]]
    checkpoints: Checkpoints
    storage: Storage
    state: TrainState
    offers: Mapping[str, Offer]
    data_marks: Mapping[str, str]
    resumed_from: Entry | None
    finished: bool
    held: ExitStack
    early_warnings: list[str] = attrs.field(factory=list)
    begun_with: Mapping[str, Any] | None = None
    curriculum: Curriculum = attrs.field(init=False)
    log: EventLog = attrs.field(init=False)
    first_look: FirstLook = attrs.field(init=False)
    total_steps: int = attrs.field(init=False)
    _saved_at: float = attrs.field(init=False, factory=time.monotonic)
    _validation: dict[str, list[Batch]] = attrs.field(init=False, factory=dict)
    _warned: set[str] = attrs.field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        """Count the steps of the whole plan."""
        self.first_look = FirstLook(self.learner)
        self.learner.taken = self.state.step
        self.curriculum = scaled(self.phases, self.config.scale)
        plans = planned(self.curriculum, self.tasks)
        self.total_steps = sum(self.draws.order(plan).steps for plan in plans)

    @property
    def model(self) -> Model:
        """Trunk and heads."""
        return self.learner.model

    @property
    def tokenizer(self) -> Tokenizer:
        """What the model's tokens mean."""
        return self.model.tokenizer

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.model.tasks)

    @property
    def encoder(self) -> Encoder:
        """Makes segments of examples."""
        return Encoder(self.tokenizer, self.config.trunk.context)

    @contextmanager
    def opened(self, tell: Callable[[Event], None]) -> Iterator[None]:
        """Log to the run's directory, and let go of the directory at the end."""
        with self.held:
            self.log = EventLog(self.directory / "events.jsonl", tell, self.storage)
            yield

    def warn(self, message: str) -> None:
        """Log a warning, each text once."""
        if message not in self._warned:
            self._warned.add(message)
            self.log.write("warning", message=message)

    # --- epochs -----------------------------------------------------------------------------------

    def next_plan(self) -> EpochPlan | Finished:
        """Return what the curriculum asks for next; a phase that it ended is logged."""
        plan = next_epoch(self.curriculum, self.tasks, self.state.history)
        if isinstance(plan, EpochPlan):
            if self.state.phase and plan.phase != self.state.phase:
                self.end_phase("; ".join(plan.notes))
            self.state.phase = plan.phase
        return plan

    def end_phase(self, reason: str) -> None:
        """Log the end of the phase that the run is in."""
        why = reason.partition(": ")[2] or reason
        self.log.write("phase_ended", phase=self.state.phase, epoch=self.state.epoch, reason=why)

    def begin_epoch(self, plan: EpochPlan) -> tuple[EpochOrder, Selection]:
        """Let tasks make new data, and return the epoch's order and the examples it may draw."""
        self.refresher.begin(list(plan.shares), plan.epoch, is_open=self.state.epoch_step > 0)
        order = self.draws.order(plan, self.state.drawn)
        selected, notes = self.draws.select(plan)
        for note in notes:
            self.warn(f"phase {plan.phase}: {note}")
        for decision in plan.guarded:
            self.log.write("guard_decided", phase=plan.phase, **attrs.asdict(decision))
        self.log.write(
            "epoch_started",
            epoch=plan.epoch,
            phase=plan.phase,
            phase_epoch=plan.phase_epoch,
            shares=plan.shares,
            weights=plan.weights,
            steps=order.steps,
        )
        return order, selected

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        settings = self.config.optimizer
        return settings.rate * rate_factor(
            self.state.step,
            self.total_steps,
            settings.warmup,
            settings.schedule,
            settings.final_share,
        )

    @property
    def cosines_are_due(self) -> bool:
        """Whether the next step measures the cosines between the tasks' gradients."""
        every = self.config.balancer.cosines_every
        return bool(every) and (self.state.step + 1) % every == 0

    def seed_step(self) -> None:
        """Make torch's own random numbers (dropout in a head) depend on seed and step alone."""
        torch.manual_seed(keyed_random(self.config.seed, "step", self.state.step).getrandbits(63))

    def operations(self) -> float:
        """Estimate the floating-point operations of the whole plan, from a few examples' lengths.

        Source: Kaplan et al., Scaling laws for neural language models (2020), 2.1: 6 a weight and
        token.
        """
        lengths = [
            len(self.encoder.encode(name, found.task, found.examples[number], "length").tokens)
            for name, found in self.draws.drawable.items()
            for number in range(min(SAMPLE, len(found.examples)))
        ]
        tokens = self.total_steps * self.config.step.examples * sum(lengths) / len(lengths)
        return 6.0 * sum(p.numel() for p in self.model.trunk.parameters()) * tokens

    def log_cosines(self, plan: EpochPlan, cosines: Mapping[str, float | None]) -> None:
        """Log how far the tasks' gradients of the trunk point the same way."""
        at = {"step": self.state.step, "epoch": plan.epoch, "phase": plan.phase}
        self.log.write("cosines_measured", **at, cosines=cosines)

    # --- measuring --------------------------------------------------------------------------------

    def validation(self, name: str) -> Sequence[Batch]:
        """Return a task's validation data, laid out once."""
        if name not in self._validation:
            limit = self.config.evaluation.examples
            self._validation[name] = list(held_out(self.model, name, "val", limit))
        return self._validation[name]

    def executed(self, plan: EpochPlan) -> dict[str, Estimate]:
        """Return what generating and executing on validation data gives, where it is due."""
        settings = self.config.evaluation
        if not settings.execute_every or plan.epoch % settings.execute_every:
            return {}
        budget = Budget(settings.budget_examples, settings.budget_seconds)
        found: dict[str, Estimate] = {}
        for name in plan.shares:
            found.update(execute(self.model, name, "val", budget))
        return found

    def take_best(self) -> Entry:
        """Go back to the weights with the lowest validation loss of the last phase."""
        loaded = self.checkpoints.best()
        if loaded is None:
            raise no_checkpoint(self.checkpoints.directory)
        self.model.restore(loaded.tensors("model"))
        self.model.eval()
        return loaded.entry

    # --- saving -----------------------------------------------------------------------------------

    def save(self, plan: EpochPlan, loss: float | None) -> None:
        """Save after an epoch where it is due: by period, by the curriculum, at a phase's end."""
        after = next_epoch(self.curriculum, self.tasks, self.state.history)
        ends = isinstance(after, Finished) or after.phase_epoch == 1
        kept = plan.checkpoint or ends
        due = self.state.epoch % self.config.checkpoints.every_epochs == 0
        if due or kept:
            self._save(loss, pinned=kept, needed=isinstance(after, Finished))

    def save_if_due(self) -> None:
        """Save inside an epoch when the last checkpoint is old enough."""
        minutes = self.config.checkpoints.every_minutes
        if minutes and time.monotonic() - self._saved_at >= 60 * minutes:
            self._save(None, pinned=False, needed=False)

    def save_here(self) -> str:
        """Save where the run stands, and say so; a checkpoint that is there already stays."""
        path = self._save(None, pinned=False, needed=True)
        return f"the run is saved at step {self.state.step} in {path}; the same command goes on"

    def _save(self, loss: float | None, pinned: bool, needed: bool) -> Path | None:
        started = time.monotonic()
        self._saved_at = started
        try:
            path = self.checkpoints.save(self._snapshot(loss, pinned))
        except ResourceError as error:
            if needed or not self.checkpoints.entries():
                raise
            self.warn(f"{error}; training goes on, the last checkpoint is older")
            return None
        best = ranked(self.checkpoints.entries())
        self.log.write(
            "checkpoint_saved",
            step=self.state.step,
            epoch=self.state.epoch,
            path=str(path),
            best=bool(best) and best[0].step == self.state.step,
            seconds=time.monotonic() - started,
        )
        return path

    def _snapshot(self, loss: float | None, pinned: bool) -> Snapshot:
        marks = {"tokenizer": self.tokenizer.fingerprint, "data": dict(self.data_marks)}
        return Snapshot(
            step=self.state.step,
            epoch=self.state.epoch,
            phase=self.state.phase,
            loss=loss,
            pinned=pinned,
            model=self.model.state_dict(),
            optimizer=optimizer_tensors(self.model, self.learner.optimizer),
            epoch_start=self.refresher.start if self.state.epoch_step else {},
            origin=self.model.origin,
            documents={
                "state": {
                    "progress": finite(self.state.to_dict()),
                    "curriculum": plain(self.phases),
                    "balancer": finite(stored_state(self.learner.balancer)),
                    **marks,
                },
                "config": to_dict(self.config),
                "plugins": {name: offer._asdict() for name, offer in self.offers.items()},
            },
            tokenizer=self.tokenizer.to_json(),
        )

    # --- the log's first and last word ------------------------------------------------------------

    def log_start(self, version: str) -> None:
        """Log what is trained, on what, and where; keep the configuration beside the log."""
        from_path = str(self.resumed_from.path) if self.resumed_from else None
        begun_with = {"init": self.begun_with} if self.begun_with else {}
        self.log.write(
            "run_started",
            ectrain=version,
            torch=torch.__version__,
            python=platform.python_version(),
            device=str(self.learner.place.device),
            dtype=self.learner.place.dtype_name,
            compiled=is_compiling(),
            tasks={
                name: {"distribution": offer.distribution, "version": offer.version}
                for name, offer in self.offers.items()
            },
            parameters=self.model.parameter_counts(),
            tokenizer={"size": self.tokenizer.size, "fingerprint": self.tokenizer.fingerprint},
            data=self.sizes,
            total_steps=self.total_steps,
            seed=self.config.seed,
            resumed_from=from_path,
            **begun_with,
        )
        for message in self.early_warnings:
            self.warn(message)

    def log_end(self, status: str, reason: str, claims: Sequence[Mapping[str, Any]] = ()) -> None:
        """Log how the run ended."""
        self.log.write(
            "run_ended",
            status=status,
            reason=reason,
            steps=self.state.step,
            epochs=self.state.epoch,
            seconds=self.state.seconds,
            tokens=self.state.tokens,
            claims=claims,
        )


def keep_file(storage: Storage, path: Path, text: str) -> None:
    """Write a file of the run directory whole or not at all; one that says the same is left."""
    with disk_errors(path, "can't write"):
        if not path.is_file() or path.read_bytes() != text.encode():
            storage.replace(path, text.encode())
