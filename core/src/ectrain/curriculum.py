"""The curriculum: phases as data, and a pure function from a run's history to its next epoch."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import attrs

from ectrain.errors import ConfigError, did_you_mean
from ectrain.structure import structured


@attrs.frozen
class Ramp:
    """A number that moves in a straight line over the first epochs of a phase.

    Attributes:
        start: Its value in the phase's first epoch.
        end: Its value after `over` epochs, and from then on.
        over: How many epochs it takes.
    """

    start: float
    end: float = 1.0
    over: int = attrs.field(default=5, validator=attrs.validators.ge(1))

    def at(self, phase_epoch: int) -> float:
        """Return the value in an epoch of the phase, from 1."""
        return self.start + (self.end - self.start) * min(1.0, (phase_epoch - 1) / self.over)


Level = float | Ramp


@attrs.frozen
class Gate:
    """What must hold at the end of a phase, and what happens where it doesn't.

    Attributes:
        metric: "task/metric" on the validation split, or "loss".
        below: The mean of the last three evaluations must be below this...
        above: ...or above this.
        otherwise: "continue" with a note, "extend" the phase, or "stop" the run.
        extend: Most epochs that "extend" adds.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    otherwise: Literal["continue", "extend", "stop"] = "continue"
    extend: int = 5

    def __attrs_post_init__(self) -> None:
        """Refuse a gate without exactly one bound."""
        if (self.below is None) == (self.above is None):
            raise ConfigError(f"gate on {self.metric!r} needs either 'below' or 'above'")

    def holds(self, history: Sequence[EpochRecord]) -> bool | None:
        """Return whether it holds, None where its metric was not measured."""
        found = [record.metrics.get(self.metric) for record in history[-3:]]
        values = [value for value in found if value is not None and math.isfinite(value)]
        if not values:
            return None
        mean = sum(values) / len(values)
        return mean < self.below if self.below is not None else mean > (self.above or 0.0)

    def __str__(self) -> str:
        """Say it as a person would."""
        bound = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        return f"{self.metric} {bound}"


@attrs.frozen
class Phase:
    """A stretch of the curriculum.

    Attributes:
        name: What it is called in logs and reports.
        epochs: How many epochs it lasts unless a gate or a plateau says otherwise.
        tasks: Tasks that it trains; all of the run where it names none.
        shares: How often a task is drawn, relative to the others (1 where not named).
        weights: How much a task's loss counts; over the curriculum's own.
        filters: For each facet, the lowest and highest value of examples that may be drawn.
        ramp: How the weight of a task that is new in this phase rises to its full value.
        gate: What must hold at its end.
        patience: Epochs without a lower validation loss after which the phase ends; 0 for never.
        min_delta: By how much a validation loss must be lower to count.
        reference: The task whose pass is an epoch; over the curriculum's own.
        checkpoint_every: Epochs between checkpoints that are kept; the phase's end always is.
    """

    name: str
    epochs: int = attrs.field(validator=attrs.validators.ge(1))
    tasks: tuple[str, ...] = ()
    shares: Mapping[str, Level] = attrs.field(factory=dict)
    weights: Mapping[str, Level] = attrs.field(factory=dict)
    filters: Mapping[str, tuple[Level, Level]] = attrs.field(factory=dict)
    ramp: Ramp | None = None
    gate: Gate | None = None
    patience: int = 0
    min_delta: float = 0.0
    reference: str = ""
    checkpoint_every: int = 0


@attrs.frozen
class Curriculum:
    """Phases in order, and what they have in common."""

    phases: tuple[Phase, ...]
    reference: str = "codegen"
    weights: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen
