"""The real command line on real toys, from the first command to the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import PLUGINS, call, command, contents, saved, words
from toys import Echo

from ectrain.evaluate import held_out, measure
from ectrain.model import load_model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Return the directory of a run that a process of its own trained, and what it wrote."""
    out = tmp_path_factory.mktemp("trained") / "run"
    process = command("run", *words(), "--out", str(out), "--json", "--log-every", "0")
    shown, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return out, shown, said


def document(*given: str) -> dict[str, Any]:
    """Return a command's JSON document."""
    done = call(*given, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema_version"] == 1
    return found


def test_a_run_writes_one_document(trained: tuple[Path, str, str]) -> None:
    """With `--json` all of stdout is one document, with the figures that the log has."""
    _, shown, said = trained
    found = json.loads(shown)
    assert (found["command"], found["status"].split()[0]) == ("run", "finished")
    assert (found["tasks"], found["steps"], found["epochs"]) == (["echo", "sorting"], 36, 3)
    assert found["test"]["echo/spoken"]["why"] == "nobody listens"
    assert 0 < found["test_metrics"]["sorting/accuracy"] <= 1
    assert found["warnings"] == {}
    assert "step 36/36" in said
    assert "2 tasks" in said


def test_what_a_plugin_prints_stays_out_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--json` a task's prints go to stderr."""
    plain = Echo.examples

    def loud(*given: Any) -> Any:
        sys.stdout.write("here I am\n")
        return plain(*given)

    monkeypatch.setattr(Echo, "examples", loud)
    done = call("check", *words(), "--json")
    assert json.loads(done.stdout)["command"] == "check"
    assert "here I am" in done.stderr


def test_a_run_directory_holds_what_it_should(trained: tuple[Path, str, str]) -> None:
    """Configuration, events, tokenizer, report and checkpoints are there, and nothing is left."""
    out = trained[0]
    expected = {"checkpoints", "events.jsonl", "report.md", "tokenizer.json", ".lock"}
    assert {path.name for path in out.iterdir()} == expected | {"training_config.json"}
    assert sorted(p.name for p in (out / "checkpoints").iterdir()) == ["000012", "000024", "000036"]
    assert "Status: finished" in (out / "report.md").read_text()
    config = json.loads((out / "training_config.json").read_bytes())
    assert (config["optimizer"]["rate"], config["tasks"]) == (0.01, {"echo": {}, "sorting": {}})


def test_the_same_command_in_this_process_gives_the_same_weights(
    trained: tuple[Path, str, str], tmp_path: Path
) -> None:
    """A run depends on its settings alone: another process comes to the same weights."""
    assert call("run", *words(), "--out", str(tmp_path / "run")).exit_code == 0
    one, two = saved(trained[0], 36), saved(tmp_path / "run", 36)
    assert all(bool((one[name] == two[name]).all()) for name in one)


def test_the_last_lines_say_what_came_of_it(
    trained: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without `--out` a run's place follows from its settings; its end names what to do next."""
    monkeypatch.chdir(tmp_path)
    done = call("run", *words())
    (out,) = (tmp_path / "data/runs").iterdir()
    assert out.name.startswith("echo-sorting-")
    shown = done.stdout
    assert shown.startswith("status   finished")
    assert "echo accuracy" in shown
    assert f"ectrain eval data/runs/{out.name}" in shown
    assert f"run dir  data/runs/{out.name}" in done.stderr
    assert "already complete" in call("run", *words()).stderr
    assert call("run", *words("seed=1")).exit_code == 0
    assert len(list((tmp_path / "data/runs").iterdir())) == 2


def test_a_dry_run_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A dry run checks and plans; no file and no folder comes of it."""
    monkeypatch.chdir(tmp_path)
    shown = call("run", *words(), "--dry-run").stdout
    assert shown.count("ok  ") == 8
    assert "all-tasks  epochs 1 to 3  echo, sorting" in shown
    plan = document("run", *words(), "--dry-run")
    assert plan["phases"] == [
        {"phase": "all-tasks", "first": 1, "last": 3, "tasks": ["echo", "sorting"]}
    ]
    assert plan["config"]["seed"] == 0
    assert list(tmp_path.iterdir()) == []


def test_eval_measures_the_best_model_on_the_split(trained: tuple[Path, str, str]) -> None:
    """`eval` gives the figures of the best checkpoint on the split, and changes nothing."""
    out = trained[0]
    before = contents(out)
    model = load_model(out)
    for split in ("train", "val", "test"):
        found = document("eval", str(out), "--split", split, "--tasks", "sorting")
        expected = measure(model, "sorting", held_out(model, "sorting", split))
        assert found["metrics"] == pytest.approx({f"sorting/{n}": x for n, x in expected.items()})
    assert (
        found["metrics"]["sorting/loss"] == json.loads(trained[1])["test_metrics"]["sorting/loss"]
    )
    shown = call("eval", str(out)).stdout
    assert "echo/spoken" in shown
    assert "not measured: nobody listens" in shown
    assert contents(out) == before


def test_a_damaged_best_checkpoint_is_said_to_be_passed_over(tmp_path: Path) -> None:
    """What can't be used is passed over in words, not in silence."""
    out = tmp_path / "run"
    assert call("run", *words(), "--out", str(out)).exit_code == 0
    for path in out.glob("checkpoints/*/model.safetensors"):
        if path.parent.name != "000012":
            path.write_bytes(path.read_bytes()[:-1])
    done = call("eval", str(out))
    assert done.exit_code == 0
    assert done.stderr.count("warning: checkpoint passed over: ") == 2


def test_generate_writes_what_the_head_says(trained: tuple[Path, str, str]) -> None:
    """`generate` is repeatable under a seed, differs under another, and writes text alone."""
    given = ["generate", str(trained[0]), "--task", "echo", "--prompt", "abc:", "--max-tokens", "9"]
    drawn = [*given, "--temperature", "1.5"]
    texts = [call(*drawn, "--seed", seed).stdout for seed in ("1", "1", "2", "3")]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1
    assert call(*given).stdout == document(*given)["text"].rstrip("\n") + "\n"
    labels = call("generate", str(trained[0]), "--task", "sorting", "--prompt", "abc")
    assert (labels.exit_code, labels.stdout) == (4, "")
    assert "task sorting: its head writes no tokens" in labels.stderr
    long = call(*given[:4], "--prompt", "a" * 200)
    assert long.exit_code == 2
    assert "expected 1 to 63" in long.stderr
    assert call("generate", str(trained[0]), "--prompt", "x").exit_code == 2  # no task codegen


def test_report_is_what_the_run_wrote(trained: tuple[Path, str, str]) -> None:
    """The report made again from the log is the one that the run left."""
    text = call("report", str(trained[0])).stdout
    assert text.rstrip() == (trained[0] / "report.md").read_text(encoding="utf-8").rstrip()
    assert "| echo | toys 1.0 | 48 | 12 | 12 |" in text
    assert "not measured: nobody listens" in text


def test_simulation_draws_what_a_run_draws(trained: tuple[Path, str, str]) -> None:
    """What `curriculum simulate` counts is what the run's log says was trained."""
    epochs = document("curriculum", "simulate", *words())["epochs"]
    lines = (trained[0] / "events.jsonl").read_text().splitlines()
    started = [e for e in map(json.loads, lines) if e["event"] == "epoch_started"]
    assert [e["steps"] for e in epochs] == [e["steps"] for e in started] == [12, 12, 12]
    assert [e["shares"] for e in epochs] == [e["shares"] for e in started]
    assert {e["drawn"]["echo"] for e in epochs} == {48}


def test_tasks_and_plugins_are_told_from_metadata() -> None:
    """Both lists hold the toys with their distribution."""
    toys = [t for t in document("tasks")["tasks"] if t["distribution"] == "toys"]
    assert [t["name"] for t in toys] == ["echo", "sorting"]
    states = {p["name"]: p["state"] for p in document("plugins", "list")["plugins"]}
    assert (states["echo"], states["sorting"]) == ("ok", "ok")


def test_flags_are_text_whatever_they_look_like(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder or a curriculum named like a number or a truth is still one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "true").write_text('[[phases]]\nname = "only"\nepochs = 1\n')
    given = [*words(), "--curriculum", "true", "--scale", "1", "--data", "2024", "--device", "cpu"]
    plan = document("run", *given, "--dry-run")
    assert [phase["phase"] for phase in plan["phases"]] == ["only"]
    config = plan["config"]
    assert (config["data"], config["scale"], config["device"]["name"]) == ("2024", 1.0, "cpu")


@pytest.mark.parametrize("given", [["tasks"], ["tasks", "--json"], ["plugins", "list", "--help"]])
def test_what_needs_no_torch_imports_none(given: list[str]) -> None:
    """Listing tasks reads metadata alone: neither torch nor a plugin is imported."""
    code = (
        "import sys\nfrom ectrain_cli.main import main\n"
        f"try:\n    main({given!r}, prog_name='ectrain')\nexcept SystemExit: pass\n"
        "sys.exit(sorted({'torch', 'toys'} & set(sys.modules)) or 0)"
    )
    env = {**os.environ, "PYTHONPATH": str(PLUGINS)}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert "echo" in done.stdout or "--help" in given
