"""Laws of progress: it counts what was done, and all of it outlives a stop."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.batches import Batch
from ectrain.curriculum import EpochRecord
from ectrain.errors import ConfigError
from ectrain.state import TrainState

counts = st.integers(0, 2**62)
figures = st.dictionaries(st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False))
records = st.builds(EpochRecord, counts, st.text(), figures)
states = st.builds(
    TrainState,
    step=counts,
    epoch=counts,
    epoch_step=counts,
    phase=st.text(),
    tokens=counts,
    seconds=st.floats(0, 1e9),
    history=st.lists(records, max_size=4).map(tuple),
)


@given(state=states)
def test_progress_survives_json(state: TrainState) -> None:
    """What is stored in a checkpoint is the state, exactly; no field is left out."""
    stored = json.loads(json.dumps(state.to_dict(), allow_nan=False))
    assert TrainState.from_dict(stored, "checkpoint") == state


def test_steps_and_epochs_are_counted() -> None:
    """A step counts its tokens; an epoch that closes begins the next at its first step."""
    state = TrainState()
    for tokens in (3, 4):
        state.count(Batch((), {}, tokens))
    assert (state.step, state.epoch_step, state.tokens) == (2, 2, 7)
    record = EpochRecord(1, "p", {"loss": None})
    state.close_epoch(record, {"a": 9})
    assert (state.step, state.epoch, state.epoch_step, state.history) == (2, 1, 0, (record,))
    assert state.drawn == {"a": 9}


def test_another_versions_progress_is_named() -> None:
    """A field that is not known, or of another type, is refused with its place."""
    with pytest.raises(ConfigError, match="000010: unknown key 'stp'; did you mean 'step'"):
        TrainState.from_dict({"stp": 1}, "000010")
    with pytest.raises(ConfigError, match="000010: tokens: expected an integer, found None"):
        TrainState.from_dict({"tokens": None}, "000010")
