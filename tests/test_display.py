"""How a run is shown: quietly, as a log of text or of JSON, or as progress."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.test_cli import call, started, step, trainer  # noqa: F401  (a fixture)

from ectrain_cli.log_lines import LogLines


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
    trainer: Callable[..., Path],  # noqa: F811
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


def test_quiet_excludes_a_log(trainer: Callable[..., Path]) -> None:  # noqa: F811
    """To be quiet and to log is a contradiction."""
    done = call("run", "--tasks", "codegen", "--out", str(trainer()), "-q", "-v")
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr
