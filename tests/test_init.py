"""Laws of beginning with another run's weights (F14): by name, told part by part, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest
import torch
from harness import Recorder, Stopper, call, saved, stopped, tiny, trained, words
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Echo

from ectrain import data
from ectrain.build import prepare
from ectrain.config import RunConfig
from ectrain.errors import CheckpointError, ConfigError
from ectrain.initial import read_start
from ectrain.model import Model
from ectrain.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run of both toys."""
    out = tmp_path_factory.mktemp("source") / "run"
    trained(tiny("scale=0.2"), out)
    return out


def from_it(source: Path, *overrides: str, tasks: tuple[str, ...] = ("echo",)) -> RunConfig:
    """Return the configuration of a run that begins with another's weights."""
    return tiny("scale=0.2", f'init="{source}"', *overrides, tasks=tasks)


def test_trunk_and_heads_of_the_same_name_are_taken_over(source: Path, tmp_path: Path) -> None:
    """A new run begins with the best weights of another, and says what became of each part."""
    run = prepare(from_it(source), tmp_path / "run")
    recorder = Recorder()
    with run.opened(recorder.on_event):
        run.log_start("1")
    best = read_start(source, run.model.tasks.values())
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, best.tensors[name]), name
    told = recorder.of("run_started")[0]["init"]
    assert told["run"] == str(source)
    assert told["step"] == best.entry.step
    assert told["parts"] == {
        "trunk": "loaded",
        "head echo": "loaded",
        "head sorting": "left out: no task of this run",
    }
    assert run.tokenizer.fingerprint == best.tokenizer.fingerprint


def test_a_head_of_another_shape_begins_anew(source: Path) -> None:
    """A head that the other run lacks, or has in another shape, keeps its own first weights."""
    config = from_it(source, tasks=("echo", "sorting"))
    tasks = data.make_tasks(config)
    start = read_start(source, tasks.values())
    odd = {n: x for n, x in start.tensors.items() if not n.startswith("heads.echo")}
    odd["heads.sorting.bias"] = torch.zeros(2)
    model = Model(config.trunk, tasks, start.tokenizer, config.seed)
    first = {name: x.clone() for name, x in model.state_dict().items()}
    told = attrs.evolve(start, tensors=odd).give(model)
    assert told["parts"]["head echo"] == "new"
    assert told["parts"]["head sorting"] == "new: another shape there"
    for name, tensor in model.state_dict().items():
        expected = first if name.startswith("heads") else start.tensors
        assert torch.equal(tensor, expected[name]), name


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(
        [("width", 32), ("layers", 2), ("kv_heads", 2), ("ffn", 32), ("width", 8), ("layers", 3)]
    )
)
def test_another_trunk_is_refused_by_its_settings(source: Path, change: tuple[str, int]) -> None:
    """F14: what differs is named, with both values, and nothing is taken over in part."""
    key, value = change
    config = from_it(source, f"trunk.{key}={value}")
    tasks = data.make_tasks(config)
    start = read_start(source, tasks.values())
    model = Model(config.trunk, tasks, start.tokenizer, config.seed)
    first = {name: x.clone() for name, x in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=rf"trunk\.{key} is \d+ there and {value} here"):
        start.give(model)
    assert all(torch.equal(first[name], x) for name, x in model.state_dict().items())


class Marked(Echo):
    """Has tokens of its own."""

    def control_tokens(self) -> tuple[str, ...]:
        """Return one."""
        return ("<new>",)

    def symbols(self) -> tuple[str, ...]:
        """Return one."""
        return ("|>",)


def test_tokens_of_a_new_task_come_behind_the_old_ones(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old ids mean what they meant; only the rows of new tokens are not the other run's."""
    monkeypatch.setattr(data, "load_tasks", lambda names: {"echo": Marked})
    run, _ = trained(from_it(source), tmp_path / "run")
    before = Tokenizer.from_json((source / "tokenizer.json").read_text())
    assert run.tokenizer.size == before.size + 2
    assert run.tokenizer.encode("abc") == before.encode("abc")
    assert run.tokenizer.token_id("<new>") not in run.tokenizer.encode("a<new>b")
    assert run.tokenizer.encode("a|>b")[1] == run.tokenizer.token_id("|>")
    again = prepare(from_it(source), tmp_path / "again")
    rows = again.model.trunk.embedding.weight
    start = read_start(source, again.model.tasks.values())
    assert torch.equal(rows[: before.size], start.tensors["trunk.embedding.weight"])
    parts = again.begun_with["parts"] if again.begun_with else {}
    assert parts["trunk"] == f"loaded; 2 of {before.size + 2} tokens are new"
    again.held.close()


def test_a_stopped_run_goes_on_without_the_one_it_began_with(source: Path, tmp_path: Path) -> None:
    """What a run began with is read once; another one to begin with is another run."""
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    stopped(from_it(copy), tmp_path / "run", Stopper(3))
    shutil.rmtree(copy)
    trained(from_it(copy), tmp_path / "run")
    trained(from_it(source), tmp_path / "whole")
    last = max(int(path.name) for path in (tmp_path / "run/checkpoints").glob("[0-9]*"))
    mine, whole = saved(tmp_path / "run", last), saved(tmp_path / "whole", last)
    assert all(torch.equal(mine[name], x) for name, x in whole.items())
    with pytest.raises(ConfigError, match="init was"):
        prepare(from_it(source), tmp_path / "run")


def test_a_run_without_checkpoints_is_no_beginning(tmp_path: Path) -> None:
    """A directory that holds no checkpoint is refused in words."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        prepare(from_it(tmp_path / "empty"), tmp_path / "run")


def test_the_command_line_shows_what_was_loaded(source: Path, tmp_path: Path) -> None:
    """`--init RUN` is an option; the table of what was loaded is among the first lines."""
    given = [*words("scale=0.2", tasks="echo"), "--init", str(source)]
    done = call("run", *given, "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.output
    assert f"init     from {source}" in done.stderr
    assert "head sorting: left out: no task of this run" in done.stderr
    dry = call("run", *given, "--set", "trunk.ffn=32", "--dry-run")
    assert dry.exit_code == 6
    assert "trunk.ffn is 24 there and 32 here" in dry.output
