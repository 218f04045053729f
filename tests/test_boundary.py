"""Laws of the plugin boundary: a fault is named with task, part, step and examples."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from harness import Recorder, outcome, saved, tiny, trained
from torch import Tensor, nn
from toys import Letters, Presence

from ectrain import inspection
from ectrain.build import prepare
from ectrain.errors import EctrainError, NonFiniteError, PluginError
from ectrain.loop import train
from ectrain.packing import pack
from ectrain.task import NO_TARGET, Estimate, Segment

SMALL = tiny("scale=0.25", "tasks.sorting.size=24", tasks=("sorting",))


class PanicError(BaseException):
    """What a native library raises in place of an exception."""


def spoiled(out: Path) -> tuple[EctrainError, Recorder]:
    """Train until it fails, and return the error with what was told."""
    run, recorder = prepare(SMALL, out), Recorder()
    with pytest.raises(EctrainError) as raised:
        train(run, recorder)
    return raised.value, recorder


def after(calls: int, plain: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does as it always did so many times, then something else."""
    count = [0]

    def call(*given: Any, **more: Any) -> Any:
        count[0] += 1
        return plain(*given, **more) if count[0] <= calls else then(*given, **more)

    return call


KINDS = [
    ValueError("a\nb"),
    SystemExit(3),
    PanicError("index out of bounds"),
    StopIteration("x"),
    RecursionError("deep"),
    MemoryError(),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("part", ["encode", "loss", "head", "examples", "metrics"])
def test_whatever_a_task_raises_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, kind: BaseException
) -> None:
    """Every part and kind of exception ends the run with exit code 4, task, part and sentence."""

    def fail(*given: Any) -> Any:
        raise kind

    monkeypatch.setattr(Letters, part, fail)
    with pytest.raises(PluginError, match=f"task sorting failed in {part}.*{type(kind).__name__}"):
        trained(SMALL, tmp_path / "run")


def test_the_end_of_the_process_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a task's code is Ctrl-C."""

    def stop(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Letters, "loss", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(SMALL, tmp_path / "run")


def test_a_fault_in_a_step_names_its_examples_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Task, part, step and ids are told; the run goes on from there once the task is mended."""
    with monkeypatch.context() as patch:

        def fail(*given: Any) -> Any:
            raise IndexError("no such label")

        patch.setattr(Letters, "loss", after(8, Letters.loss, fail))  # one look, 4 steps, 1 epoch
        error, recorder = spoiled(tmp_path / "run")
    examples = r"examples ('train-\d+', ){4}'train-\d+' and 3 more"
    assert re.fullmatch(
        r"task sorting failed in loss: IndexError: no such label; "
        rf"at step 5, {examples}; the run is saved at step 4 in .*; the same command goes on",
        str(error),
    )
    assert error.exit_code == 4
    assert [event["step"] for event in recorder.of("step")] == [1, 2, 3, 4]
    trained(SMALL, tmp_path / "run")
    trained(SMALL, tmp_path / "whole")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_a_fault_in_the_background_names_its_example_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails while a later step is made ready names the example, and loses no step."""
    plain = Letters.encode

    def encode(self: Letters, example: Any, *given: Any) -> Any:
        if example.id == "train-20":
            raise KeyError("x")
        return plain(self, example, *given)

    monkeypatch.setattr(Letters, "encode", encode)
    run = prepare(SMALL, tmp_path / "run")
    with pytest.raises(PluginError, match="in encode for example 'train-20': KeyError: 'x'; ") as e:
        train(run, Recorder())
    step = run.state.step
    assert ("nothing was learned yet" if step == 0 else f"saved at step {step}") in str(e.value)


def test_nan_names_the_example_that_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a step's examples, the one whose loss is not finite is found."""
    poisoned = tiny("tasks.sorting.poison=train-5", tasks=("sorting",))
    with pytest.raises(NonFiniteError, match=r"loss is nan at step \d+; example 'train-5'; the"):
        trained(poisoned, tmp_path / "run")


def test_a_fault_in_measuring_names_its_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A metric that fails on held-out data is named with it, and the epoch's steps are saved."""

    def fail(*given: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(Presence, "update", after(1, Presence.update, fail))
    error, _ = spoiled(tmp_path / "run")
    where = "metric 'accuracy': ZeroDivisionError: no message; examples 'val-0', 'val-1'"
    assert where in str(error)
    assert "the run is saved at step 3" in str(error)


# --- what a task gives back -----------------------------------------------------------------------


class Answer(nn.Module):
    """A head whose answer is made into something else."""

    def __init__(self, head: nn.Module, spoil: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.head, self.spoil = head, spoil

    def forward(self, rows: Any) -> Any:
        """Return what was made of the answer."""
        return self.spoil(self.head(rows))


OUTPUTS: list[tuple[Callable[[Tensor], Any], str]] = [
    (lambda output: None, "its head gives None, expected tensors"),
    (lambda output: {"a": [output * math.nan]}, r"output\['a'\]\[0\] of its head, \[8, 6\] of"),
    (lambda output: output.to("meta"), "output of its head is on meta, expected cpu"),
]


@pytest.mark.parametrize(("spoil", "said"), OUTPUTS, ids=["nothing", "nan", "device"])
def test_an_answer_that_no_loss_can_take_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Tensor], Any],
    said: str,
) -> None:
    """A head's output is looked at in the first step that has it: there, on its device, no NaN."""
    plain = Letters.head
    monkeypatch.setattr(Letters, "head", lambda self, trunk: Answer(plain(self, trunk), spoil))
    with pytest.raises(PluginError, match=f"task sorting: {said}.*at step 1, examples"):
        trained(SMALL, tmp_path / "run")


