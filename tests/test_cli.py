"""Laws of the command line: what goes where, in which words, with which exit code."""

from __future__ import annotations

import inspect
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ectrain.errors import BusyError, ConfigError, DataError, EctrainError, Interrupted
from ectrain.task import Estimate
from ectrain_cli.live import LiveProgress, can_draw
from ectrain_cli.log_lines import LogLines
from ectrain_cli.main import COMMANDS, EXIT_CODES, main
from ectrain_cli.progress import LineProgress, Progress, duration
from ectrain_cli.terminal import visible

CODE = 'def f([h | t]), do: ~r[/foo] |> g("[red]x[/red]")\n'


def call(*words: str, stdin: str | None = None) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, list(words), input=stdin)


def fake(patch: pytest.MonkeyPatch, module: str, **names: Any) -> None:
    """Put a module of core that holds only `names` in place of the real one."""
    stand_in = ModuleType(module)
    vars(stand_in).update(names)
    patch.setitem(sys.modules, module, stand_in)


def started(total: int = 10) -> dict[str, Any]:
    """Return the first event of a run."""
    offer = {"distribution": "ectrain-codegen", "version": "0.1.0"}
    return {
        "event": "run_started",
        "ectrain": "0.1.0",
        "torch": "2.13.0",
        "device": "cpu",
        "dtype": "float32",
        "tasks": {"codegen": offer},
        "parameters": {"trunk": 1_000_000, "heads": {"codegen": 2500}, "total": 1_002_500},
        "tokenizer": {"size": 8192, "fingerprint": "53aa"},
        "data": {"codegen": {"train": 4812, "val": 60, "test": 61}},
        "total_steps": total,
        "seed": 0,
        "resumed_from": None,
    }


def step(number: int, loss: float = 2.0) -> dict[str, Any]:
    """Return the event of a step."""
    losses = {"codegen": loss}
    where = {"event": "step", "step": number, "epoch": 1, "phase": "warm [x]"}
    return {**where, "losses": losses, "tokens_per_s": 1234.5}


def ended() -> dict[str, Any]:
    """Return the last event of a run."""
    claim = {"task": "codegen", "metric": "pass@1", "above": 0.7, "value": 0.1, "low": 0.05}
    claim |= {"high": 0.2, "n": 64, "verdict": "not met", "baselines": {"bigram": 0.02}, "why": "w"}
    claim |= {"extra": float("nan")}
    counts = {"steps": 10, "epochs": 1, "seconds": 3.5, "tokens": 1000}
    return {"event": "run_ended", "status": "finished", "reason": "", **counts, "claims": [claim]}


def write(run: Path, events: Iterable[Mapping[str, Any]]) -> None:
    """Write a run directory's event log."""
    run.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (run / "events.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Put a trainer in place that writes three events, or raises; returns the run directory."""

    def install(error: BaseException | None = None) -> Path:
        def train(run: Path, observer: Any) -> bool:
            first = started()
            for event in (first, step(1), step(2)):
                observer.on_event(event)
            write(run, [first, step(1), step(2), *([] if error else [ended()])])
            if error is not None:
                raise error
            return True

        config = SimpleNamespace(
            tasks=("codegen",), checkpoints=SimpleNamespace(every_epochs=5), scale=1.0
        )
        settings = {"load_config": lambda *_, **__: config, "to_dict": lambda _: {"seed": 0}}
        fake(monkeypatch, "ectrain.config", **settings)
        fake(monkeypatch, "ectrain.build", prepare=lambda config, out, resume, allowed: out)
        fake(monkeypatch, "ectrain.loop", train=train)
        return tmp_path / "run"

    return install


# --- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["rnu"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """Help, the version and a mistyped command import neither torch nor what draws and parses."""
    code = (
        "import sys\nfrom ectrain_cli.main import main\n"
        f"try:\n    main({words!r}, prog_name='ectrain')\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'rich', 'structlog', 'cattrs', 'numpy', 'attrs', 'pluggy'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr != "") == (0, True), done.stderr


def test_every_listed_command_is_there() -> None:
    """Each command of the list is found, has help, `--debug` or subcommands, and is listed."""
    listing = call("--help").output
    for name, (_, _, summary) in COMMANDS.items():
        assert f"  {name} " in listing
        assert summary in listing
        assert call(name, "--help").exit_code == 0
    assert call("-h").output == listing


def test_exit_codes_are_documented() -> None:
    """Every exit code that an error of core carries is in the help of `run`."""
    classes = [EctrainError]
    for kind in classes:
        classes.extend(kind.__subclasses__())
    shown = call("run", "--help").output
    for kind in classes:
        assert f" {kind.exit_code}  " in EXIT_CODES
        assert f" {kind.exit_code}  " in shown


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["rnu"], "Did you mean 'run'?"), (["run", "--taks", "a"], "--tasks")],
)
def test_mistyped_commands_and_options_get_a_hint(words: list[str], hint: str) -> None:
    """A mistyped command or option exits with 2 and names the nearest one."""
    done = call(*words)
    assert done.exit_code == 2
    assert hint in done.stderr


