"""Laws of the event log: lines are only ever added, and no crash or full disk hides another's."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ectrain.errors import DataError
from ectrain.events import Event, EventLog, end_torn_line, finite, read_events
from ectrain.storage import Storage

values = st.recursive(
    st.none() | st.integers() | st.sampled_from((True, math.inf, -math.inf, math.nan)) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
fields = st.dictionaries(st.from_regex(r"x[a-z]{0,3}", fullmatch=True), values, max_size=3)


class FullDisk(Storage):
    """Refuses to append while it is full."""

    def __init__(self) -> None:
        self.full = False

    def before(self, operation: str, path: Path) -> None:
        """Refuse."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def logged(path: Path) -> list[dict[str, Any]]:
    """Return a log's events without their times."""
    events = list(read_events(path))
    assert all(event.pop("time").endswith("Z") for event in events)
    return events


def strict(value: Any) -> Any:
    """Return a value with None where a number isn't finite, written anew."""
    if isinstance(value, dict):
        return {key: strict(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [strict(inner) for inner in value]
    return (
        None if isinstance(value, float) and (value != value or abs(value) == math.inf) else value
    )


@given(events=st.lists(fields, max_size=5))
def test_events_come_back(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]]
) -> None:
    """What is written is read, one line each; NaN and infinities are null, in the log and told."""
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    told: list[Event] = []
    log = EventLog(path, told.append)
    before = b""
    for event in events:
        log.write("step", **event)
        after = path.read_bytes()
        assert after.startswith(before)  # append-only
        assert after.count(b"\n") == before.count(b"\n") + 1
        before = after
    if events:
        expected = [{"event": "step", **strict(event)} for event in events]
        assert logged(path) == expected
        assert [{k: v for k, v in e.items() if k != "time"} for e in told] == expected


@given(value=values)
def test_finite_is_strict_json_and_settles(value: Any) -> None:
    """Anything becomes what strict JSON can hold; once it is, it stays."""
    found = finite(value)
    assert json.loads(json.dumps(found, allow_nan=False)) == found == finite(found)


def test_no_value_can_stop_a_run(tmp_path: Path) -> None:
    """Numbers of a library are numbers, and what JSON has no word for is said in text."""
    given: Mapping[str, Any] = {
        "a": np.float32(0.5),
        "b": np.int64(3),
        "c": np.float32("nan"),
        "d": (Path("x"), {1: 2}),
    }
    EventLog(tmp_path / "log", lambda event: None).write("odd", **given)
    assert logged(tmp_path / "log") == [
        {"event": "odd", "a": 0.5, "b": 3, "c": None, "d": ["x", {"1": 2}]}
    ]


# --- crashes --------------------------------------------------------------------------------------


@given(data=st.data(), zeros=st.integers(0, 3))
def test_a_torn_line_hides_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, zeros: int
) -> None:
    """Cut off anywhere, with zeros after it or not, the log gives every event but the torn one."""
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    for number in range(3):
        EventLog(path, lambda event: None).write("step", number=number)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut] + bytes(zeros))
    kept = sum(1 for at in range(3) if len(b"".join(lines[: at + 1]).rstrip(b"\n")) <= cut)
    assert [e["number"] for e in logged(path)] == list(range(kept))
    end_torn_line(path)
    once = path.read_bytes()
    end_torn_line(path)
    assert path.read_bytes() == once
    assert once.startswith(whole[:cut])
    EventLog(path, lambda event: None).write("step", number=9)
    assert [e["number"] for e in logged(path)] == [*range(kept), 9]


def test_a_log_that_is_not_there_is_left_alone(tmp_path: Path) -> None:
    """There is nothing to end in no file and in an empty one."""
    end_torn_line(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").touch()
    end_torn_line(tmp_path / "empty")
    assert list(read_events(tmp_path / "empty")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file or directory"),
        (b'{"event": "a"}\nrubbish\n{"event": "b"}\n', ":2: not a JSON object"),
        (b'{"event": "a"}\n[1]\n', ":2: expected a JSON object, found b'[1]'"),
        (b"\xff\n{}\n", ":1: not a JSON object"),
        (b"[" * 100_000 + b"\n{}\n", ":1: not a JSON object"),
    ],
)
def test_a_log_that_no_crash_explains_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """The path and the line are in the message."""
    path = tmp_path / "events.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        list(read_events(path))
    assert str(raised.value).startswith(str(path))
    assert said in str(raised.value)


# --- a full disk ----------------------------------------------------------------------------------


@given(full=st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_full_disk_loses_no_event(
    tmp_path_factory: pytest.TempPathFactory, full: list[bool]
) -> None:
    """Events wait in memory, are told all the same, and are written in order when there is room."""
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    told: list[Event] = []
    disk = FullDisk()
    log = EventLog(path, told.append, disk)
    for number, disk.full in enumerate([*full, False]):
        log.write("step", number=number)
    assert logged(path) == [{"event": "step", "number": n} for n in range(len(full) + 1)]
    assert [e["number"] for e in told if e["event"] == "step"] == list(range(len(full) + 1))
    warnings = [str(e["message"]) for e in told if e["event"] == "warning"]
    spells = sum(1 for at, now in enumerate(full) if now and not (at and full[at - 1]))
    assert warnings == [f"{path}: No space left on device; events wait in memory"] * spells


def test_the_newest_thousand_wait(tmp_path: Path) -> None:
    """A disk that stays full does not fill the memory as well."""
    disk = FullDisk()
    log = EventLog(tmp_path / "log", lambda event: None, disk)
    disk.full = True
    for number in range(1500):
        log.write("step", number=number)
    disk.full = False
    log.write("step", number=1500)
    assert [e["number"] for e in logged(tmp_path / "log")] == list(range(501, 1501))
