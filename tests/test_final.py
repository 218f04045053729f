"""What a finished run leaves: the final model, and a report that is never overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from harness import call, contents, tiny, trained, words

from ectrain.checkpoint import Checkpoints
from ectrain.errors import CheckpointError, ResourceError
from ectrain.final import keep_model, publish
from ectrain.model import load_model
from ectrain.storage import Storage


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run that was trained to its end, in a `runs` folder."""
    out = tmp_path_factory.mktemp("data") / "runs" / "toys"
    trained(tiny(), out)
    return out


def test_the_final_model_is_the_best_one(finished: Path, tmp_path: Path) -> None:
    """5.1.6.3: what is loaded from it has the weights of the best checkpoint, bit for bit."""
    keep_model(finished, tmp_path / "final")
    best, kept = load_model(finished).state_dict(), load_model(tmp_path / "final").state_dict()
    assert best.keys() == kept.keys()
    assert all(torch.equal(best[name], kept[name]) for name in best)


def test_it_holds_what_using_it_needs(finished: Path, tmp_path: Path) -> None:
    """5.9.3.4: configuration and tokenizer byte for byte, a card, no state of the optimizer."""
    out = tmp_path / "final"
    keep_model(finished, out)
    for name in ("training_config.json", "tokenizer.json"):
        assert (out / name).read_bytes() == (finished / name).read_bytes()
    card = (out / "README.md").read_text()
    assert "trained on echo, sorting" in card
    assert "not for" in card
    loaded = Checkpoints(out / "checkpoints").best()
    assert loaded is not None
    assert loaded.tensors("optim") == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["final"]


def test_commands_take_it_for_a_run(finished: Path, tmp_path: Path) -> None:
    """It is measured like the run that it comes from."""
    keep_model(finished, tmp_path / "final")
    one, two = (call("eval", str(p), "--tasks", "sorting") for p in (finished, tmp_path / "final"))
    assert one.exit_code == two.exit_code == 0
    assert one.stdout == two.stdout


def test_reports_are_never_overwritten(finished: Path, tmp_path: Path) -> None:
    """5.9.4.4: two runs that end in one second have two reports; one run has one, however often."""
    assert publish(finished, tmp_path) == publish(finished, tmp_path)
    other = tmp_path / "runs" / "other"
    shutil.copytree(finished, other)
    with (other / "events.jsonl").open("r+") as file:
        text = file.read().replace('"seed": 0', '"seed": 7')
        file.seek(0)
        file.write(text)
    published = publish(other, tmp_path)
    assert published is not None
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(names) == 2
    assert names[0].startswith("training-2")
    assert published.report.name in names


def test_an_older_run_takes_no_place_back(finished: Path, tmp_path: Path) -> None:
    """A run that was published before leaves the model of a newer one."""
    publish(finished, tmp_path)
    card = tmp_path / "models" / "final" / "README.md"
    card.write_text("a newer run's")
    publish(finished, tmp_path)
    assert card.read_text() == "a newer run's"


def test_a_run_without_an_end_is_not_published(finished: Path, tmp_path: Path) -> None:
    """What was stopped has no final model."""
    stopped = tmp_path / "runs" / "stopped"
    shutil.copytree(finished, stopped)
    lines = (stopped / "events.jsonl").read_text().splitlines(keepends=True)
    (stopped / "events.jsonl").write_text("".join(lines[:-1]))
    assert publish(stopped, tmp_path / "data") is None
    assert not (tmp_path / "data").exists()


def test_a_full_disk_leaves_the_old_model(finished: Path, tmp_path: Path) -> None:
    """Where the new one can't be written, the old one stays whole."""

    class Full(Storage):
        def before(self, operation: str, path: Path) -> None:
            if operation == "write" and path.name == "model.safetensors":
                raise OSError(28, "No space left on device", str(path))

    out = tmp_path / "final"
    keep_model(finished, out)
    before = contents(out)
    with pytest.raises(ResourceError, match="no space left"):
        keep_model(finished, out, Full())
    assert contents(out) == before


def test_no_checkpoint_no_model(finished: Path, tmp_path: Path) -> None:
    """A run whose checkpoints are damaged is refused, naming them."""
    damaged = tmp_path / "damaged"
    shutil.copytree(finished, damaged)
    for path in damaged.glob("checkpoints/*/model.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        keep_model(damaged, tmp_path / "final")


def test_run_says_where_the_model_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run in `data/runs` ends with its model in `data/models/final` and a report by date."""
    monkeypatch.chdir(tmp_path)
    done = call("run", *words())
    assert "model    data/models/final" in done.stdout
    assert len(list((tmp_path / "data" / "reports").iterdir())) == 1
    assert load_model(tmp_path / "data" / "models" / "final").tasks.keys() == {"echo", "sorting"}
