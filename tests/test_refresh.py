"""Laws of tasks that make their own data: made from the weights an epoch began with, ever again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from harness import Stopper, encoded, outcome, saved, stopped, tiny, trained
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from toys import Echo, Word

from ectrain import data
from ectrain.build import prepare
from ectrain.errors import PluginError
from ectrain.generation import Sampling, generate
from ectrain.model import Model, load_model
from ectrain.packing import pack
from ectrain.parts import TokenHead, TokenOutput
from ectrain.task import Rows, Split, TrunkShape

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


def test_weights_that_data_was_first_made_from_are_kept_where_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are at hand in every `refresh`, in a run that goes on and in a model that is loaded."""
    seen: list[dict[str, torch.Tensor]] = []

    def refresh(self: Any, model: Model, epoch: int) -> None:
        seen.append({name: x.clone() for name, x in model.origin.items()})

    monkeypatch.setattr(Babbler, "refresh", refresh)
    monkeypatch.setattr(Babbler, "keeps_origin", lambda self: True)
    stopped(ALONE, tmp_path / "run", Stopper(8))
    first = prepare(ALONE, tmp_path / "new")
    expected = {name: x.clone() for name, x in first.model.state_dict().items()}
    first.held.close()
    trained(ALONE, tmp_path / "run")
    seen.append(dict(load_model(tmp_path / "run").origin))
    assert len(seen) == 5  # two epochs, the second again, the third; the loaded model
    for found in seen:
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], x) for name, x in expected.items())


class Borrower(Echo):
    """Acts through another task's head."""

    name = "borrower"

    def borrows(self) -> str:
        """Return the other's name."""
        return "echo"

    def head(self, trunk: TrunkShape) -> nn.Module:
        """Return what has no weights."""
        return Through()


class Through(nn.Module):
    """Predicts tokens with the other head, or plainly where there is none."""

    def forward(self, rows: Rows) -> TokenOutput:
        """Return the output at the tokens that have a target."""
        other, hidden_md = rows.borrowed, rows.target_hidden_md
        adapted_md = other.adapt(hidden_md) if isinstance(other, TokenHead) else hidden_md
        return TokenOutput(adapted_md, rows.vocabulary_vd)


def test_a_borrowed_head_is_the_other_tasks(tmp_path: Path) -> None:
    """Both tasks see the same weights, which are saved once; alone there is nothing to borrow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_tasks", lambda names: {n: KINDS[n] for n in names})
        run = prepare(tiny(tasks=("borrower", "echo")), tmp_path / "run")
        drawn = [(name, n) for name in ("borrower", "echo") for n in range(3)]
        laid_out = pack([(name, segment) for name, segment in encoded(run, drawn)])
        with torch.no_grad():
            up = run.model.heads["echo"].get_parameter("up.weight").normal_()
        mine = run.model(laid_out)["borrower"].hidden_md
        mine.sum().backward()
        assert up.grad is not None
        assert not [name for name in run.model.state_dict() if name.startswith("heads.borrower")]
        alone = prepare(tiny(tasks=("borrower",)), tmp_path / "alone")
        assert alone.model.borrowed("borrower") is None
        alone.model(pack([("borrower", encoded(alone, [("borrower", 0)])[0][1])]))
        for each in (run, alone):
            each.held.close()


KINDS = {"borrower": Borrower, "echo": Echo}