# --- running --------------------------------------------------------------------------------------


def test_run_tells_where_what_and_next(trainer: Callable[..., Path]) -> None:
    """Messages go to stderr, results to stdout; the report is written."""
    out = trainer()
    done = call("run", "--tasks", "codegen", "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert "ectrain 0.1.0   torch 2.13.0 cpu float32   1 task" in done.stderr
    assert "data     4,812 train / 60 val / 61 test" in done.stderr
    assert "phase warm [x]  epoch 1  step 1/10  codegen 2.000  tokens/s 1,23" in done.stderr
    assert "codegen pass@1  0.1  0.05 to 0.2  goal > 0.7  not met" in done.stdout
    assert "baselines: bigram 0.02" in done.stdout
    assert f"ectrain eval {out}" in done.stdout
    assert "| not met |" in (out / "report.md").read_text(encoding="utf-8")


def test_json_is_one_document_and_nothing_else(trainer: Callable[..., Path]) -> None:
    """With `--json`, all of stdout is one strict JSON document with a schema version."""
    out = trainer()
    done = call("run", "--tasks", "codegen", "--out", str(out), "--json")

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    document = json.loads(done.stdout, parse_constant=refuse)
    assert document["schema_version"] == 1
    assert document["status"] == "finished"
    assert document["claims"][0]["verdict"] == "not met"
    assert document["claims"][0]["extra"] is None


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("seed 'x' is not a number; write an integer"), 2, "error: seed 'x'"),
        (DataError("no data"), 3, "error: no data"),
        (BusyError("held by 12"), 9, "error: held by 12"),
        (Interrupted("saved in c/1", 75), 75, "error: saved in c/1"),
        (Interrupted("saved in c/1", 130), 130, "error: saved in c/1"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("boom [/x]\x1b]0;t\x07"), 1, "boom [/x]\\x1b]0;t\\x07"),
    ],
)
def test_errors_are_sentences(
    trainer: Callable[..., Path], error: BaseException, code: int, said: str
) -> None:
    """An error gives its exit code and a sentence, a traceback only with `--debug`."""
    words = ["run", "--tasks", "codegen", "--out", str(trainer(error))]
    plain = call(*words)
    assert plain.exit_code == code
    assert said in plain.stderr
    assert "Traceback" not in plain.stderr
    assert plain.stdout == ""
    loud = call(*words, "--debug")
    assert loud.exit_code == code
    assert "Traceback" in loud.stderr


def test_unexpected_errors_quote_the_command(trainer: Callable[..., Path]) -> None:
    """The apology holds the same command with `--debug`, ready for a shell."""
    out = trainer(RuntimeError("boom")) / "with space"
    done = call("run", "--tasks", "codegen", "--out", str(out))
    assert "sorry" in done.stderr
    assert f"ectrain run --tasks codegen --out '{out}' --debug" in done.stderr


def test_an_interrupted_run_has_a_report(trainer: Callable[..., Path]) -> None:
    """A run that was stopped leaves a report, and it claims nothing."""
    out = trainer(Interrupted("saved", 130))
    assert call("run", "--tasks", "codegen", "--out", str(out)).exit_code == 130
    assert "not ended" in (out / "report.md").read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_hides_nothing(trainer: Callable[..., Path]) -> None:
    """Where the report can't be written, the run's own end is still what is told."""
    out = trainer(DataError("no data"))
    (out / "report.md").mkdir(parents=True)
    done = call("run", "--tasks", "codegen", "--out", str(out))
    assert done.exit_code == 3
    assert "warning: the report was not written" in done.stderr


# --- progress -------------------------------------------------------------------------------------


