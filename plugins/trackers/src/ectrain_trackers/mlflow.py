"""An observer that logs a run to MLflow: to a server, or to files in the run's directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ectrain.errors import PluginError
from ectrain.hookspecs import Event
from ectrain_trackers.figures import figures, seconds
from ectrain_trackers.tracker import Sink, Tracker

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # or MLflow reports its use elsewhere
try:
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient
except ImportError as error:
    raise PluginError(
        f"observer mlflow needs a package that is not here ({error}): pip install 'ectrain[mlflow]'"
    ) from error

FOLDER = "mlruns"
NAMED = "mlflow_run"  # file in the run's directory that holds MLflow's name of the run
EXPERIMENT = "ectrain"

_ENDINGS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class _Log:
    """A run in MLflow; one that goes on is the same there."""

    def __init__(self, first: Event, directory: Path) -> None:
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if not uri:
            # MLflow 3 wants a database, which needs more packages than its client has
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            uri = (directory / FOLDER).absolute().as_uri()
        self._client = MlflowClient(tracking_uri=uri)
        self._run = self._known(directory / NAMED) or self._new(first, directory)

    def _known(self, file: Path) -> str:
        name = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
        if name:
            self._client.update_run(name, status="RUNNING")
        return name

    def _new(self, first: Event, directory: Path) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        made = self._client.create_run(experiment, run_name=directory.name)
        run: str = made.info.run_id
        (directory / NAMED).write_text(run + "\n", encoding="utf-8")
        params = [Param(key, text[:500]) for key, text in _flat(first)]
        self._client.log_batch(run, params=params[:100])
        return run

    def write(self, event: Event) -> None:
        """Log an event's figures; the last one ends the run."""
        at = round(1000 * seconds(event))
        found = [Metric(name, x, at, event["step"]) for name, x in figures(event).items()]
        for first in range(0, len(found), 1000):  # MLflow takes no more at a time
            self._client.log_batch(self._run, metrics=found[first : first + 1000])
        if event["event"] == "run_ended":
            self._client.set_terminated(self._run, _ENDINGS[event["status"]], end_time=at)

    def close(self) -> None:
        """Do nothing: every call was complete."""


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield an event's fields, tables within tables by a name with dots."""
    for key, value in data.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif name not in ("event", "time"):
            yield name, str(value)


class MLflow(Tracker):
    """Logs where `MLFLOW_TRACKING_URI` says, else to `mlruns/` in the run's directory."""

    def open(self, event: Event, directory: Path) -> Sink:
        """Return the run's log."""
        return _Log(event, directory)


observer = MLflow()
