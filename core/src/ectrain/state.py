"""How far a run is: all of its progress that isn't weights, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ectrain.batches import Batch
from ectrain.curriculum import EpochRecord
from ectrain.structure import plain, structured


@attrs.define
class TrainState:
    """Progress of a run.

    Attributes:
        step: Optimizer steps done.
        epoch: Epochs closed.
        epoch_step: Steps done of the epoch that is open.
        phase: Phase of the epoch that is open, or of the last one.
        tokens: Real tokens trained on.
        seconds: Time spent in steps.
        history: What came of each closed epoch.
        drawn: Examples of each task that closed epochs drew.
    """

    step: int = 0
    epoch: int = 0
    epoch_step: int = 0
    phase: str = ""
    tokens: int = 0
    seconds: float = 0.0
    history: tuple[EpochRecord, ...] = ()
    drawn: Mapping[str, int] = attrs.field(factory=dict)

    def count(self, batch: Batch) -> None:
        """Take note of a step that was done."""
        self.step += 1
        self.epoch_step += 1
        self.tokens += batch.tokens

    def close_epoch(self, record: EpochRecord, drawn: Mapping[str, int]) -> None:
        """Take note of an epoch that was trained and measured, and of what was drawn by its end."""
        self.history = (*self.history, record)
        self.epoch = record.epoch
        self.epoch_step = 0
        self.drawn = dict(drawn)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        found: dict[str, Any] = plain(self)
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], place: str) -> TrainState:
        """Return what `to_dict` gave, found at `place`."""
        return structured(data, cls, place)