def test_lines_come_once_an_interval() -> None:
    """However many steps there are, there is one line per interval, by the given clock."""
    now, lines = [0.0], list[str]()
    watch = LineProgress(Progress(), 30, lambda: now[0], lines.append)
    for number in range(1, 601):
        now[0] = float(number)
        watch.on_event(step(number))
    assert len(lines) == 20
    assert "step 1 " in lines[0]
    assert "step 31 " in lines[1]


@pytest.mark.parametrize("calls", [("run_started",), ("on_event",), ("run_started", "on_event")])
def test_first_lines_come_once(calls: tuple[str, ...]) -> None:
    """The first lines are written once, however the loop tells of the start."""
    lines = list[str]()
    watch = LineProgress(Progress(), 30, lambda: 0.0, lines.append)
    for name in calls:
        getattr(watch, name)(started())
    assert [line.split()[0] for line in lines] == ["ectrain", "tasks", "data", "model", "plan"]


def test_news_does_not_wait() -> None:
    """Warnings and ends of phases are told at once."""
    lines = list[str]()
    watch = LineProgress(Progress(), 30, lambda: 0.0, lines.append)
    watch.on_event({"event": "warning", "message": "slow [/input]"})
    watch.on_event({"event": "phase_ended", "phase": "warm", "epoch": 2, "reason": "gate met"})
    assert lines == ["warning: slow [/input]", "phase warm ended after epoch 2: gate met"]


@given(st.integers(2, 500), st.integers(1, 500), st.floats(0.01, 100))
def test_time_left_is_exact_at_a_steady_pace(total: int, seen: int, pace: float) -> None:
    """At a steady pace the time left is the pace times the steps left."""
    seen = max(2, min(seen, total))
    progress = Progress()
    progress.take(started(total), 0.0)
    for number in range(1, seen + 1):
        progress.take(step(number), number * pace)
    left = progress.seconds_left(seen * pace)
    assert left == pytest.approx((total - seen) * pace, abs=1e-6)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_smoothed_loss_stays_between_the_losses(losses: list[float]) -> None:
    """A smoothed loss never leaves the range of what it smooths."""
    progress = Progress()
    for number, loss in enumerate(losses):
        progress.take(step(number, loss), float(number))
    assert min(losses) - 1e-9 <= progress.losses["codegen"] <= max(losses) + 1e-9


@pytest.mark.parametrize(("epoch", "at"), [(1, 5), (5, 5), (6, 10), (0, 5)])
def test_next_checkpoint(epoch: int, at: int) -> None:
    """The next checkpoint is at the end of the next epoch that the period divides."""
    shown = dict(Progress(checkpoint_every=5, epoch=epoch).parts(0.0))
    assert shown["checkpoint"] == f"after epoch {at}"


def test_drawn_progress_keeps_brackets() -> None:
    """What is drawn on a terminal loses no bracket and lets no escape sequence through."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=200, markup=False, no_color=True)
    with LiveProgress(Progress(), lambda: 0.0, console) as watch:
        watch.run_started(started())
        watch.on_event(step(1))
        watch.on_event({"event": "warning", "message": CODE + "\x1b]0;title\x07"})
    drawn = stream.getvalue()
    assert "warm [x]" in drawn
    assert CODE.strip() in drawn
    assert "\x1b]0;" not in drawn


@pytest.mark.parametrize(
    ("terminal", "term", "drawn"),
    [(True, "xterm", True), (True, "dumb", False), (True, "", False), (False, "xterm", False)],
)
def test_drawing_needs_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, drawn: bool
) -> None:
    """Nothing is drawn into files, pipes and dumb terminals."""
    monkeypatch.setenv("TERM", term)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    assert can_draw(stream) is drawn


def test_durations_are_readable() -> None:
    """Durations use the two largest units."""
    assert [duration(s) for s in (59.4, 60, 3599, 18600)] == [
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "5 h 10 min",
    ]


# --- other commands -------------------------------------------------------------------------------


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a model in place that echoes its prompt and has measured two figures."""
    writer = SimpleNamespace(
        prompt=lambda text, _: text,
        infill_prompt=lambda before, after, _: f"{before}[{after}]",
        typed_prompt=lambda text, kind, _: f"{kind}: {text}",
        answer_types=lambda: ("short", "long"),
    )
    tasks = {"codegen": writer, "security": 2}
    loaded = SimpleNamespace(tasks=tasks, tokenizer=None)
    fake(monkeypatch, "ectrain.model", load_model=lambda run, warn: loaded)

    def write(model: Any, task: str, prompts: list[str], samples: int, **_: Any) -> Any:
        return [[SimpleNamespace(text=text, ended=True)] * samples for text in prompts]

    fake(monkeypatch, "ectrain.generation", generate=write, Sampling=lambda *_: None)
    found = {
        "codegen/pass@1": Estimate.share(1, 10),
        "codegen/compiles": Estimate.missing("elixir not found"),
    }
    measure = lambda model, tasks, split, budget, tell: ({"codegen/loss": 2.5}, found)  # noqa: E731
    fake(monkeypatch, "ectrain.evaluate", evaluate_tasks=measure)
    return tmp_path