MEANS: list[tuple[Callable[[Tensor, Any], Tensor], str]] = [
    (lambda loss, targets: loss / targets.count, "over targets"),
    (lambda loss, targets: loss / len(targets.values_sw), "over targets"),  # of equal numbers
]


@pytest.mark.parametrize(("reduce", "said"), MEANS, ids=["targets", "segments"])
def test_a_mean_is_told_from_a_sum(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reduce: Callable[[Tensor, Any], Tensor],
    said: str,
) -> None:
    """A loss that was divided by a count stops the first step, and says what to change."""
    plain = Letters.loss

    def loss(self: Letters, output: Tensor, targets: Any) -> Tensor:
        return reduce(plain(self, output, targets), targets)

    monkeypatch.setattr(Letters, "loss", loss)
    with pytest.raises(PluginError, match=f"its loss is a mean {said}: .* expected their sum"):
        trained(SMALL, tmp_path / "run")
    assert not list((tmp_path / "run/checkpoints").glob("*"))


def test_a_sum_of_something_else_is_left_to_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is neither sum nor mean is not accused of being a mean."""
    plain = Letters.loss

    def loss(self: Letters, output: Tensor, targets: Any) -> Tensor:
        return plain(self, output, targets) ** 0.5

    monkeypatch.setattr(Letters, "loss", loss)
    trained(SMALL, tmp_path / "run")


FIGURES: list[tuple[Any, str]] = [
    (3.0, "metric 'accuracy' computes 3.0, expected figures by name"),
    ({"a/b": 1.0}, "a figure is named 'accuracy.a/b', expected 1 to 60"),
    ({"x" * 1000: 1.0}, "a figure is named 'accuracy.xxxxx"),
    ({"": "high"}, "figure 'accuracy' is 'high', expected a number or None"),
]


@pytest.mark.parametrize(("given", "said"), FIGURES, ids=["bare", "slash", "long", "text"])
def test_figures_that_no_log_can_hold_are_refused_in_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, said: str
) -> None:
    """A metric that gives something else than figures by name is named before an epoch is lost."""
    monkeypatch.setattr(Presence, "compute", lambda self: given)
    error, recorder = spoiled(tmp_path / "run")
    assert f"task sorting: {said}" in str(error)
    assert len(str(error)) < 600
    assert not recorder.of("step")


ESTIMATES: list[tuple[Any, str]] = [
    ([1], r"gives \[1\], expected estimates by name"),
    ({"a b": Estimate(0.5)}, "an estimate is named 'a b', expected"),
    ({"a": Estimate(math.nan)}, "the value of a is nan, expected a finite number or None"),
    ({"a": Estimate(0.5, 3, torch.tensor(0.1))}, "the low of a is tensor"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("given", "said"), ESTIMATES, ids=["list", "name", "nan", "tensor"])
def test_estimates_that_no_report_can_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, said: str
) -> None:
    """Estimates have names, and numbers that are finite or absent."""
    monkeypatch.setattr(Letters, "baselines", lambda self: given)
    with pytest.raises(PluginError, match=f"task sorting.*{said}"):
        trained(SMALL, tmp_path / "run")


def test_a_close_look_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that draws random numbers is as it would be if nobody had looked."""
    plain: Mapping[str, Any] = {"head": Letters.head}
    monkeypatch.setattr(
        Letters, "head", lambda self, t: nn.Sequential(plain["head"](self, t), nn.Dropout(0.5))
    )
    trained(SMALL, tmp_path / "one")
    monkeypatch.setattr("ectrain.inspection.FirstLook.at", lambda self, batch: None)
    trained(SMALL, tmp_path / "two")
    one, two = saved(tmp_path / "one", 6), saved(tmp_path / "two", 6)
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("task", ["sorting", "presence"])
def test_a_close_look_takes_a_few_whole_segments(task: str) -> None:
    """What is looked at are segments of the step with all of their targets, in a smaller pack."""
    random = np.random.default_rng(0)
    given: dict[tuple[int, ...], Segment] = {}
    for _ in range(90):
        tokens = random.integers(1, 99, random.integers(3, 40))
        labels = np.where(tokens % 3 == 0, NO_TARGET, tokens * 7)
        given[tuple(tokens.tolist())] = Segment(tokens, labels=labels, notes=tokens.astype(float))
    values = [
        attrs.evolve(
            s, prefix=len(s.tokens), labels=None, notes=None, values=np.full(2, n, np.float32)
        )
        for n, s in enumerate(given.values())
    ]
    sorting, presence = (
        [(name, s) for s in x] for name, x in (("sorting", given.values()), ("presence", values))
    )
    whole = pack([*sorting, *presence])
    few = inspection._few(task, whole)
    rows = few.tasks[task]
    assert inspection.FEW <= len(rows.lengths_s) < 90
    assert len(few.tokens_t) == sum(slab.segments * slab.length for slab in few.slabs)
    numbers = [*given]
    first = targets = 0
    for place, length in enumerate(rows.lengths_s.tolist()):
        index = rows.index_n[first : first + length]
        segment = given[tuple(few.tokens_t[index].tolist())]
        assert few.positions_t[index].tolist() == [*range(length)]
        if task == "presence":
            assert rows.targets.values_sw is not None
            assert rows.targets.values_sw[place, 0] == numbers.index(tuple(segment.tokens.tolist()))
        else:
            assert segment.labels is not None
            kept = segment.labels != NO_TARGET
            mine = slice(targets, targets + int(kept.sum()))
            assert rows.targets.tokens_m[mine].tolist() == segment.labels[kept].tolist()
            assert rows.target_index_m[mine].tolist() == index[torch.from_numpy(kept)].tolist()
            targets = mine.stop
        first += length


def test_a_task_that_encodes_slowly_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task whose `encode` takes longer than the steps do is warned of, once."""
    plain = Letters.encode

    def slow(*given: Any) -> Segment:
        time.sleep(0.02)
        return plain(*given)

    monkeypatch.setattr(Letters, "encode", slow)
    recorder = Recorder()
    train(prepare(SMALL, tmp_path / "run"), recorder)
    warnings = [event["message"] for event in recorder.of("warning")]
    assert sum("task sorting: its encode takes more than 30%" in text for text in warnings) == 1
    assert recorder.of("step")[-1]["encoding"]["sorting"] > 0.3
