"""The curriculum: a pure function from phases and a run's history to its next epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeGuard

import attrs

from ectrain.errors import ConfigError, PluginError, did_you_mean
from ectrain.guard import Decision, decisions, factors
from ectrain.offers import CURRICULA, Offer, harmless, installed
from ectrain.phases import Curriculum, Gate, Level, Phase, Ramp
from ectrain.structure import structured, toml_tables


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
        guarded: What the regression guard decided after the epoch before, or knows the effect of
            since then.
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
    guarded: tuple[Decision, ...] = ()


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
    """Return a curriculum of core, from a TOML file, or of an installed plugin, in this order.

    A plugin's entry point under `ectrain.curricula` is named as its curriculum and refers to a
    `Curriculum`, or to a function without arguments that returns one, or its TOML.

    Raises:
        ConfigError: It doesn't exist or isn't one; keys are named.
        PluginError: The plugin that offers it can't be used; it is named.
    """
    folder = resources.files("ectrain") / "curricula"
    known = sorted(Path(str(f)).stem for f in folder.iterdir() if str(f).endswith(".toml"))
    try:
        if name in known:
            text = (folder / f"{name}.toml").read_text(encoding="utf-8")
        elif Path(name).is_file():
            text = Path(name).read_text(encoding="utf-8")
        else:
            offers = installed(CURRICULA)
            if name not in offers:
                near = did_you_mean(name, [*known, *offers])
                raise ConfigError(f"curriculum {name!r} is neither a file nor a known name{near}")
            found = _offered(offers[name])
            if isinstance(found, Curriculum):
                return found
            text = found
        tables = toml_tables(text)
    except OSError as error:
        raise ConfigError(f"curriculum {name}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise ConfigError(f"curriculum {name}: {error}") from error
    return structured(tables, Curriculum, f"curriculum {name}")


def _offered(offer: Offer) -> Curriculum | str:
    """Return a plugin's curriculum, or the TOML that it is written in."""
    with harmless(offer):
        found = offer.load()
        found = found() if callable(found) else found
    if not isinstance(found, Curriculum | str):
        raise PluginError(
            f"plugin {offer} gives {found!r:.60}, expected a Curriculum, or a text in TOML"
        )
    return found


def scaled(curriculum: Curriculum, scale: float) -> Curriculum:
    """Return the curriculum with every length in epochs stretched; none falls below 1.

    A ramp that ends with its phase still does. Patience stays: it bears noise, not length.
    """

    def stretch(epochs: int) -> int:
        return max(1, math.floor(epochs * scale + 0.5)) if epochs else 0

    def level(value: Any) -> Any:
        if not isinstance(value, Ramp):
            return value
        return attrs.evolve(value, over=max(1, stretch(value.over + 1) - 1))

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
    at = 0  # records that ended phases took
    ended = ""
    for number, phase in enumerate(phases):
        closed = _close(phase, history[at:], tasks)
        if closed is None:
            before = set(_active(phases[number - 1], tasks)) if number else None
            notes = (ended,) if ended and at == len(history) else ()
            epoch, phase_epoch = len(history) + 1, len(history) - at + 1
            plan = _plan(curriculum, phase, tasks, before, epoch, phase_epoch, notes)
            return _guarded(plan, phase, history[at:])
        at, why = at + closed[0], closed[1]
        ended = f"phase {phase.name} ended after epoch {at}: {why}"
        if why.startswith("stop"):
            break
    return Finished(ended)


def _guarded(plan: EpochPlan, phase: Phase, records: Sequence[EpochRecord]) -> EpochPlan:
    """Return a plan with the weights that the phase's guard makes of it."""
    if phase.guard is None or not records:
        return plan
    tasks = list(plan.weights)
    before, now = (
        decisions(phase.guard, [(r.epoch, r.metrics) for r in seen], tasks)
        for seen in (records[:-1], records)
    )
    raised = factors(now)
    weights = {task: weight * raised.get(task, 1.0) for task, weight in plan.weights.items()}
    news = tuple(decision for decision in now if decision not in before)
    return attrs.evolve(plan, weights=weights, guarded=news)


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


def _close(
    phase: Phase, records: Sequence[EpochRecord], tasks: Sequence[str]
) -> tuple[int, str] | None:
    """Return after how many of the records a phase ends, and why; None while it goes on."""
    best, flat = math.inf, 0  # flat: measured epochs in a row whose loss was not lower
    for done, record in enumerate(records, start=1):
        loss = record.metrics.get("loss")
        if _is_measured(loss) and loss < best - phase.min_delta:
            best, flat = loss, 0
        elif "loss" in record.metrics:
            flat += 1
        if done >= phase.epochs:
            if why := _verdict(phase, records[:done][-3:], done, tasks):
                return done, why
        elif phase.patience and flat >= phase.patience:
            return done, f"no lower validation loss for {phase.patience} epochs"
    return None


def _verdict(
    phase: Phase, last: Sequence[EpochRecord], done: int, tasks: Sequence[str]
) -> str | None:
    """Return why a phase that has its length ends, None where its gate extends it."""
    gate = phase.gate
    if gate is None or (gate.metric != "loss" and gate.metric.split("/")[0] not in tasks):
        return "its planned length"
    holds = _holds(gate, last)
    if holds is None:
        return f"its planned length; gate {gate} was not measured"
    if holds:
        return f"gate {gate} is met"
    if gate.otherwise == "stop":
        return f"stop: gate {gate} is not met"
    if gate.otherwise == "extend" and done < phase.epochs + gate.extend:
        return None
    return f"gate {gate} is not met"


def _holds(gate: Gate, last: Sequence[EpochRecord]) -> bool | None:
    """Return whether a gate holds on the mean of some epochs, None where none was measured."""
    found = [record.metrics.get(gate.metric) for record in last]
    values = [value for value in found if _is_measured(value)]
    if not values:
        return None
    mean = sum(values) / len(values)
    return mean < gate.below if gate.below is not None else mean > (gate.above or 0.0)


def _is_measured(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


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
