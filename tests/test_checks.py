"""Laws of the pre-training checks: sound tasks pass, and each check fails for its own reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import call, tiny, words
from torch import nn
from toys import Letters, Word

from ectrain.checks import Check, run_checks
from ectrain.config import RunConfig
from ectrain.parts import LabelHead
from ectrain.task import Segment, TrunkShape

NAMES = (
    "plugins",
    "data",
    "curriculum",
    "tokenizer",
    "model",
    "device",
    "gradients",
    "parameters",
)


def checked(config: RunConfig) -> dict[str, Check]:
    """Return the checks by name."""
    return {check.name: check for check in run_checks(config)}


def fails(config: RunConfig, name: str, said: str, code: int) -> None:
    """Assert that a check fails for this reason, and what comes after it is not claimed."""
    found = checked(config)
    failed = found[name]
    assert (failed.ok, failed.exit_code) == (False, code)
    assert said in failed.message
    assert all(found[n].ok for n in NAMES[: NAMES.index(name)])
    for later in NAMES[NAMES.index(name) + 1 :]:
        if later != "device":
            assert (found[later].ok, found[later].exit_code) == (False, 1)
            assert found[later].message == "not checked: what it needs has failed"


def test_sound_tasks_pass() -> None:
    """On the toys every check passes, in order, and says what it saw."""
    found = checked(tiny())
    assert tuple(found) == NAMES
    assert all(check.ok and check.exit_code == 0 for check in found.values())
    assert [c.item[-1] for c in found.values()] == ["1", "1", "1", "2", "3", "4", "5", "6"]
    assert found["plugins"].message == "loaded echo, sorting; balancer fixed"
    assert found["data"].message.startswith("echo 48 / 12 / 12; sorting 48 / 12 / 12 examples")
    assert "3 epochs in 1 phases" in found["curriculum"].message
    assert "cpu in float32" in found["device"].message
    assert "gradients are finite and reach trunk and heads" in found["gradients"].message


def test_parameters_are_counted_once() -> None:
    """The counts are those of the model's own weights; trunk and heads make up the whole."""
    message = checked(tiny())["parameters"].message
    total, trunk, echo, sorting = (
        int(w.replace(",", "")) for w in message.split() if w[0].isdigit()
    )
    assert total == trunk + echo + sorting
    assert (echo, sorting) == (2 * 16 * 4, 2 * 16 * 6 + 6)


def test_a_plugin_that_is_missing() -> None:
    """5.1.1.1: a task that nobody offers, and a setting that a task doesn't know."""
    fails(tiny(tasks=("ecko",)), "plugins", "did you mean 'echo'?", 2)
    fails(tiny("tasks.echo.sise=3"), "plugins", "unknown key 'sise'; did you mean 'size'?", 2)


@pytest.mark.parametrize(
    ("examples", "said", "code"),
    [
        ({"val": []}, "task sorting: split val is empty", 3),
        ({"test": [Word("a", "x", "a")]}, "id 'a' is in train and test", 3),
        ({"val": [Word("b", "v", "b"), Word("b", "v", "b")]}, "id 'b' is in val and val", 3),
        ({"test": [Word("t", "v", "b")]}, "group 'v' is in val and test", 3),
        ({"train": [{"id": "a"}]}, "AttributeError: 'dict' object has no attribute 'id'", 4),
    ],
)
def test_data_that_leaks_or_lacks(
    monkeypatch: pytest.MonkeyPatch, examples: dict[str, Any], said: str, code: int
) -> None:
    """5.1.1.1: an empty split, an id given twice, a group in two splits, items that are none."""
    sound = {
        s: [Word(s[0] if s != "train" else "a", s[0], "abc")] for s in ("train", "val", "test")
    }
    monkeypatch.setattr(Letters, "examples", lambda self, split: {**sound, **examples}[split])
    fails(tiny(tasks=("sorting",)), "data", said, code)


def test_a_curriculum_that_trains_a_task_never(tmp_path: Path) -> None:
    """5.1.1.1: a task without a phase is named, and so is a curriculum that isn't there."""
    phases = tmp_path / "phases.toml"
    phases.write_text('[[phases]]\nname = "a"\nepochs = 1\ntasks = ["echo"]\n')
    fails(tiny(f"curriculum='{phases}'"), "curriculum", "phases.toml trains sorting", 3)
    fails(tiny("curriculum=shart"), "curriculum", "did you mean 'short'?", 2)