class EpochPlan:
    """What one epoch trains.

    Attributes:
        epoch: From 1, over the run.
        phase: Name of its phase.
        phase_epoch: From 1, in the phase.
        shares: Share of each task that is drawn; they sum to 1.
        weights: Weight of each drawn task's loss.
        filters: Range of each facet that an example may have, both ends included.
        reference: The task whose pass is the epoch.
        checkpoint: Whether the checkpoint after this epoch is kept for good.
        notes: What led here from the epoch before: ended phases and why, gates.
    """

    epoch: int
    phase: str
    phase_epoch: int
    shares: Mapping[str, float]
    weights: Mapping[str, float]
    filters: Mapping[str, tuple[float, float]]
    reference: str
    checkpoint: bool
    notes: tuple[str, ...] = ()


@attrs.frozen
class EpochRecord:
    """What came of an epoch: figures on the validation split by "task/metric", and "loss"."""

    epoch: int
    phase: str
    metrics: Mapping[str, float | None]


@attrs.frozen
class Finished:
    """The curriculum is through."""

    reason: str


def load_curriculum(name: str) -> Curriculum:
    """Return a curriculum by the name of one that comes with core, or from a TOML file.

    Raises:
        ConfigError: It doesn't exist or isn't one; keys are named.
    """
    folder = resources.files("ectrain") / "curricula"
    known = sorted(Path(str(f)).stem for f in folder.iterdir() if str(f).endswith(".toml"))
    try:
        if name in known:
            text = (folder / f"{name}.toml").read_text(encoding="utf-8")
        elif Path(name).is_file():
            text = Path(name).read_text(encoding="utf-8")
        else:
            near = did_you_mean(name, known)
            raise ConfigError(f"curriculum {name!r} is neither a file nor a known name{near}")
        found = structured(tomllib.loads(text), Curriculum, f"curriculum {name}")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"curriculum {name}: {error}") from error
    names = [phase.name for phase in found.phases]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"curriculum {name}: phases need names of their own, found {names}")
    return found


def scaled(curriculum: Curriculum, scale: float) -> Curriculum:
    """Return the curriculum with every count of epochs stretched; none falls below 1."""

    def stretch(epochs: int) -> int:
        return max(1, math.floor(epochs * scale + 0.5)) if epochs else 0

    def level(value: Any) -> Any:
        return attrs.evolve(value, over=stretch(value.over)) if isinstance(value, Ramp) else value

    def phase(p: Phase) -> Phase:
        return attrs.evolve(
            p,
            epochs=stretch(p.epochs),
            shares={k: level(v) for k, v in p.shares.items()},
            weights={k: level(v) for k, v in p.weights.items()},
            filters={k: (level(a), level(b)) for k, (a, b) in p.filters.items()},
            ramp=level(p.ramp),
            gate=p.gate and attrs.evolve(p.gate, extend=stretch(p.gate.extend)),
            checkpoint_every=stretch(p.checkpoint_every),
        )

    return attrs.evolve(curriculum, phases=tuple(map(phase, curriculum.phases)))


def next_epoch(
    curriculum: Curriculum, tasks: Sequence[str], history: Sequence[EpochRecord]
) -> EpochPlan | Finished:
    """Return the epoch after a history: a pure function, so that a resumed run goes the same way.

    Args:
        curriculum: Phases; one whose tasks are none of the run's is left out.
        tasks: Tasks of the run.
        history: What came of every epoch so far, in order.

    Raises:
        ConfigError: No phase trains any of the tasks.
    """
    phases = [phase for phase in curriculum.phases if _active(phase, tasks)]
    if not phases:
        raise ConfigError(
            f"no phase of the curriculum trains {', '.join(tasks)}; expected a phase without "
            "'tasks' or one that names them"
        )
    left = list(history)
    notes: list[str] = []
    for number, phase in enumerate(phases):
        own: list[EpochRecord] = []
        while (ending := _ending(phase, own, tasks)) is None:
            if not left:
                before = set(_active(phases[number - 1], tasks)) if number else None
                epoch = len(history) + 1
                return _plan(curriculum, phase, tasks, before, epoch, len(own) + 1, tuple(notes))
            own.append(left.pop(0))
            notes = []
        notes.append(f"phase {phase.name} ended after epoch {len(history) - len(left)}: {ending}")
        if ending.startswith("stop"):
            return Finished(notes[-1])
    return Finished(notes[-1])