def test_generated_code_is_untouched(model: Path) -> None:
    """Code goes to stdout byte for byte, whichever way the prompt came."""
    path = model / "prompt.ex"
    path.write_text(CODE, encoding="utf-8")
    for prompt in (CODE, str(path), "-"):
        done = call("generate", str(model), "--prompt", prompt, stdin=CODE)
        assert (done.exit_code, done.stdout) == (0, CODE)
    escape = "\x1b[31m[x]"
    assert call("generate", str(model), "--prompt", escape).stdout == escape + "\n"
    document = json.loads(call("generate", str(model), "--prompt", CODE, "--json").stdout)
    assert document["text"] == CODE


def test_a_gap_is_filled_between_two_texts(model: Path) -> None:
    """Either side of --fim is a text, a file or stdin; a prompt and a gap exclude each other."""
    path = model / "suffix.ex"
    path.write_text("end", encoding="utf-8")
    done = call("generate", str(model), "--fim", "-", str(path), "--samples", "2", stdin="def")
    assert (done.exit_code, done.stdout) == (0, "def[end]\n" * 2)
    document = json.loads(call("generate", str(model), "--fim", "a", "b", "--json").stdout)
    assert (document["before"], document["after"]) == ("a", "b")
    assert document["samples"] == [{"text": "a[b]", "ended": True}]
    for words in ([], ["--prompt", "x", "--fim", "a", "b"]):
        done = call("generate", str(model), *words)
        assert done.exit_code == 2
        assert "expected either --prompt or --fim BEFORE AFTER" in done.stderr