def test_a_tokenizer_that_mixes_control_and_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """5.1.1.2: a control token that text can spell out, and a size without room."""
    with monkeypatch.context() as patch:
        patch.setattr(Letters, "control_tokens", lambda self: ("a",))
        fails(tiny(), "tokenizer", "control token 'a'", 4)
    many = tuple(f"<t{n}>" for n in range(100))
    with monkeypatch.context() as patch:
        patch.setattr(Letters, "control_tokens", lambda self: many)
        fails(tiny(), "tokenizer", "tokenizer.size 320 has no room for 102 control tokens", 2)
    odd: list[tuple[str, Any, str]] = [
        ("control_tokens", (3,), ": control_tokens gave [3], expected strings"),
        ("symbols", ("",), ": symbols gave [''], expected strings"),
        ("symbols", None, " failed in symbols: TypeError"),
    ]
    for part, given, said in odd:
        with monkeypatch.context() as patch:
            patch.setattr(Letters, part, lambda self, given=given: given)
            fails(tiny(), "tokenizer", f"task sorting{said}", 4)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            lambda self, trunk: LabelHead(TrunkShape(trunk.width + 1, 9), 6),
            "sorting failed in head",
        ),
        (lambda self, trunk: None, "task sorting: head is None, expected a torch module"),
        (lambda self, trunk: 1 / 0, "task sorting failed in head: ZeroDivisionError"),
    ],
    ids=["width", "none", "raises"],
)
def test_a_head_that_does_not_fit(monkeypatch: pytest.MonkeyPatch, head: Any, said: str) -> None:
    """5.1.1.3: a head of another width, one that is none, one that can't be built."""
    monkeypatch.setattr(Letters, "head", head)
    fails(tiny(), "model", said, 4)


def test_a_segment_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """5.1.1.3: an example that is longer than the trunk reads is named before training."""
    long = Segment(torch.zeros(65, dtype=torch.long).numpy())
    monkeypatch.setattr(Letters, "encode", lambda *_: long)
    fails(tiny(), "model", "task sorting, example 'train-0': 65 tokens, the trunk takes 64", 4)


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [("abacus", "expected auto, cpu, cuda", 2), ("mps", "is not on this machine", 7)],
)
def test_a_device_that_is_not_there(name: str, said: str, code: int) -> None:
    """5.1.1.4: a device that torch doesn't know or have, though all before it passed."""
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has such a device")
    fails(tiny(f"device.name={name}"), "device", said, code)


class Blind(nn.Module):
    """A head whose output depends on its own weights alone."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(6))

    def forward(self, rows: Any) -> torch.Tensor:
        """Return the weights for each segment."""
        return self.bias.expand(len(rows.lengths_s), -1)


class Frozen(LabelHead):
    """A head whose own weights do nothing."""

    def forward(self, rows: Any) -> torch.Tensor:
        """Return the trunk's first outputs."""
        ends = rows.lengths_s.cumsum(0) - 1
        found: torch.Tensor = rows.hidden_nd[ends, :6]
        return found


def test_gradients_that_do_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """5.1.1.5: a loss that is detached or NaN, no target, no gradient in the trunk or the head."""
    plain = Letters.loss
    losses: list[tuple[Any, str]] = [
        (lambda *x: plain(*x).detach(), "task sorting: its loss is detached from its head"),
        (lambda *x: plain(*x) * torch.nan, "task sorting: the loss of its first examples is nan"),
        (lambda *x: plain(*x)[None], "task sorting: loss has shape [1], expected a scalar"),
    ]
    for loss, said in losses:
        with monkeypatch.context() as patch:
            patch.setattr(Letters, "loss", loss)
            fails(tiny(), "gradients", said, 4)
    for head, said in ((Blind, "reaches the trunk"), (Frozen, "reaches the head")):
        with monkeypatch.context() as patch:
            make = (lambda self, trunk: Blind()) if head is Blind else lambda self, t: Frozen(t, 6)
            patch.setattr(Letters, "head", make)
            fails(tiny(), "gradients", f"task sorting: no gradient {said}", 4)
    blank = Segment(torch.zeros(3, dtype=torch.long).numpy())
    monkeypatch.setattr(Letters, "encode", lambda *_: blank)
    monkeypatch.setattr(Letters, "loss", lambda self, output, targets: output.sum() * 0)
    fails(tiny(), "gradients", "task sorting: its first 4 examples have no target", 4)


def test_checks_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` and a dry run print a line for each check, exit with the failing one's code."""
    monkeypatch.chdir(tmp_path)
    done = call("check", *words())
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "all 8 checks passed"
    assert [line.split()[2] for line in done.stdout.splitlines()[:-1]] == [f"{n}:" for n in NAMES]
    bad = words("device.name=abacus")
    assert call("check", *bad).exit_code == 2
    document = json.loads(call("run", *bad, "--dry-run", "--json").stdout)
    assert [c["ok"] for c in document["checks"]] == [True] * 5 + [False] * 3
    assert not list(tmp_path.iterdir())
