"""Laws of trackers: what they wrote, read back with the real packages, is what the run logged."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ectrain.testing import observer_contract
from ectrain.testing.observer import events
from ectrain_trackers.figures import figures
from ectrain_trackers.tracker import Tracker


def tracker(name: str) -> Any:
    """Return a tracker, or skip where its package is not installed."""
    package = {"tensorboard": "tensorboard", "mlflow": "mlflow"}[name]
    pytest.importorskip(package, reason=f"needs ectrain[{name}]")
    import importlib

    return importlib.import_module(f"ectrain_trackers.{name}").observer


NAMES = ("tensorboard", "mlflow")
test_tensorboard_contract = observer_contract(lambda: tracker("tensorboard"))
test_mlflow_contract = observer_contract(lambda: tracker("mlflow"), end_seconds=60)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


def tell(observer: Tracker, directory: Path, resumed: bool = False, most: int = 99) -> list[str]:
    """Tell a tracker of a run and return what it said."""
    hooks = {
        "run_started": lambda event: observer.ectrain_run_started(event, directory),
        "step": observer.ectrain_step_ended,
        "evaluated": observer.ectrain_evaluated,
        "run_ended": observer.ectrain_run_ended,
    }
    told = [event for event in events(directory, resumed) if event["event"] in hooks]
    return [text for event in told[:most] if (text := hooks[event["event"]](event))]


def expected(directory: Path) -> dict[str, list[tuple[int, Any]]]:
    """Return the figures of the run by name, each with its steps."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for event in events(directory):
        for name, value in figures(event).items():
            found.setdefault(name, []).append((event["step"], pytest.approx(value, rel=1e-6)))
    return found


def written(name: str, directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the figures that a tracker wrote, read with the tool's own reader."""
    if name == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        reader = EventAccumulator(str(directory / "tensorboard"))
        reader.Reload()
        tags = reader.Tags()["scalars"]
        return {tag: [(x.step, x.value) for x in reader.Scalars(tag)] for tag in tags}
    from mlflow.tracking import MlflowClient

    client = MlflowClient((directory / "mlruns").absolute().as_uri())
    run = client.get_run((directory / "mlflow_run").read_text().strip())
    assert run.info.status == "FINISHED"
    return {
        key: [(x.step, x.value) for x in client.get_metric_history(run.info.run_id, key)]
        for key in run.data.metrics
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a run's directory."""
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_figures_have_plain_names_and_are_finite(directory: Path) -> None:
    """Losses, rates, metrics and estimates come by name; what is undefined is left out."""
    found = expected(directory)
    assert {"train/echo/loss", "train/rate", "val/echo/loss", "val/echo/pass_1"} <= set(found)
    assert {"test/echo/guess", "test/echo/pass_1.low"} <= set(found)
    assert not any("accuracy" in name or "spoken" in name for name in found)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_what_was_logged(name: str, directory: Path) -> None:
    """Read back with the tool's own reader, every figure is there, with its step."""
    observer = tracker(name)
    assert tell(observer, directory) == []
    assert written(name, directory) == expected(directory)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_goes_on_is_the_same_run_there(name: str, directory: Path) -> None:
    """Cut short after step 3, and on from the checkpoint at step 2: each step is there once."""
    observer = tracker(name)
    tell(observer, directory, most=4)
    if observer._background is not None:  # what a killed process would have had the time for
        observer._background.end(30)
    tell(observer, directory, resumed=True)
    steps = [step for step, _ in written(name, directory)["train/echo/loss"]]
    assert sorted(set(steps)) == [1, 2, 3, 4]
    if name == "tensorboard":  # purged; MLflow keeps both values of step 3
        assert steps == [1, 2, 3, 4]


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Return the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()
        taken: list[socket.socket] = []

        def accept() -> None:
            while not over.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        thread.join()
        for connection in taken:
            connection.close()


def test_a_server_that_never_answers_stops_nothing(
    directory: Path, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging server keeps the run waiting for the time given, once; all is counted as lost."""
    kind = type(tracker("mlflow"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    observer, started = kind(patience_s=0.3), time.monotonic()
    said = tell(observer, directory)
    assert said == ["8 of 8 events were dropped: they were not taken within 0.3 s"]
    assert time.monotonic() - started < 15


def test_a_server_that_is_not_there_is_said(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing listens, every event is counted as lost and the reason is told."""
    kind = type(tracker("mlflow"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said = tell(kind(patience_s=20), directory)
    assert said[-1].startswith("8 of 8 events were dropped: MlflowException: ")
