"""Laws of what a run won't go on from: other settings, data, tokens, damaged checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
from harness import (
    LINES,
    Stopper,
    call,
    contents,
    make_plugin,
    on_path,
    outcome,
    stopped,
    tiny,
    trained,
    words,
    write_lines,
)

from ectrain.build import prepare
from ectrain.errors import CheckpointError, ConfigError
from ectrain.run import Run
from ectrain.tokenizer import Tokenizer

ECHO = ("tasks.echo.size=24", "scale=0.25")
SMALL = (*ECHO, "tasks.sorting.size=24")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run's directory."""
    out = tmp_path_factory.mktemp("whole") / "run"
    trained(tiny(*SMALL), out)
    return out


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """Return a finished run's directory that may be spoiled."""
    return shutil.copytree(whole, tmp_path / "run")


def test_changed_settings_are_refused_unless_allowed(tmp_path: Path) -> None:
    """A setting that shapes what is learned is named with both values; a flag lets it change."""
    out = tmp_path / "run"
    stopped(tiny(*SMALL), out, Stopper(6))
    other = (*SMALL, "optimizer.rate=0.02", "step.examples=4")
    given = ["run", *words(*other), "--out", str(out)]
    done = call(*given)
    assert done.exit_code == 2
    assert "optimizer.rate was 0.01 and is 0.02; step.examples was 8 and is 4" in done.stderr
    assert "--allow-change optimizer.rate --allow-change step.examples" in done.stderr
    allow = ["--allow-change", "optimizer.rate", "--allow-change", "step.examples"]
    done = call(*given, *allow)
    assert done.exit_code == 0, done.stderr
    assert "warning: setting optimizer.rate was 0.01 and is 0.02, as --allow-change" in done.stderr
    kept = json.loads((out / "training_config.json").read_bytes())
    assert kept["optimizer"]["rate"] == 0.02


@pytest.mark.parametrize("change", ["trunk.heads=1", "trunk.rope_base=500", "tokenizer.size=400"])
def test_another_model_is_refused_though_it_is_allowed(finished: Path, change: str) -> None:
    """No flag lets weights be read as another model's, even where their shapes would fit."""
    key, allowed = change.split("=")[0], change.split("=")[0]
    with pytest.raises(ConfigError, match=f"{key} was .*; choose another --out"):
        prepare(tiny(*SMALL, change), finished, allowed=[allowed])


def test_another_task_is_refused(finished: Path) -> None:
    """A run goes on with its own tasks alone."""
    done = call("run", *words(*ECHO, tasks="echo"), "--out", str(finished))
    assert done.exit_code == 2
    assert "tasks.sorting" in done.stderr
    assert "choose another --out" in done.stderr


def test_a_tokenizer_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights beside a tokenizer of other ids are refused, for training and for use."""
    other = Tokenizer.train(["zyx"], 320).to_json()
    plain = Run._snapshot
    with monkeypatch.context() as patch:
        patch.setattr(Run, "_snapshot", lambda *x: attrs.evolve(plain(*x), tokenizer=other))
        trained(tiny(*SMALL), tmp_path / "run")
    for given in (["run", *words(*SMALL), "--out"], ["eval"]):
        done = call(*given, str(tmp_path / "run"))
        assert done.exit_code == 6
        assert "its weights were trained with tokenizer " in done.stderr
        assert ", found tokenizer " in done.stderr


def spoil(checkpoint: Path, file: str, how: str) -> None:
    """Truncate a file of a checkpoint, flip one of its bits, or take it away."""
    path = checkpoint / file
    data = bytearray(path.read_bytes())
    if how == "changed":
        data[len(data) // 2] ^= 1
    path.write_bytes(data[: len(data) // 2] if how == "cut" else data)
    if how == "gone":
        path.unlink()


DAMAGE = [
    ("model.safetensors", "cut"),
    ("model.safetensors", "changed"),
    ("optim.safetensors", "gone"),
    ("MANIFEST.json", "cut"),
]


@pytest.mark.parametrize(("file", "how"), DAMAGE)
def test_a_damaged_checkpoint_is_passed_over(
    whole: Path, tmp_path: Path, file: str, how: str
) -> None:
    """The newest checkpoint that verifies is taken; the damaged one is named with its fault."""
    out = tmp_path / "run"
    stopped(tiny(*SMALL), out, Stopper(8))
    spoil(max(out.glob("checkpoints/0*")), file, how)
    done = call("run", *words(*SMALL), "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert f"warning: checkpoint passed over: {out}/checkpoints/" in done.stderr
    assert file in done.stderr
    assert outcome(out) == outcome(whole)


@pytest.mark.parametrize(("file", "how"), DAMAGE)
def test_a_run_whose_checkpoints_are_all_damaged_is_refused(
    finished: Path, file: str, how: str
) -> None:
    """A run is never started over in silence: without a good checkpoint the exit code is 6."""
    for checkpoint in finished.glob("checkpoints/[0-9]*"):
        spoil(checkpoint, file, how)
    before = contents(finished)
    for given in (["run", *words(*SMALL), "--out"], ["eval"]):
        done = call(*given, str(finished))
        assert done.exit_code == 6
        assert "holds no checkpoint that verifies" in done.stderr
        assert done.stderr.count(file) >= 2
    assert contents(finished) == before


def test_changed_data_is_refused(tmp_path: Path) -> None:
    """Training data that is not what the checkpoint saw is refused, even under the same ids."""
    data = write_lines(tmp_path / "data")
    for _ in on_path(make_plugin(tmp_path / "site", LINES, ["lines"]), ["lines"]):
        config: Any = tiny(f"tasks.lines.data='{data}'", tasks=("lines",))
        stopped(config, tmp_path / "run", Stopper(3))
        lines = (data / "train.jsonl").read_text().replace('"text": "a', '"text": "d')
        (data / "train.jsonl").write_text(lines)
        with pytest.raises(CheckpointError, match="training data of task lines is not what"):
            prepare(config, tmp_path / "run")


PHASES = """
reference = "echo"
[[phases]]
name = "easy"
epochs = 2
filters.length = [1, 5]
[[phases]]
name = "hard"
epochs = 1
"""


def test_a_changed_curriculum_is_refused_unless_allowed(tmp_path: Path) -> None:
    """What a curriculum's file says otherwise than before is named; a flag lets it change."""
    file, out = tmp_path / "phases.toml", tmp_path / "run"
    file.write_text(PHASES)
    config = tiny(*ECHO, f"curriculum='{file}'", "scale=1", tasks=("echo",))
    stopped(config, out, Stopper(2))
    file.write_text(PHASES.replace("[1, 5]", "[2, 5]").replace("epochs = 1", "epochs = 2"))
    named = (
        r"curriculum\.easy\.filters\.length was \[1\.0, 5\.0\] and is \[2\.0, 5\.0\]; "
        r"curriculum\.hard\.epochs was 1 and is 2; --allow-change curriculum$"
    )
    with pytest.raises(ConfigError, match=named):
        prepare(config, out)
    file.write_text(PHASES + '[[phases]]\nname = "last"\nepochs = 1\n')
    with pytest.raises(ConfigError, match=r"curriculum\.phases was \['easy', 'hard'\] and is"):
        prepare(config, out)
    run, recorder = trained(config, out, allowed=["curriculum"])
    assert run.state.epoch == 4
    said = [event["message"] for event in recorder.of("warning")]
    assert any("curriculum.phases was" in message for message in said)