def planned(curriculum: Curriculum, tasks: Sequence[str]) -> list[EpochPlan]:
    """Return all epochs if every phase lasts as long as planned."""
    plans: list[EpochPlan] = []
    history: list[EpochRecord] = []
    while isinstance(plan := next_epoch(curriculum, tasks, history), EpochPlan):
        plans.append(plan)
        history.append(EpochRecord(plan.epoch, plan.phase, {}))
    return plans


def _active(phase: Phase, tasks: Sequence[str]) -> list[str]:
    """Return the run's tasks that a phase draws."""
    wanted = [task for task in tasks if not phase.tasks or task in phase.tasks]
    return [task for task in wanted if phase.shares.get(task, 1.0) != 0]


def _ending(phase: Phase, own: Sequence[EpochRecord], tasks: Sequence[str]) -> str | None:
    """Return why a phase ends after its own epochs, None while it goes on."""
    done = len(own)
    if done < phase.epochs and phase.patience and _flat(own, phase.min_delta) >= phase.patience:
        return f"no lower validation loss for {phase.patience} epochs"
    if done < phase.epochs:
        return None
    gate = phase.gate
    if gate is None or (gate.metric != "loss" and gate.metric.split("/")[0] not in tasks):
        return "its planned length"
    holds = gate.holds(own)
    if holds is None:
        return f"its planned length; gate {gate} was not measured"
    if holds:
        return f"gate {gate} is met"
    if gate.otherwise == "stop":
        return f"stop: gate {gate} is not met"
    if gate.otherwise == "extend" and done < phase.epochs + gate.extend:
        return None
    return f"gate {gate} is not met"


def _flat(own: Sequence[EpochRecord], min_delta: float) -> int:
    """Return for how many measured epochs the loss was not lower; an undefined one never is."""
    best, flat = math.inf, 0
    for record in own:
        if "loss" not in record.metrics:
            continue
        loss = record.metrics["loss"]
        if loss is not None and loss < best - min_delta:
            best, flat = loss, 0
        else:
            flat += 1
    return flat


def _plan(
    curriculum: Curriculum,
    phase: Phase,
    tasks: Sequence[str],
    before: set[str] | None,
    epoch: int,
    phase_epoch: int,
    notes: tuple[str, ...],
) -> EpochPlan:
    active = _active(phase, tasks)

    def at(level: Level) -> float:
        return level.at(phase_epoch) if isinstance(level, Ramp) else float(level)

    shares = {task: at(phase.shares.get(task, 1.0)) for task in active}
    total = sum(shares.values())
    if min(shares.values()) < 0 or total <= 0:
        raise ConfigError(f"phase {phase.name}: shares must be above 0, found {shares}")
    weights = {
        task: at(phase.weights.get(task, curriculum.weights.get(task, 1.0))) for task in active
    }
    if phase.ramp is not None and before is not None:
        for task in active:
            if task not in before:
                weights[task] *= phase.ramp.at(phase_epoch)
    drawn = [task for task in active if shares[task] > 0 and weights[task] != 0]
    if not drawn:
        raise ConfigError(f"phase {phase.name}: every task's share or weight is 0")
    total = sum(shares[task] for task in drawn)
    reference = phase.reference or curriculum.reference
    every = phase.checkpoint_every
    return EpochPlan(
        epoch=epoch,
        phase=phase.name,
        phase_epoch=phase_epoch,
        shares={task: shares[task] / total for task in drawn},
        weights={task: weights[task] for task in drawn},
        filters={name: (at(low), at(high)) for name, (low, high) in phase.filters.items()},
        reference=reference if reference in drawn else drawn[0],
        checkpoint=phase_epoch == phase.epochs or bool(every and phase_epoch % every == 0),
        notes=notes,
    )