def test_an_answer_of_a_type_is_written_for_a_file(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run and file come in any order, the run may be the final one; a type must be the task's."""
    path = model / "a.ex"
    path.write_text("x", encoding="utf-8")
    for places in ([str(model), str(path)], [str(path), str(model)]):
        assert call("generate", *places, "--type", "long").stdout == "long: x\n"
    assert call("generate", str(model), str(path)).stdout == "x\n"
    done = call("generate", str(model), str(path), "--type", "lon")
    assert done.exit_code == 2
    assert "expected one of short, long; did you mean 'long'?" in done.stderr
    monkeypatch.chdir(model)
    assert "there is no data/models/final" in call("generate", str(path)).stderr
    (model / "data" / "models" / "final").mkdir(parents=True)
    assert call("generate", str(path)).stdout == "x\n"
    for words in (["--prompt", "y"], ["--fim", "a", "b"], [str(path)]):
        assert call("generate", str(model), str(path), *words).exit_code == 2


def test_the_tries_of_an_evaluation_are_numbers(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--k 1,10` is handed on as the numbers of tries; what is no such list is refused."""
    budgets: list[Any] = []

    def measure(_: Any, __: Any, ___: Any, budget: Any, tell: Any) -> Any:
        budgets.append(budget)
        return {}, {}

    fake(monkeypatch, "ectrain.evaluate", evaluate_tasks=measure)
    call("eval", str(model), "--k", "10,1")
    call("eval", str(model))
    assert [budget.tries for budget in budgets] == [(1, 10), (1,)]
    for wrong in ("0", "a", ",", "1,-2"):
        done = call("eval", str(model), "--k", wrong)
        assert done.exit_code == 2
        assert "expected numbers above 0, separated by commas" in done.stderr


@given(st.text())
def test_visible_text_moves_no_cursor(text: str) -> None:
    """No control character survives, and printable text stays as it is."""
    found = visible(text)
    assert all(c.isprintable() or c in "\n\t" for c in found)
    if all(c.isprintable() for c in text):
        assert found == text


@pytest.mark.parametrize("command", ["generate", "eval"])
def test_mistyped_tasks_get_a_hint(model: Path, command: str) -> None:
    """A task that the run wasn't trained on exits with 2 and names the nearest one."""
    words = (
        ["--task", "codgen", "--prompt", "x"] if command == "generate" else ["--tasks", "codgen"]
    )
    done = call(command, str(model), *words)
    assert done.exit_code == 2
    assert "did you mean 'codegen'?" in done.stderr


def test_eval_shows_figures_and_gaps(model: Path) -> None:
    """Figures stand with their interval; what was not measured says why."""
    shown = call("eval", str(model)).stdout
    assert "not measured: elixir not found" in shown
    assert "codegen/loss      2.5" in shown
    document = json.loads(call("eval", str(model), "--json").stdout)
    assert document["estimates"]["codegen/pass@1"]["n"] == 10
    assert document["metrics"] == {"codegen/loss": 2.5}


def test_check_exits_with_the_first_failure(
    monkeypatch: pytest.MonkeyPatch, trainer: Callable[..., Path]
) -> None:
    """Every check has its line; the exit code is the first failing one's."""
    trainer()
    results = [
        SimpleNamespace(name="data", item="5.1.1.1", ok=True, message="fine", exit_code=0),
        SimpleNamespace(name="heads", item="5.1.1.3", ok=False, message="[w]", exit_code=4),
        SimpleNamespace(name="device", item="5.1.1.4", ok=False, message="none", exit_code=7),
    ]
    fake(monkeypatch, "ectrain.checks", run_checks=lambda config: iter(results))
    done = call("check", "--tasks", "codegen")
    assert done.exit_code == 4
    assert done.stdout.splitlines() == [
        "ok    5.1.1.1  data: fine",
        "FAIL  5.1.1.3  heads: [w]",
        "FAIL  5.1.1.4  device: none",
        "2 of 3 checks failed",
    ]
    document = json.loads(call("check", "--tasks", "codegen", "--json").stdout)
    assert [c["ok"] for c in document["checks"]] == [True, False, False]


def epoch_plan(epoch: int, phase: str, shares: Mapping[str, float]) -> SimpleNamespace:
    """Return an epoch of a curriculum."""
    rest = {"weights": {}, "filters": {"level": (1.0, 2.0)}, "checkpoint": False, "notes": ()}
    return SimpleNamespace(epoch=epoch, phase=phase, shares=shares, **rest)


@pytest.fixture
def phases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a curriculum of two phases and five epochs in place, and a plugin's offer."""
    plans = [epoch_plan(n, "warm", {"codegen": 1.0}) for n in (1, 2, 3)]
    plans += [epoch_plan(n, "all", {"codegen": 0.75, "security": 0.25}) for n in (4, 5)]
    fake(
        monkeypatch,
        "ectrain.curriculum",
        load_curriculum=lambda name: name,
        scaled=lambda curriculum, scale: curriculum,
        planned=lambda curriculum, tasks: plans,
    )
    offer = SimpleNamespace(
        name="codegen", distribution="ectrain-codegen", version="0.1.0", duplicate_of=()
    )

    def load_tasks(names: list[str]) -> None:
        raise DataError("broken [x]")

    groups = {"ectrain.tasks": {"codegen": offer}}
    monkeypatch.setattr(
        "ectrain.offers.installed", lambda group="ectrain.tasks": groups.get(group, {})
    )
    monkeypatch.setattr("ectrain.offers.refusal", lambda _: None)
    monkeypatch.setattr("ectrain.offers.origin", lambda _: "/there")
    monkeypatch.setattr("ectrain.plugins.load_tasks", load_tasks)


def test_simulation_joins_equal_epochs(tmp_path: Path) -> None:
    """Epochs that differ in nothing are one line; the JSON document has them all."""
    phases = tmp_path / "phases.toml"
    phases.write_text(
        'reference = "echo"\n'
        '[[phases]]\nname = "warm"\nepochs = 3\ntasks = ["echo"]\nfilters.length = [0, 5]\n'
        '[[phases]]\nname = "all"\nepochs = 2\nshares = { echo = 3, sorting = 1 }\n'
    )
    words = ["curriculum", "simulate", "--tasks", "echo,sorting", "--curriculum", str(phases)]
    lines = call(*words).stdout.splitlines()
    document = json.loads(call(*words, "--json").stdout)
    few = document["epochs"][0]["drawn"]["echo"]
    assert 0 < few < 48
    assert lines[0].split() == f"epochs 1-3 warm echo 100% x1 ({few} of {few}) length 0..5".split()
    assert lines[1].split()[:7] == ["epochs", "4-5", "all", "echo", "75%", "x1", "(48"]
    assert [epoch["epoch"] for epoch in document["epochs"]] == [1, 2, 3, 4, 5]
    assert document["tasks"] == ["echo", "sorting"]
    assert document["epochs"][4]["drawn"]["sorting"] == 16


def test_tasks_and_plugins_are_listed(phases: None) -> None:
    """Tasks are listed from metadata, plugins with a state that says what is broken."""
    assert call("tasks").stdout == "codegen  ectrain-codegen 0.1.0\n"
    assert json.loads(call("tasks", "--json").stdout)["tasks"][0]["version"] == "0.1.0"
    assert call("plugins", "list").stdout == "codegen  task  ectrain-codegen  0.1.0  ok  /there\n"
    assert "broken: broken [x]" in call("plugins", "list", "--load").stdout
    state = json.loads(call("plugins", "list", "--load", "--json").stdout)["plugins"][0]["state"]
    assert state == "broken: broken [x]"


def test_dry_run_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, phases: None, trainer: Callable[..., Path]
) -> None:
    """A dry run checks, shows the phases, leaves no run directory and fails as the checks do."""
    out = trainer()
    config = SimpleNamespace(tasks=("codegen",), curriculum="default", scale=1.0)
    settings = {"load_config": lambda *_, **__: config, "to_dict": lambda _: {"seed": 0}}
    fake(monkeypatch, "ectrain.config", **settings)
    bad = SimpleNamespace(name="data", item="5.1.1.1", ok=False, message="gone", exit_code=3)
    fake(monkeypatch, "ectrain.checks", run_checks=lambda config: [bad])
    done = call("run", "--tasks", "codegen", "--out", str(out), "--dry-run")
    assert done.exit_code == 3
    assert "FAIL  5.1.1.1  data: gone" in done.stdout
    assert "all   epochs 4 to 5  codegen, security" in done.stdout
    assert not out.exists()
    words = ["run", "--tasks", "codegen", "--out", str(out), "--dry-run", "--json"]
    assert [p["last"] for p in json.loads(call(*words).stdout)["phases"]] == [3, 5]
    assert not out.exists()


def test_report_to_stdout_file_and_json(tmp_path: Path) -> None:
    """The three ways to get a report give the same text."""
    write(tmp_path, [started(), step(1), ended()])
    text = call("report", str(tmp_path)).stdout
    assert text.startswith("# Training report")
    out = tmp_path / "r.md"
    done = call("report", str(tmp_path), "--out", str(out))
    assert (done.stdout, out.read_text(encoding="utf-8").rstrip()) == ("", text.rstrip())
    document = json.loads(call("report", str(tmp_path), "--json").stdout)
    assert document["markdown"].rstrip() == text.rstrip()


def test_report_of_no_run(tmp_path: Path) -> None:
    """A folder without an event log exits with 3 and is named."""
    done = call("report", str(tmp_path))
    assert done.exit_code == 3
    assert str(tmp_path) in done.stderr


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """A reader that goes away early causes no message."""
    write(tmp_path, [started(), *(step(n) for n in range(20_000)), ended()])
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "ectrain_cli", "report", str(tmp_path)]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""


def test_all_commands_are_click_commands() -> None:
    """A command that the list promises is what its module holds."""
    ctx = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(ctx, name)
        assert isinstance(command, click.Command)
        assert command.help


def needs(module: str) -> ModuleType:
    """Return a module of core, or skip the one test that waits for it to be written."""
    return cast(ModuleType, pytest.importorskip(module, reason=f"{module} is not written yet"))


CALLS = [
    ("ectrain.config", "load_config", (None, ("seed=1",), ("a",), "tiny")),
    ("ectrain.config", "to_dict", (None,)),
    ("ectrain.plugins", "installed", ()),
    ("ectrain.plugins", "load_tasks", (["a"],)),
    ("ectrain.curriculum", "planned", (None, ("a",))),
    ("ectrain.curriculum", "scaled", (None, 0.1)),
    ("ectrain.curriculum", "load_curriculum", ("default",)),
    ("ectrain.checks", "run_checks", (None,)),
    ("ectrain.build", "prepare", (None, Path("run"), True, ())),
    ("ectrain.loop", "train", (None, None)),
    ("ectrain.model", "load_model", (Path("run"), print)),
    ("ectrain.evaluate", "evaluate_tasks", (None, ["a"], "test", None)),
    ("ectrain.events", "read_events", (Path("events.jsonl"),)),
]


@pytest.mark.parametrize(("module", "name", "arguments"), CALLS)
def test_core_takes_what_commands_pass(module: str, name: str, arguments: tuple[Any, ...]) -> None:
    """Each function of core that a command calls is there and takes those arguments."""
    inspect.signature(getattr(needs(module), name)).bind(*arguments)


def test_generation_takes_every_option() -> None:
    """Each option of `generate` is one of the generator's."""
    generation = needs("ectrain.generation")
    options = {"max_new_tokens": 1, "sampling": None, "stop": (), "samples": 1, "seed": 0}
    inspect.signature(generation.generate).bind(None, "codegen", [[1]], **options)
    inspect.signature(generation.Sampling).bind(0.0, None, None)


def test_mistyped_keys_get_a_hint() -> None:
    """A mistyped key of the configuration exits with 2 and names the nearest one."""
    needs("ectrain.config")
    done = call("check", "--tasks", "codegen", "--set", "optimizer.rat=0.1")
    assert done.exit_code == 2
    assert "rat" in done.stderr
    assert "'rate'" in done.stderr or "'optimizer.rate'" in done.stderr


def test_mistyped_tasks_of_a_new_run_get_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that no plugin offers exits with 2 and names the nearest one."""
    needs("ectrain.plugins")
    offer = SimpleNamespace(
        name="codegen", distribution="x", version="1", value="x:y", duplicate_of=()
    )
    monkeypatch.setattr("ectrain.plugins.installed", lambda: {"codegen": offer})
    done = call("check", "--tasks", "codgen")
    assert done.exit_code == 2
    assert "did you mean 'codegen'" in done.output


# --- a log in place of progress -----------------------------------------------------------------


def test_json_log_is_the_events() -> None:
    """Each line of a JSON log is one event, with its level and time."""
    stream = io.StringIO()
    log = LogLines("json", 0.0, stream)
    events = [started(), step(1), {"event": "warning", "message": "slow", "time": "t"}]
    for event in events:
        log.on_event(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(x["event"], x["level"]) for x in lines] == [
        ("run_started", "info"),
        ("step", "info"),
        ("warning", "warning"),
    ]
    assert lines[1]["losses"] == {"codegen": 2.0}
    assert lines[2]["timestamp"] == "t"


@given(st.text())
def test_text_log_moves_no_cursor(message: str) -> None:
    """Whatever an event says, its line holds no control character."""
    stream = io.StringIO()
    LogLines("text", 0.0, stream).on_event({"event": "warning", "message": message})
    line = stream.getvalue().removesuffix("\n")
    assert "warning" in line
    assert all(c.isprintable() or c in "\n\t" for c in line)


def test_steps_are_logged_once_an_interval() -> None:
    """However many steps there are, one an interval is logged, by the given clock."""
    now, stream = [0.0], io.StringIO()
    log = LogLines("json", 30, stream, lambda: now[0])
    for number in range(1, 601):
        now[0] = float(number)
        log.on_event(step(number))
    assert len(stream.getvalue().splitlines()) == 20


def test_failed_run_is_an_error() -> None:
    """The end of a run that failed is logged as an error."""
    stream = io.StringIO()
    LogLines("json", 0.0, stream).on_event({"event": "run_ended", "status": "failed"})
    assert json.loads(stream.getvalue())["level"] == "error"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-q",), []),
        (("-v",), ["run_started", "step"]),
        (("-vv",), ["run_started", "step", "step"]),
        (("--log-format", "json"), ["run_started", "step"]),
    ],
)
def test_run_is_as_loud_as_asked(
    trainer: Callable[..., Path],
    words: tuple[str, ...],
    said: list[str],
) -> None:
    """stderr has what was asked for, stdout the result whatever that is."""
    out = trainer()
    done = call("run", "--tasks", "codegen", "--out", str(out), *words)
    assert done.exit_code == 0, done.output
    assert "report" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == len(said)
    assert all(kind in line for kind, line in zip(said, lines, strict=True))


def test_quiet_excludes_a_log(trainer: Callable[..., Path]) -> None:
    """To be quiet and to log is a contradiction."""
    done = call("run", "--tasks", "codegen", "--out", str(trainer()), "-q", "-v")
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr
