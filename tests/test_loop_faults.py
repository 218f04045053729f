"""Faults in the training loop: named with their task, before any weight has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import Recorder, encoded, saved, step_losses, tiny, trained
from torch import Tensor
from toys import Letters, Word, words

from ectrain.batches import lay_out
from ectrain.build import prepare
from ectrain.errors import NonFiniteError, PluginError
from ectrain.loop import StepResult, train, train_step
from ectrain.run import Run
from ectrain.task import Segment

WEIGHTS = {"echo": 0.7, "sorting": 2.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Recorder]:
    """Return a run that was trained to its end."""
    return trained(tiny(), tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a run that has not begun."""
    run = prepare(tiny(), tmp_path_factory.mktemp("still") / "run")
    with run.held:
        yield run


def test_a_loss_of_nan_stops_before_the_optimizer(
    tmp_path: Path, whole: tuple[Run, Recorder]
) -> None:
    """A NaN names its task and step, weights and optimizer stay as the step before left them."""
    run, recorder = prepare(tiny("tasks.sorting.poison=train-5"), tmp_path / "run"), Recorder()
    with pytest.raises(NonFiniteError) as raised:
        train(run, recorder)
    before = run.state.step
    assert 0 < before < 12
    said = f"task sorting: loss is nan at step {before + 1}; example 'train-5'; the run"
    assert str(raised.value).startswith(said)
    assert f"saved at step {before} in {tmp_path}" in str(raised.value)
    clean = step_losses(whole[1].events)
    assert step_losses(recorder.events) == {n: clean[n] for n in range(1, before + 1)}
    kept = saved(tmp_path / "run", before)
    assert all(torch.equal(kept[name], x) for name, x in run.model.state_dict().items())
    assert all(bool(x.isfinite().all()) for x in kept.values())
    counts = [x for name, x in saved(tmp_path / "run", before, "optim").items() if "step" in name]
    assert {int(x) for x in counts} == {before}
    assert recorder.events[-1]["status"] == "failed"


def test_a_measured_checkpoint_is_not_lost_to_nan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A NaN in an epoch's first step leaves the checkpoint of the epoch before, with its loss."""
    plain, calls = Letters.loss, list[bool]()

    def loss(self: Letters, output: Tensor, targets: Any) -> Tensor:
        calls.append(torch.is_grad_enabled())
        return plain(self, output, targets) * (torch.nan if sum(calls) > 12 else 1.0)

    monkeypatch.setattr(Letters, "loss", loss)
    with pytest.raises(NonFiniteError, match=r"step 13; .*; the run is saved at step 12"):
        trained(tiny(), tmp_path / "run")
    manifest = json.loads((tmp_path / "run/checkpoints/000012/MANIFEST.json").read_bytes())
    assert manifest["loss"] == pytest.approx(0.8, abs=0.3)


LOSSES: list[tuple[Callable[[Tensor], Any], str]] = [
    (lambda loss: loss.reshape(1), "task sorting: loss has shape [1], expected a scalar tensor"),
    (lambda loss: 3.0, "task sorting: loss has 3.0, expected a scalar tensor"),
    (lambda loss: None, "task sorting: loss has None"),
    (lambda loss: loss.detach(), "task sorting: its loss is detached from its head"),
    (lambda loss: 1 / 0, "task sorting failed in loss: ZeroDivisionError"),
]


@pytest.mark.parametrize(("spoil", "said"), LOSSES, ids=lambda x: x if isinstance(x, str) else "")
def test_a_loss_that_is_no_sum_is_named(
    still: Run, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Tensor], Any], said: str
) -> None:
    """A loss that is a vector, no tensor, or detached stops the step and names the task."""
    plain = Letters.loss
    monkeypatch.setattr(Letters, "loss", lambda self, *given: spoil(plain(self, *given)))
    with pytest.raises(PluginError) as raised:
        train_step(still.learner, lay_out(encoded(still, [("sorting", 3)]), 100), WEIGHTS)
    assert said in str(raised.value)


def test_a_gradient_of_infinity_is_refused(still: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every loss is finite and the gradient isn't, the step is refused, too."""
    plain = Letters.loss

    def loss(self: Letters, output: Tensor, targets: Any) -> Tensor:
        steep = (output - output.detach()).sum().sqrt()  # 0, with an infinite slope
        return plain(self, output, targets) + steep

    monkeypatch.setattr(Letters, "loss", loss)
    with pytest.raises(NonFiniteError, match=r"gradient's norm is .* though every loss is finite"):
        train_step(still.learner, lay_out(encoded(still, [("sorting", 3)]), 100), WEIGHTS, 7)


def test_a_step_without_targets_changes_nothing(still: Run) -> None:
    """A batch that asks for nothing has a loss of 0 and no gradient."""
    (name, segment) = encoded(still, [("echo", 0)])[0]
    blank = Segment(segment.tokens, labels=None)
    assert train_step(still.learner, lay_out([(name, blank)], 100), WEIGHTS) == StepResult(
        {"echo": 0.0}, 0.0
    )


SIZES = (8, 12, 4, 9)  # of the data that is made before each epoch


def test_new_data_is_made_before_an_epoch_and_used_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`refresh` comes once before each epoch, and what it made is what that epoch draws."""
    told: list[int] = []
    drawn: list[tuple[int, str]] = []
    plain_encode = Letters.encode

    def examples(self: Letters, split: Any) -> list[Word]:
        epoch = max(told, default=0)
        found = words(split, 8 if split != "train" else SIZES[epoch])
        return [Word(f"{split}-{epoch}-{n}", w.group, w.text) for n, w in enumerate(found)]

    def encode(self: Letters, example: Word, *given: Any) -> Segment:
        if told and example.id.startswith("train"):
            drawn.append((told[-1], example.id))
        return plain_encode(self, example, *given)

    monkeypatch.setattr(Letters, "refresh", lambda self, model, epoch: told.append(epoch))
    monkeypatch.setattr(Letters, "examples", examples)
    monkeypatch.setattr(Letters, "encode", encode)
    trained(tiny(tasks=("sorting",)), tmp_path / "run")
    assert told == [1, 2, 3]
    assert sorted(drawn) == sorted(
        (epoch, f"train-{epoch}-{n}") for epoch in told for n in range(SIZES[epoch])
    )
