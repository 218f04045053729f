"""An observer that writes TensorBoard's event files into the run's directory."""

from __future__ import annotations

import json
from pathlib import Path

from ectrain.errors import PluginError
from ectrain.hookspecs import Event
from ectrain_trackers.figures import figures, seconds
from ectrain_trackers.tracker import Sink, Tracker, resumed_step

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError as error:
    raise PluginError(
        f"observer tensorboard needs a package that is not here ({error}): "
        "pip install 'ectrain[tensorboard]'"
    ) from error

FOLDER = "tensorboard"


class _Files:
    """Event files; what a run that was thrown back did after its checkpoint is hidden."""

    def __init__(self, first: Event, directory: Path) -> None:
        step = resumed_step(first)
        self._writer = SummaryWriter(
            str(directory / FOLDER), purge_step=None if step is None else step + 1
        )

    def write(self, event: Event) -> None:
        """Write an event's figures, of the first and last one all that they say."""
        for name, value in figures(event).items():
            self._writer.add_scalar(name, value, event["step"], walltime=seconds(event))
        if event["event"] in ("run_started", "run_ended"):
            text = f"```\n{json.dumps(dict(event), indent=1)}\n```"
            self._writer.add_text(str(event["event"]), text, walltime=seconds(event))
        if event["event"] != "step":
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class TensorBoard(Tracker):
    """Writes to `tensorboard/` in the run's directory."""

    def open(self, event: Event, directory: Path) -> Sink:
        """Return new event files."""
        return _Files(event, directory)


observer = TensorBoard()
