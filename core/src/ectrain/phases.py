"""A curriculum as data: phases with their tasks, shares, weights, filters and gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from ectrain.errors import ConfigError, did_you_mean
from ectrain.guard import Guard
from ectrain.structure import FieldError, between


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
    over: int = attrs.field(default=5, validator=between(1))

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
    extend: int = attrs.field(default=5, validator=between(0))

    def __attrs_post_init__(self) -> None:
        """Refuse a gate without exactly one bound."""
        if (self.below is None) == (self.above is None):
            raise ConfigError(f"a gate on {self.metric!r} needs either 'below' or 'above'")

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
        guard: How the weight of a task that gets worse is raised; it stays as it is without.
        patience: Epochs without a lower validation loss after which the phase ends; 0 for never.
        min_delta: By how much a validation loss must be lower to count.
        reference: The task whose pass is an epoch; over the curriculum's own.
        checkpoint_every: Epochs between checkpoints that are kept; the phase's end always is.
    """

    name: str
    epochs: int = attrs.field(validator=between(1))
    tasks: tuple[str, ...] = ()
    shares: Mapping[str, Level] = attrs.field(factory=dict)
    weights: Mapping[str, Level] = attrs.field(factory=dict)
    filters: Mapping[str, tuple[Level, Level]] = attrs.field(factory=dict)
    ramp: Ramp | None = None
    gate: Gate | None = None
    guard: Guard | None = None
    patience: int = attrs.field(default=0, validator=between(0))
    min_delta: float = attrs.field(default=0.0, validator=between(0))
    reference: str = ""
    checkpoint_every: int = attrs.field(default=0, validator=between(0))

    def __attrs_post_init__(self) -> None:
        """Refuse names and numbers that can't be meant."""
        for field, levels in (("shares", self.shares), ("weights", self.weights)):
            _refuse_negative(levels, field)
        for facet, (low, high) in self.filters.items():
            if any(a > b for a, b in zip(_ends(low), _ends(high), strict=True)):
                raise ConfigError(f"filters.{facet}: its lowest value is above its highest")
        if self.tasks:
            named = [*self.shares, *self.weights, *filter(None, [self.reference])]
            for name in named:
                if name not in self.tasks:
                    near = did_you_mean(name, self.tasks)
                    raise ConfigError(f"names {name!r}, which is none of its 'tasks'{near}")


@attrs.frozen
class Curriculum:
    """Phases in order, and what they have in common.

    Attributes:
        phases: The phases, one table each.
        reference: The task whose pass is an epoch.
        weights: How much a task's loss counts, by task (1 where not named).
    """

    phases: tuple[Phase, ...]
    reference: str = "codegen"
    weights: Mapping[str, float] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Refuse phases that can't be told apart."""
        names = [phase.name for phase in self.phases]
        if not names:
            raise FieldError("phases", "at least one", self.phases)
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigError(f"two phases are named {twice[0]!r}")
        _refuse_negative(self.weights, "weights")


def _ends(level: Level) -> tuple[float, float]:
    return (level.start, level.end) if isinstance(level, Ramp) else (level, level)


def _refuse_negative(levels: Mapping[str, Level], field: str) -> None:
    for name, level in levels.items():
        if min(_ends(level)) < 0:
            raise FieldError(f"{field}.{name}", "0 or more", min(_ends(level)))
