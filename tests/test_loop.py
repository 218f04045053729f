"""Laws of the training loop: exact sums, tasks that leave each other alone, named faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import Recorder, saved, step_losses, tiny, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import Letters, Word, words

from ectrain.batches import lay_out
from ectrain.build import prepare
from ectrain.errors import NonFiniteError, PluginError
from ectrain.events import read_events
from ectrain.loop import StepResult, train, train_step
from ectrain.optimizer import set_rate
from ectrain.packing import pack
from ectrain.run import Run
from ectrain.task import Segment

WEIGHTS = {"echo": 0.7, "sorting": 2.0}

segments_of_a_step = st.lists(
    st.tuples(st.sampled_from(("echo", "sorting")), st.integers(0, 47)), min_size=1, max_size=9
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Recorder]:
    """Return a run that was trained to its end."""
    return trained(tiny(), tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return a run that takes steps of length 0: its weights stay, whatever is tried on it."""
    run = prepare(tiny("optimizer.clip=1e9"), tmp_path_factory.mktemp("still") / "run")
    set_rate(run.learner.optimizer, 0.0)
    with run.held:
        yield run


def encoded(run: Run, drawn: list[tuple[str, int]]) -> list[tuple[str, Segment]]:
    """Encode some training examples."""
    sources = run.draws.drawable
    return [
        (name, run.encoder.encode(name, sources[name].task, sources[name].examples[n], n))
        for name, n in drawn
    ]


def alone(run: Run, segments: list[tuple[str, Segment]]) -> tuple[dict[str, float], list[Tensor]]:
    """Return losses and gradients as the formula has them: each segment in a pass of its own."""
    losses = {name: torch.zeros(()) for name, _ in segments}
    targets = dict.fromkeys(losses, 0)
    for name, segment in segments:
        only = pack([(name, segment)])
        output = run.model(only)[name]
        losses[name] = losses[name] + run.model.tasks[name].loss(output, only.tasks[name].targets)
        targets[name] += segment.target_count
    total = sum(loss * WEIGHTS[name] / targets[name] for name, loss in losses.items())
    run.model.zero_grad(set_to_none=True)
    assert isinstance(total, Tensor)
    total.backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in run.model.parameters() if p.grad is not None]
    return {name: float(loss.detach()) for name, loss in losses.items()}, gradients


@settings(max_examples=30, deadline=None)
@given(drawn=segments_of_a_step, max_tokens=st.integers(1, 80))
def test_a_step_is_exact_over_any_packs(
    still: Run, drawn: list[tuple[str, int]], max_tokens: int
) -> None:
    """However a step is cut into packs, losses and gradients are those of its formula."""
    segments = encoded(still, drawn)
    losses, gradients = alone(still, segments)
    batch = lay_out(segments, max_tokens)
    result = train_step(still.learner, batch, WEIGHTS)
    assert result.losses == pytest.approx(losses, rel=1e-5)
    found = [p.grad for p in still.model.parameters() if p.grad is not None]
    assert len(found) == len(gradients)
    for mine, reference in zip(found, gradients, strict=True):
        torch.testing.assert_close(mine, reference, atol=1e-6, rtol=1e-4)
    norm = torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients]))
    assert result.grad_norm == pytest.approx(float(norm), rel=1e-4)


def test_the_gradient_is_clipped_before_the_step(still: Run) -> None:
    """The norm that is told is the gradient's own; what the optimizer sees is cut to the limit."""
    batch = lay_out(encoded(still, [("echo", 1), ("sorting", 2)]), 100)
    still.learner.clip, before = 0.01, still.learner.clip
    try:
        result = train_step(still.learner, batch, WEIGHTS)
    finally:
        still.learner.clip = before
    seen = torch.cat([p.grad.flatten() for p in still.model.parameters() if p.grad is not None])
    assert result.grad_norm > 0.1
    assert float(torch.linalg.vector_norm(seen)) == pytest.approx(0.01, rel=1e-3)


def test_both_losses_fall(whole: tuple[Run, Recorder]) -> None:
    """In a short run each task's loss falls, on what is trained and on what is held out."""
    seen = list(step_losses(whole[1].events).values())
    history = whole[0].state.history
    assert len(seen) == whole[0].total_steps == 36
    for task, share in (("echo", 0.7), ("sorting", 0.85)):
        first, last = (sum(x[task] for x in part) for part in (seen[:6], seen[-6:]))
        assert last < share * first
    assert history[-1].metrics["echo/loss"] < 0.8 * history[0].metrics["echo/loss"]  # type: ignore[operator]


def test_the_log_on_disk_is_what_was_told(whole: tuple[Run, Recorder]) -> None:
    """Every event that an observer gets is a line of the log, and the other way round."""
    lines = list(read_events(whole[0].directory / "events.jsonl"))
    assert [e["event"] for e in lines] == [e["event"] for e in whole[1].events]
    assert step_losses(lines) == step_losses(whole[1].events)


def test_a_logged_line_weighs_its_steps_by_targets(
    whole: tuple[Run, Recorder], tmp_path: Path
) -> None:
    """A line over many steps holds each task's loss per target of all of them."""
    _, coarse = trained(tiny("log_seconds=1000"), tmp_path / "run")
    steps, lines = whole[1].of("step"), coarse.of("step")
    assert [line["step"] for line in lines] == [12, 24, 36]
    for line, fine in zip(lines, (steps[:12], steps[12:24], steps[24:]), strict=True):
        for task, loss in line["losses"].items():
            targets = sum(e["targets"][task] for e in fine)
            total = sum(e["losses"][task] * e["targets"][task] for e in fine)
            assert line["targets"][task] == targets
            assert loss == pytest.approx(total / targets)


# --- tasks leave each other alone -----------------------------------------------------------------

ABSENT = 'reference = "echo"\n[[phases]]\nname = "a"\nepochs = 2\ntasks = ["echo"]\n'
UNWEIGHTED = 'reference = "echo"\nweights.sorting = 0\n[[phases]]\nname = "a"\nepochs = 2\n'


@pytest.mark.parametrize("curriculum", [ABSENT, UNWEIGHTED], ids=["absent", "weight 0"])
def test_a_task_that_is_not_trained_changes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curriculum: str
) -> None:
    """With a task absent or of weight 0, another's run is bit for bit the one without it."""
    monkeypatch.setattr(Letters, "texts", lambda self, word: ["other", "texts", word.text * 3])
    file = tmp_path / "phases.toml"
    file.write_text(curriculum)
    given = (f"curriculum='{file}'", "scale=1")
    trained(tiny(*given, tasks=("echo",)), tmp_path / "one")
    trained(tiny(*given, tasks=("sorting", "echo")), tmp_path / "two")
    one, two = saved(tmp_path / "one", 12), saved(tmp_path / "two", 12)
    shared = [name for name in two if not name.startswith("heads.sorting")]
    assert sorted(one) == sorted(shared)
    assert all(torch.equal(one[name], two[name]) for name in shared)


def test_a_head_of_random_numbers_is_repeatable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout in a head draws by seed and step: two runs are equal, another seed is not."""
    plain = Letters.head
    monkeypatch.setattr(
        Letters, "head", lambda self, trunk: nn.Sequential(plain(self, trunk), nn.Dropout(0.5))
    )
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.rand(17)  # what the process drew before must not matter
        trained(tiny(f"seed={seed}", tasks=("sorting",)), tmp_path / name)
    a, b, c = (saved(tmp_path / name, 18) for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["trunk.embedding.weight"], c["trunk.embedding.weight"])


# --- faults ---------------------------------------------------------------------------------------


def test_a_loss_of_nan_stops_before_the_optimizer(
    tmp_path: Path, whole: tuple[Run, Recorder]
) -> None:
    """A NaN names its task and step, weights and optimizer stay as the step before left them."""
    run, recorder = prepare(tiny("tasks.sorting.poison=train-5"), tmp_path / "run"), Recorder()
    with pytest.raises(NonFiniteError) as raised:
        train(run, recorder)
    before = run.state.step
    assert 0 < before < 12
    assert str(raised.value).startswith(f"task sorting: loss is nan at step {before + 1}; the run")
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
    with pytest.raises(NonFiniteError, match="step 13; the run is saved at step 12"):
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
