"""Laws of the training loop: exact sums, tasks that leave each other alone, named faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from harness import Recorder, encoded, saved, step_losses, tiny, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import Letters

from ectrain.batches import lay_out
from ectrain.build import prepare
from ectrain.events import read_events
from ectrain.loop import train_step
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
    unscaled = ("optimizer.clip=1e9", "optimizer.scale_losses=off")
    run = prepare(tiny(*unscaled), tmp_path_factory.mktemp("still") / "run")
    set_rate(run.learner.optimizer, 0.0)
    with run.held:
        yield run


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
