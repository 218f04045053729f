"""Bad input through the real command line: a sentence, an exit code, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from harness import (
    LINES,
    call,
    contents,
    make_plugin,
    on_path,
    tiny,
    words,
    write_lines,
)

from ectrain.build import prepare


def run(out: Path, *overrides: str, tasks: str = "echo,sorting") -> Result:
    """Run the command line."""
    return call("run", *words(*overrides, tasks=tasks), "--out", str(out))


def refused(done: Result, code: int, said: str) -> None:
    """Assert that a command failed with this code and said this, without a traceback."""
    assert done.exit_code == code, done.stderr
    assert "error: " in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "sorry" not in done.stderr
    assert done.stdout == ""


# --- data -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install a task that reads JSON Lines."""
    folder = make_plugin(tmp_path_factory.mktemp("lines"), LINES, ["lines"])
    for _ in on_path(folder, ["lines"]):
        yield


GOOD = b'{"id": "a", "group": "a", "text": "abc"}\n'

ROWS: list[tuple[bytes, str]] = [
    (GOOD + b'{"id": "b", "group": "b", "text": "\xff"}\n', ":2: not UTF-8 at byte 36"),
    (GOOD + b'{"id": "b", "group": "b", "text": 3}\n', ":2: text: expected a string, found 3"),
    (GOOD + b'{"id": "b", "group": "b"}\n', ":2: text is missing"),
    (GOOD + GOOD, ":2: id: 'a' is already on line 1"),
    (GOOD + b"\n" + b'{"id": "b"\n', ":3: not JSON: "),
    (
        GOOD + b'{"id": "b", "group": "b", "txt": "x"}',
        ":2: unknown key 'txt'; did you mean 'text'?",
    ),
    (b"", ": no record in it"),
    (b"\n \n", ": no record in it"),
]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_that_is_missing(lines: None, tmp_path: Path, split: str) -> None:
    """A file that isn't there is named, by `run` and by `check`."""
    data = write_lines(tmp_path / "data")
    (data / f"{split}.jsonl").unlink()
    said = f"{data}/{split}.jsonl: no such file or directory"
    refused(run(tmp_path / "run", f"tasks.lines.data='{data}'", tasks="lines"), 3, said)
    done = call("check", *words(tasks="lines"), "--data", str(data))
    assert done.exit_code == 3
    assert f"FAIL  5.1.1.1  data: {said}" in done.stdout


@pytest.mark.parametrize(("content", "said"), ROWS, ids=[said for _, said in ROWS])
def test_malformed_lines(lines: None, tmp_path: Path, content: bytes, said: str) -> None:
    """A line that can't be read is named by path, line and field."""
    data = write_lines(tmp_path / "data")
    (data / "val.jsonl").write_bytes(content)
    done = run(tmp_path / "run", f"tasks.lines.data='{data}'", tasks="lines")
    refused(done, 3, f"{data}/val.jsonl{said}")


def test_data_for_tasks_that_read_none(tmp_path: Path) -> None:
    """A folder that no task would look at is refused rather than ignored."""
    source = """
        import attrs
        from toys import Letters
        from ectrain.hookspecs import hookimpl

        @attrs.frozen
        class Nothing:
            size: int = 8
            poison: str = ""

        class Deaf(Letters):
            name, config_type = "deaf", Nothing

        @hookimpl
        def ectrain_register_tasks():
            return [Deaf]
    """
    for _ in on_path(make_plugin(tmp_path / "site", source, ["deaf"]), ["deaf"]):
        given = [
            "run",
            *words(tasks="deaf"),
            "--data",
            str(tmp_path),
            "--out",
            str(tmp_path / "run"),
        ]
        refused(call(*given), 2, f"--data {tmp_path}: none of deaf reads data")


# --- a loss that is not a number ------------------------------------------------------------------


def test_a_loss_of_nan(tmp_path: Path) -> None:
    """The process exits with 1, names task and step, says what was saved; the report tells it."""
    out = tmp_path / "run"
    done = run(out, "tasks.sorting.poison=train-5")
    refused(done, 1, "error: task sorting: loss is nan at step ")
    (checkpoint,) = out.glob("checkpoints/[0-9]*")
    assert f"; the run is saved at step {int(checkpoint.name)} in {checkpoint}; the" in done.stderr
    assert "Status: failed (task sorting: loss is nan" in (out / "report.md").read_text()
    refused(run(out, "tasks.sorting.poison=train-5"), 1, f"at step {int(checkpoint.name) + 1};")


# --- the run directory ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/run", "/proc/ectrain/run", "/dev/null/run"])
def test_a_run_directory_that_can_not_be_written(tmp_path: Path, place: str) -> None:
    """Where no run can lie, the exit code is 7, the place is named and nothing else is touched."""
    (tmp_path / "file").write_text("mine")
    refused(run(tmp_path / place), 7, str(tmp_path / place))
    assert contents(tmp_path).keys() == {"file"}
    assert (tmp_path / "file").read_text() == "mine"


def test_two_runs_in_one_directory(tmp_path: Path) -> None:
    """The second one exits with 9, names who holds the directory and changes nothing in it."""
    out = tmp_path / "run"
    first = prepare(tiny(), out)
    with first.held:
        before = contents(out)
        done = run(out)
        refused(done, 9, f"{out} is in use by another run")
        assert f"(pid {os.getpid()} on " in done.stderr
        assert contents(out) == before
    assert run(out).exit_code == 0


def test_a_report_that_can_not_be_written(tmp_path: Path) -> None:
    """A report asked for where none can lie exits with 7, a missing run with 2 or 3."""
    assert run(tmp_path / "run").exit_code == 0
    refused(
        call("report", str(tmp_path / "run"), "--out", "/proc/r.md"), 7, "can't write /proc/r.md"
    )
    refused(call("report", str(tmp_path)), 3, f"{tmp_path} is not a run directory")
    refused(call("eval", str(tmp_path)), 6, "holds no checkpoint that verifies")
    assert call("report", str(tmp_path / "none")).exit_code == 2
