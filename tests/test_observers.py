"""Laws of observers: they hear what is logged, and none of them can spoil a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import call, make_plugin, on_path, outcome, words

from ectrain.events import read_events
from ectrain.hookspecs import ObserverHooks
from ectrain.observers import HOOKS

LISTENER = """
    import json
    from ectrain.hookspecs import hookimpl

    def note(hook, event, directory):
        with (directory / "heard.jsonl").open("a") as file:
            file.write(json.dumps({"hook": hook, **event}) + "\\n")

    @hookimpl
    def ectrain_run_started(event, directory):
        print("hello")
        note("ectrain_run_started", event, directory)
        event.clear()

    @hookimpl
    def ectrain_step_ended(event, directory): note("ectrain_step_ended", event, directory)

    @hookimpl
    def ectrain_evaluated(event, directory): note("ectrain_evaluated", event, directory)

    @hookimpl
    def ectrain_checkpoint_saved(event, directory):
        note("ectrain_checkpoint_saved", event, directory)

    @hookimpl
    def ectrain_run_ended(event, directory): note("ectrain_run_ended", event, directory)
"""

FAILING = """
    from ectrain.hookspecs import hookimpl

    @hookimpl
    def ectrain_step_ended(event):
        raise {error}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on the path where observers can be put."""
    yield from on_path(tmp_path / "site", ("listener", "failing"))


def observer(folder: Path, name: str, source: str) -> None:
    """Install an observer."""
    make_plugin(folder, source, [name], group="ectrain.observers", name=f"acme-{name}")


def run(out: Path, *names: str) -> Any:
    """Train the toys to their end with observers."""
    given = [word for name in names for word in ("--with", name)]
    return call("run", *words(), "--out", str(out), "--json", *given)


def test_every_hook_belongs_to_an_event() -> None:
    """Each hook of observers is told by one event, and documented."""
    hooks = [name for name in vars(ObserverHooks) if name.startswith("ectrain_")]
    assert sorted(hooks) == sorted(HOOKS.values())
    assert all(getattr(ObserverHooks, hook).__doc__ for hook in hooks)


def test_observers_hear_what_is_logged(folder: Path, tmp_path: Path) -> None:
    """An observer gets each event of its hooks, as the log has it, in order; stdout stays clean."""
    observer(folder, "listener", LISTENER)
    done = run(tmp_path / "run", "listener")
    assert done.exit_code == 0, done.stderr
    json.loads(done.stdout)
    assert "hello" in done.stderr
    heard = [json.loads(x) for x in (tmp_path / "run/heard.jsonl").read_text().splitlines()]
    logged = [e for e in read_events(tmp_path / "run/events.jsonl") if e["event"] in HOOKS]
    assert [{"hook": HOOKS[event["event"]], **event} for event in logged] == heard
    assert {event["hook"] for event in heard} == set(HOOKS.values())


@pytest.mark.parametrize("error", ["ValueError('no room')", "SystemExit(3)", "GeneratorExit"])
def test_a_failing_observer_is_switched_off(folder: Path, tmp_path: Path, error: str) -> None:
    """Whatever an observer raises is said once with its plugin; the run is as it is without it."""
    observer(folder, "failing", FAILING.format(error=error))
    observer(folder, "listener", LISTENER)
    done = run(tmp_path / "run", "failing", "listener")
    assert done.exit_code == 0, done.stderr
    assert run(tmp_path / "plain").exit_code == 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "plain")
    log = list(read_events(tmp_path / "run/events.jsonl"))
    said = [e["message"] for e in log if e["event"] == "warning" and "observer" in e["message"]]
    (message,) = said
    kind = error.partition("(")[0]
    where = "observer failing of acme-failing 1.0 failed in ectrain_step_ended at step 1"
    assert message.startswith(f"{where} and is switched off: {kind}")
    assert "and is switched off" in (tmp_path / "run/report.md").read_text()
    heard = [json.loads(x) for x in (tmp_path / "run/heard.jsonl").read_text().splitlines()]
    assert len(heard) == sum(event["event"] in HOOKS for event in log)


def test_observers_are_checked_before_anything_is_made(folder: Path, tmp_path: Path) -> None:
    """An unknown name exits with 2, a broken observer with 4, and no directory is made."""
    observer(folder, "listener", LISTENER)
    observer(folder, "failing", FAILING.replace("step_ended", "stepped").format(error="x"))
    done = run(tmp_path / "run", "listner")
    assert (done.exit_code, "did you mean 'listener'?" in done.stderr) == (2, True)
    done = run(tmp_path / "run", "failing")
    assert done.exit_code == 4
    assert "plugin failing of acme-failing 1.0 can't be loaded" in done.stderr
    assert "unknown hook 'ectrain_stepped'" in done.stderr
    assert not (tmp_path / "run").exists()
