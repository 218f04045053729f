"""Laws of a disk that fills up while a run is trained: it ends in words, and goes on the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Container
from pathlib import Path

import pytest
from harness import Recorder, outcome, step_losses, tiny, trained

from ectrain.build import prepare
from ectrain.errors import NonFiniteError, ResourceError
from ectrain.events import Event, read_events
from ectrain.loop import train
from ectrain.storage import Storage

SMALL = ("tasks.echo.size=24", "tasks.sorting.size=24")  # three epochs of six steps
OPERATIONS = 150  # of such a run, at least


class Disk(Storage):
    """A disk that can be full.

    Args:
        part: Only what has this in its path is refused.
        at: The operation at which it fills up for good; 0 for none.
    """

    def __init__(self, part: str = "", at: int = 0) -> None:
        self._part, self._at = part, at
        self.full = False
        self.operations = 0

    def before(self, operation: str, path: Path) -> None:
        """Refuse to write where it is full."""
        self.operations += 1
        self.full = self.full or self.operations == self._at
        if self.full and operation not in ("read", "list", "remove") and self._part in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


class Filler(Recorder):
    """Fills a disk for the length of some epochs."""

    def __init__(self, disk: Disk, epochs: Container[int]) -> None:
        super().__init__()
        self._disk, self._epochs = disk, epochs

    def on_event(self, event: Event) -> None:
        """Keep it, and fill or empty the disk where an epoch begins."""
        super().on_event(event)
        if event["event"] == "epoch_started":
            self._disk.full = event["epoch"] in self._epochs


def filled(out: Path, part: str, epochs: Container[int]) -> Recorder:
    """Train with a disk that is full in some epochs."""
    disk = Disk(part)
    filler = Filler(disk, epochs)
    train(prepare(tiny(*SMALL), out, storage=disk), filler)
    return filler


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run's directory."""
    out = tmp_path_factory.mktemp("whole") / "run"
    trained(tiny(*SMALL), out)
    return out


@pytest.mark.parametrize("epochs", [(1,), (3,), (1, 2, 3)])
def test_no_space_for_a_checkpoint_that_is_needed(
    whole: Path, tmp_path: Path, epochs: tuple[int, ...]
) -> None:
    """Without a first or last checkpoint the run ends; with space again it comes to the same."""
    out = tmp_path / "run"
    with pytest.raises(ResourceError, match=r"can't save checkpoint .*: no space left .* MiB are"):
        filled(out, "checkpoints", epochs)
    left = sorted(path.name for path in out.glob("checkpoints/*"))
    assert left == (["000006", "000012"] if epochs == (3,) else [])
    trained(tiny(*SMALL), out)
    assert outcome(out) == outcome(whole)


def test_no_space_for_a_checkpoint_between_others(whole: Path, tmp_path: Path) -> None:
    """With a checkpoint behind it, training warns and goes on, and the outcome is the same."""
    recorder = filled(tmp_path / "run", "checkpoints", (2,))
    (warning,) = recorder.of("warning")
    assert "no space left on device" in warning["message"]
    assert "training goes on, the last checkpoint is older" in warning["message"]
    assert outcome(tmp_path / "run") == outcome(whole)


def test_no_space_for_the_log(whole: Path, tmp_path: Path) -> None:
    """Events wait in memory while the disk is full, and none is lost."""
    recorder = filled(tmp_path / "run", "events.jsonl", (2,))
    (warning,) = recorder.of("warning")
    assert "events wait in memory" in warning["message"]
    assert outcome(tmp_path / "run") == outcome(whole)
    lines = list(read_events(tmp_path / "run/events.jsonl"))
    assert step_losses(lines) == step_losses(recorder.events)


def test_a_full_disk_hides_no_other_fault(tmp_path: Path) -> None:
    """Where a run that got a NaN can't be saved, both are said, the NaN first."""
    disk = Disk("checkpoints", at=1)
    with pytest.raises(
        NonFiniteError, match=r"task sorting: loss is nan .*; can't save checkpoint"
    ):
        trained(tiny(*SMALL, "tasks.sorting.poison=train-5"), tmp_path / "run", storage=disk)


@pytest.mark.parametrize("at", range(1, OPERATIONS, 7))
def test_a_disk_that_fills_at_any_operation(whole: Path, tmp_path: Path, at: int) -> None:
    """Whichever operation is the first to fail, the run ends in words, then comes to the same."""
    out, disk = tmp_path / "run", Disk(at=at)
    try:
        trained(tiny(*SMALL), out, storage=disk)
        said = ""
    except ResourceError as error:
        said = str(error)
    assert said == "" or "no space left on device" in said
    assert disk.operations >= at
    trained(tiny(*SMALL), out)
    assert outcome(out) == outcome(whole)
