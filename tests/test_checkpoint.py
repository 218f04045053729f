"""Laws of checkpoints: what was saved is had back bit by bit, and what is promised is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from harness import tiny, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from snapshots import FILES, assert_is, damage, snapshot
from torch import Tensor

from ectrain.checkpoint import Checkpoints, Entry, Snapshot, ranked
from ectrain.errors import CheckpointError
from ectrain.manifest import REQUIRED, decode, encode


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for the real disk: what a cut leaves is worked out from the operations."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


# --- round trip -----------------------------------------------------------------------------------

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool)
names = st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__")
tensors = st.builds(
    lambda shape, dtype, seed: torch.randint(
        0, 2**8, shape, generator=torch.Generator().manual_seed(seed)
    ).to(dtype),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    model=st.dictionaries(names, tensors, max_size=4),
    document=plain,
    loss=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    phase=st.text(),
)
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    model: Mapping[str, Tensor],
    document: Any,
    loss: float | None,
    phase: str,
) -> None:
    """Tensors of any kind, JSON of any shape, and every figure of the manifest."""
    saved = attrs.evolve(
        snapshot(7, loss, True, phase), model=model, documents={"state": document, "b": [document]}
    )
    checkpoints = Checkpoints(tmp_path_factory.mktemp("run") / "checkpoints")
    assert checkpoints.save(saved).name == "000007"
    loaded = checkpoints.newest()
    assert loaded is not None
    assert_is(loaded, saved)
    with pytest.raises(CheckpointError, match=r"000007 holds no nothing\.json"):
        loaded.document("nothing")


def test_tied_and_odd_tensors_come_back(tmp_path: Path) -> None:
    """Tensors that share memory, lie across it or need a gradient are saved as what they are."""
    whole = torch.arange(12.0).view(3, 4)
    grown = torch.nn.Parameter(torch.ones(2))
    model = {"a": whole, "b": whole, "c": whole.t(), "d": whole[1:], "e": grown}
    saved = attrs.evolve(snapshot(1), model=model)
    Checkpoints(tmp_path).save(saved)
    loaded = Checkpoints(tmp_path).newest()
    assert loaded is not None
    assert_is(loaded, saved)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_is_unknown(tmp_path: Path, loss: float) -> None:
    """It is stored as null, and never the best."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(snapshot(1, 3.0))
    checkpoints.save(snapshot(2, loss))
    assert [entry.loss for entry in checkpoints.entries()] == [None, 3.0]
    best = checkpoints.best()
    assert best is not None
    assert best.entry.step == 1


# --- which are kept -------------------------------------------------------------------------------

entries = st.lists(
    st.builds(
        Entry,
        path=st.just(Path("x")),
        step=st.integers(0, 99),
        epoch=st.integers(0, 9),
        phase=st.sampled_from("ab"),
        loss=st.none() | st.floats() | st.sampled_from((1.0, 2.0)),
        pinned=st.booleans(),
        files=st.just({}),
    ),
    unique_by=lambda entry: entry.step,
)


@given(found=entries)
def test_the_best_are_the_lowest_of_the_newest_phase(found: list[Entry]) -> None:
    """Measured ones alone; the earliest of equals; never one of another phase."""
    best = ranked(found)
    phase = max(found, key=lambda e: e.step).phase if found else ""
    finite = [e for e in found if e.loss is not None and abs(e.loss) < float("inf")]
    assert sorted(best, key=id) == sorted((e for e in finite if e.phase == phase), key=id)
    keys = [(e.loss or 0.0, e.step) for e in best]
    assert keys == sorted(keys)


@given(found=entries)
def test_a_manifest_comes_back(found: list[Entry]) -> None:
    """What is encoded for a directory is decoded there, and nowhere else."""
    for entry in found:
        sums = dict.fromkeys(REQUIRED, (3, "0" * 64))
        loss = entry.loss if entry in ranked([entry]) else None
        path = Path(f"{entry.step:06d}")
        whole = attrs.evolve(entry, path=path, files=sums, loss=loss)
        assert decode(path, encode(whole)) == whole
        with pytest.raises(CheckpointError, match=f"belongs to step {entry.step}"):
            decode(Path("100000"), encode(whole))


