"""Tasks that make their data themselves, before each epoch, from the model as it is then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ectrain.batches import Drawable, examples_of
from ectrain.draws import Draws
from ectrain.errors import PluginError
from ectrain.model import AnyTask, Model
from ectrain.order import keyed_random
from ectrain.plugins import blame
from ectrain.task import Task

Weights = Mapping[str, Tensor]


def makes_data(task: AnyTask) -> bool:
    """Return whether a task makes new data before an epoch."""
    return type(task).refresh is not Task.refresh


class Refresher:
    """Lets tasks make the data of an epoch, the same again where a run goes on inside it.

    What a task makes depends on its settings, the epoch and the weights that the epoch began with.
    So these weights are all that a checkpoint inside an epoch has to keep.

    Args:
        model: What data is made from.
        draws: What draws it.
        seed: Of torch's random numbers while it is made.
        start: Weights that the open epoch began with, where a checkpoint has them.
    """

    def __init__(self, model: Model, draws: Draws, seed: int, start: Weights | None = None) -> None:
        self._model, self._draws, self._seed = model, draws, seed
        self.start: Weights = start or {}

    def begin(self, names: Sequence[str], epoch: int, is_open: bool) -> None:
        """Let tasks make their data of an epoch.

        Args:
            names: Tasks of the epoch.
            epoch: From 1.
            is_open: Whether steps of the epoch were taken before.

        Raises:
            PluginError: A task fails, or changes the model.
        """
        tasks = self._model.tasks
        makers = [name for name in names if makes_data(tasks[name])]
        if not makers:
            self.start = {}
            return
        if not (is_open and self.start):
            self.start = _copied(self._model)
        if not self._model.origin and any(tasks[name].keeps_origin() for name in makers):
            self._model.origin = self.start
        with self._as_it_began():
            for name in makers:
                self._refresh(name, epoch)

    @contextmanager
    def _as_it_began(self) -> Iterator[None]:
        """Give the model the weights that the epoch began with, in evaluation mode."""
        now, was_training = _copied(self._model), self._model.training
        self._model.restore(self.start)
        self._model.eval()
        try:
            yield
        finally:
            self._model.restore(now)
            self._model.train(was_training)

    def _refresh(self, name: str, epoch: int) -> None:
        task = self._model.tasks[name]
        torch.manual_seed(keyed_random(self._seed, "refresh", name, epoch).getrandbits(63))
        with blame(name, "refresh", f"epoch {epoch}"):
            task.refresh(self._model, epoch)
        for key, value in self._model.state_dict().items():
            if not torch.equal(value.cpu(), self.start[key]):
                raise PluginError(
                    f"task {name}: refresh for epoch {epoch} changes {key}; expected the model as "
                    "it was: train on a copy"
                )
        self._draws.replace(Drawable(name, task, examples_of(name, task, "train")))


def _copied(model: Model) -> dict[str, Tensor]:
    return {name: x.detach().to("cpu", copy=True) for name, x in model.state_dict().items()}
