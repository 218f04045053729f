"""Laws of tasks that make their own data: made from the weights an epoch began with, ever again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from harness import Stopper, outcome, saved, stopped, tiny, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Echo, Word

from ectrain import data
from ectrain.errors import PluginError
from ectrain.generation import Sampling, generate
from ectrain.model import Model
from ectrain.task import Split

STEPS = 18  # three epochs of six
MADE = 48  # examples of an epoch
ALONE = tiny("tasks.echo.size=48", tasks=("echo",))


class Babbler(Echo):
    """Learns to repeat what its own model says."""

    made: Sequence[Word] = ()

    def examples(self, split: Split) -> Sequence[Word]:
        """Return what was made, else words."""
        return self.made if split == "train" and self.made else super().examples(split)

    def refresh(self, model: Model, epoch: int) -> None:
        """Let the model write, and torch draw."""
        prompts = [self.prompt(f"{letter}:", model.tokenizer) for letter in "abcdef"]
        sampling = Sampling(temperature=1.0)
        each = MADE // len(prompts)
        given = generate(
            model, self.name, prompts, max_new_tokens=5, sampling=sampling, samples=each, seed=epoch
        )
        found = [model.tokenizer.decode(one.tokens) for samples in given for one in samples]
        drawn = torch.randint(0, 10, (len(found),)).tolist()
        self.made = [
            Word(f"train-{epoch}-{n}", f"train-{n}", f"{text}{digit}")
            for n, (text, digit) in enumerate(zip(found, drawn, strict=True))
        ]


@pytest.fixture(scope="module", autouse=True)
def _babbling() -> Iterator[None]:
    """Let the task `echo` make its own data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_tasks", lambda names: {"echo": Babbler})
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, _babbling: None) -> Path:
    """Return a finished run's directory."""
    out = tmp_path_factory.mktemp("whole") / "run"
    trained(ALONE, out)
    return out


@settings(max_examples=6, deadline=None)
@given(cuts=st.sets(st.integers(1, STEPS - 1), min_size=1, max_size=3))
def test_a_run_on_data_of_its_own_goes_on_as_if_it_had_not_stopped(
    whole: Path, cuts: set[int]
) -> None:
    """Stopped anywhere, once or often, a task's data is made from the same weights again."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        for step in sorted(cuts):
            stopped(ALONE, out, Stopper(step))
        trained(ALONE, out)
        assert outcome(out) == outcome(whole)


def test_weights_of_an_epochs_start_are_kept_inside_it_alone(tmp_path: Path, whole: Path) -> None:
    """A checkpoint inside an epoch holds the weights that it began with; one between none."""
    stopped(ALONE, tmp_path / "run", Stopper(8))
    kept, before = saved(tmp_path / "run", 8, "epoch_start"), saved(whole, 6)
    assert all(torch.equal(kept[name], x) for name, x in before.items())
    assert not list(whole.glob("checkpoints/*/epoch_start.safetensors"))


def test_a_task_that_changes_the_model_while_it_makes_data_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model comes back from making data as it was, or the run stops with the weight's name."""

    def refresh(self: Any, model: Model, epoch: int) -> None:
        with torch.no_grad():
            model.trunk.embedding.weight.mul_(1.01)

    monkeypatch.setattr(Babbler, "refresh", refresh)
    with pytest.raises(PluginError, match=r"refresh for epoch 1 changes trunk\.embedding\.weight"):
        trained(ALONE, tmp_path / "run")


def test_the_mode_in_which_data_is_made_is_that_of_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data is made in evaluation mode, in the first epoch and in a later one."""
    modes: list[bool] = []
    monkeypatch.setattr(Babbler, "refresh", lambda self, model, epoch: modes.append(model.training))
    trained(ALONE, tmp_path / "run")
    assert modes == [False] * 3
