"""Laws of stopping and going on: bit for bit the run that was never stopped."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import (
    Recorder,
    Stopper,
    call,
    contents,
    outcome,
    stopped,
    tiny,
    trained,
    words,
)
from torch import nn
from toys import Letters

from ectrain.batches import Batch
from ectrain.build import prepare
from ectrain.digest import digest
from ectrain.events import Event, read_events
from ectrain.loop import train
from ectrain.state import TrainState

ECHO = ("tasks.echo.size=24", "scale=0.25")
SMALL = (*ECHO, "tasks.sorting.size=24")  # two epochs of six steps


class Copier(Recorder):
    """Copies the run's directory at every event: what a process killed there leaves behind."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out

    def on_event(self, event: Event) -> None:
        """Keep it, and copy."""
        super().on_event(event)
        shutil.copytree(self._out, self._out.with_name(f"killed-{len(self.events)}"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run's directory; beside it lie copies of it at each of its events."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(prepare(tiny(*SMALL), out), Copier(out))
    return out


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """Return a finished run's directory that may be spoiled."""
    return shutil.copytree(whole, tmp_path / "run")


# --- going on -------------------------------------------------------------------------------------


def test_a_run_stopped_anywhere_goes_on_as_if_it_had_not(whole: Path, tmp_path: Path) -> None:
    """Asked to stop at any of its events and started again, a run comes to the very same."""
    for at in range(1, len(list(whole.parent.glob("killed-*")))):
        out, stopper = tmp_path / str(at), Stopper(event=at)
        error = stopped(tiny(*SMALL), out, stopper)
        all_trained = any(event["event"] == "phase_ended" for event in stopper.events[:at])
        assert error.exit_code == 75
        assert all_trained or "the run is saved at step" in str(error), at
        trained(tiny(*SMALL), out)
        assert outcome(out) == outcome(whole), at


def test_a_run_killed_anywhere_goes_on_as_if_it_had_not(whole: Path) -> None:
    """What a process that was killed at any event left on the disk comes to the very same."""
    copies = list(whole.parent.glob("killed-*"))
    assert len(copies) > 12  # steps
    for out in copies:
        trained(tiny(*SMALL), out)
        assert outcome(out) == outcome(whole), out.name


@pytest.mark.parametrize("steps", [(2, 4), (1, 2, 3), (6, 7), (6, 11), (3, 9, 10)])
def test_a_run_stopped_again_and_again(whole: Path, tmp_path: Path, steps: Sequence[int]) -> None:
    """Twice in one epoch, at its end or in each epoch: the outcome stays the same."""
    for step in steps:
        stopped(tiny(*SMALL), tmp_path / "run", Stopper(step, number=signal.SIGINT))
    trained(tiny(*SMALL), tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(whole)


def test_a_second_signal_stops_at_once(whole: Path, tmp_path: Path) -> None:
    """Two signals wait for nothing; the last checkpoint is what the run goes on from."""
    error = stopped(tiny(*SMALL), tmp_path / "run", Stopper(9, number=signal.SIGINT, times=2))
    assert (error.exit_code, str(error)) == (130, "stopped at once; nothing new was saved")
    _, recorder = trained(tiny(*SMALL), tmp_path / "run")
    assert recorder.events[0]["resumed_from"].endswith("000006")
    assert outcome(tmp_path / "run") == outcome(whole)


def test_an_epoch_whose_checkpoint_is_not_due_is_saved_when_stopped(tmp_path: Path) -> None:
    """Stopped in the last step of an epoch that isn't saved by plan, the run loses nothing."""
    rare = (*SMALL, "checkpoints.every_epochs=5")
    trained(tiny(*rare), tmp_path / "whole")
    error = stopped(tiny(*rare), tmp_path / "run", Stopper(6))
    assert f"saved at step 6 in {tmp_path / 'run/checkpoints/000006'}" in str(error)
    trained(tiny(*rare), tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_random_numbers_of_a_head_go_on_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head with dropout is as exact over a stop as any other."""
    plain = Letters.head
    monkeypatch.setattr(
        Letters, "head", lambda self, trunk: nn.Sequential(plain(self, trunk), nn.Dropout(0.5))
    )
    trained(tiny(*SMALL), tmp_path / "whole")
    stopped(tiny(*SMALL), tmp_path / "run", Stopper(5))
    trained(tiny(*SMALL), tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


# --- a finished run -------------------------------------------------------------------------------


def test_a_finished_run_is_left_as_it_is(whole: Path, finished: Path) -> None:
    """The same command again says that all is done, exits with 0 and changes no file."""
    given = ["run", *words(*SMALL), "--out", str(finished)]
    assert call(*given).exit_code == 0  # writes the report, which this run has none of yet
    before = contents(finished)
    done = call(*given)
    assert done.exit_code == 0
    assert "already complete" in done.stderr
    assert contents(finished) == before
    refused = call(*given, "--no-resume")
    assert refused.exit_code == 2
    assert "holds a run already; choose another --out, or --resume" in refused.stderr


def test_a_stop_is_an_interruption_in_the_log(tmp_path: Path) -> None:
    """The log's last word on a run that was stopped says so, and the report claims nothing."""
    stopper = Stopper(6)
    error = stopped(tiny(*SMALL), tmp_path / "run", stopper)
    end = stopper.events[-1]
    assert (end["event"], end["status"], len(end["claims"])) == ("run_ended", "interrupted", 0)
    assert end["reason"] == str(error)


def test_what_was_trained_before_a_stop_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps since the last line are in the log when a run is stopped, and none is there twice."""
    rare = (*SMALL, "log_seconds=1000")
    plain = TrainState.count

    def count(self: TrainState, batch: Batch) -> None:
        plain(self, batch)
        if self.step == 4:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(TrainState, "count", count)
        stopped(tiny(*rare), tmp_path / "run", Recorder())
    trained(tiny(*rare), tmp_path / "run")
    lines = list(read_events(tmp_path / "run/events.jsonl"))
    assert [e["step"] for e in lines if e["event"] == "step"] == [4, 6, 12]


def test_steps_that_are_trained_again_count_once() -> None:
    """Of a run that a crash threw back, only the last course of each step is told."""

    def line(step: int, loss: float) -> dict[str, Any]:
        return {"event": "step", "step": step, "epoch": 1, "losses": {"echo": loss}}

    before = [line(2, 5.0), line(4, 4.0), line(6, 3.0)]
    again = [line(3, 4.5), line(5, 3.5)]
    assert digest([*before, {"event": "run_started"}, *again]).train == {
        1: {"echo": [5.0, 4.5, 3.5]}
    }


def test_free_settings_may_change(whole: Path, tmp_path: Path) -> None:
    """What changes nothing that is learned may differ, and does change nothing."""
    stopped(tiny(*SMALL), tmp_path / "run", Stopper(6))
    free = ("device.keep_memory=true", "checkpoints.keep_last=5", "evaluation.budget_seconds=3")
    trained(tiny(*SMALL, *free), tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(whole)