PLATEAU = """
[[phases]]
name = "one"
epochs = 20
patience = 1
min_delta = 1e9
[[phases]]
name = "two"
epochs = 2
"""


def test_the_end_of_a_phase_is_kept_however_it_came(tmp_path: Path) -> None:
    """A phase that a plateau ends long before its planned length leaves its last checkpoint."""
    (tmp_path / "plateau.toml").write_text(PLATEAU)
    few = ("checkpoints.keep_last=1", "checkpoints.keep_best=1", "checkpoints.every_epochs=9")
    config = tiny(f"curriculum={tmp_path / 'plateau.toml'}", "scale=1", *few, tasks=["sorting"])
    run, _ = trained(config, tmp_path / "run")
    kept = [(entry.epoch, entry.phase, entry.pinned) for entry in run.checkpoints.entries()]
    assert kept == [(4, "two", True), (2, "one", True)]


class Life(RuleBasedStateMachine):
    """A run that saves, is damaged, falls back and goes on: what is promised is always there."""

    @initialize(last=st.integers(1, 3), best=st.integers(1, 3), seed=st.integers(0, 2**32))
    def begin(self, last: int, best: int, seed: int) -> None:
        """Start a run."""
        self.root = Path(os.environ["LIFE"]) / f"{seed}-{os.urandom(4).hex()}"
        self.checkpoints = Checkpoints(self.root, last, best)
        self.last, self.best = last, best
        self.saved: dict[int, Snapshot] = {}  # what is promised to be there, by step
        self.step = 0

    @rule(
        ahead=st.integers(1, 3),
        loss=st.sampled_from((None, 1.0, 1.0, 2.0, 3.0, 4.0)),
        pinned=st.integers(0, 5).map(lambda n: n == 0),
        phase=st.sampled_from("aaaaaaab"),
    )
    def save(self, ahead: int, loss: float | None, pinned: bool, phase: str) -> None:
        """Go on a few steps and save."""
        self.step += ahead
        self.saved = {s: saved for s, saved in self.saved.items() if s < self.step}
        self.saved[self.step] = snapshot(self.step, loss, pinned, phase)
        self.checkpoints.save(self.saved[self.step])
        steps = sorted(self.saved, reverse=True)
        own = [self.saved[s] for s in steps if self.saved[s].phase == phase]
        order = sorted((s.loss, s.step) for s in own if s.loss is not None)
        kept = {*steps[: self.last], *(step for _, step in order[: self.best])}
        self.saved = {s: x for s, x in self.saved.items() if s in kept or x.pinned}

    @precondition(lambda self: len(self.saved) > 1)
    @rule(file=st.sampled_from(FILES))
    def fall_back(self, file: str) -> None:
        """Damage the newest checkpoint and go back to the one before."""
        damage(self.root / f"{self.step:06d}" / file)
        del self.saved[self.step]
        self.checkpoints = Checkpoints(self.root, self.last, self.best)
        loaded = self.checkpoints.newest()
        assert loaded is not None
        self.step = loaded.entry.step

    @rule()
    def save_again(self) -> None:
        """Save where it is saved already: a pin and a loss outlive it."""
        if self.saved:
            self.checkpoints.save(snapshot(self.step))

    @invariant()
    def what_was_promised_is_there(self) -> None:
        """The newest is had back, all that is to be kept loads, and nothing else is there."""
        if not getattr(self, "saved", None):
            return
        loaded = self.checkpoints.newest()
        assert loaded is not None
        assert_is(loaded, self.saved[max(self.saved)])
        there = [e for e in self.checkpoints.entries() if e.step <= self.step]
        assert {e.step for e in there} == self.saved.keys()
        for entry in there:
            assert_is(self.checkpoints.load(entry), self.saved[entry.step])


def test_a_life_of_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Best, last and pinned are never removed, everything else is, whatever befalls the run."""
    monkeypatch.setenv("LIFE", str(tmp_path))
    run_state_machine_as_test(
        Life, settings=settings(max_examples=25, stateful_step_count=20, deadline=None)
    )
