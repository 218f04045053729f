"""Weights that a new run begins with, taken from another run: by name, and told part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from ectrain.changes import changes
from ectrain.checkpoint import Checkpoints, Entry, no_checkpoint
from ectrain.config import RunConfig, from_dict
from ectrain.errors import CheckpointError
from ectrain.model import AnyTask, Model, check_fingerprint
from ectrain.tokenizer import Tokenizer

_EMBEDDING = "trunk.embedding.weight"
_FIRST = 5  # weights that a refusal names


@attrs.frozen(eq=False)
class Start:
    """What another run has to begin with.

    Attributes:
        run: Its directory.
        entry: Its best checkpoint.
        tokenizer: What its tokens mean, with those that the new tasks have beside them.
        tensors: Its weights by name.
        config: What it was trained with.
    """

    run: Path
    entry: Entry
    tokenizer: Tokenizer
    tensors: Mapping[str, Tensor] = attrs.field(repr=False)
    config: RunConfig = attrs.field(repr=False)

    def give(self, model: Model) -> dict[str, Any]:
        """Let a new model begin with these weights, and return what became of each part.

        All of the trunk is taken over; rows of tokens that are new keep their own first weights. A
        head is taken over whole, where the model has one of that name and shape.

        Returns:
            As the event `run_started` tells it under `init`.

        Raises:
            CheckpointError: The trunk's weights don't fit; the settings that differ are named.
        """
        own = model.state_dict()
        self._refuse_another_trunk(own, model)
        parts = {"trunk": "loaded"}
        grown = len(own[_EMBEDDING]) - len(self.tensors[_EMBEDDING])
        if grown:
            parts["trunk"] = f"loaded; {grown} of {len(own[_EMBEDDING])} tokens are new"
        taken = {name: self._fitted(name, x) for name, x in own.items() if _of(name) == "trunk"}
        for task in model.heads:
            mine, theirs = _part(own, task), _part(self.tensors, task)
            parts[f"head {task}"] = _fate(mine, theirs)
            if parts[f"head {task}"] == "loaded":
                taken.update(theirs)
        left = {_of(name) for name in self.tensors} - {_of(name) for name in own}
        parts.update({f"head {task}": "left out: no task of this run" for task in sorted(left)})
        model.load_state_dict({**own, **taken})
        return {"run": str(self.run), "step": self.entry.step, "parts": parts}

    def _fitted(self, name: str, own: Tensor) -> Tensor:
        """Return a weight of the trunk; the embedding with rows for what is new."""
        given = self.tensors[name].to(own.dtype)
        return torch.cat([given, own[len(given) :]]) if name == _EMBEDDING else given

    def _refuse_another_trunk(self, own: Mapping[str, Tensor], model: Model) -> None:
        odd = []
        for name in sorted({*own, *self.tensors}):
            if _of(name) != "trunk":
                continue
            mine, theirs = (x[name].shape if name in x else None for x in (own, self.tensors))
            if name == _EMBEDDING and mine and theirs:
                mine, theirs = mine[1:], theirs[1:]
            if mine != theirs:
                odd.append(f"{name} is {_shown(theirs)} there and {_shown(mine)} here")
        if not odd:
            return
        more = f" and {len(odd) - _FIRST} more" if len(odd) > _FIRST else ""
        here = attrs.evolve(self.config, trunk=model.trunk.config)
        keys = [
            f"{c.key} is {c.old!r} there and {c.new!r} here" for c in changes(self.config, here)
        ]
        raise CheckpointError(
            f"{self.run} can't be begun with: {'; '.join(keys + odd[:_FIRST])}{more}; "
            "give this run the same trunk (--size, or --set trunk...)"
        )


def _of(name: str) -> str:
    """Return what a weight belongs to: "trunk", or a task."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "heads" else first


def _part(tensors: Mapping[str, Tensor], task: str) -> dict[str, Tensor]:
    return {name: x for name, x in tensors.items() if name.startswith(f"heads.{task}.")}


def _fate(mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> str:
    """Return what becomes of a head."""
    if not theirs:
        return "new" if mine else "has no weights"
    if {n: x.shape for n, x in mine.items()} != {n: x.shape for n, x in theirs.items()}:
        return "new: another shape there"
    return "loaded"


def _shown(shape: torch.Size | None) -> str:
    return "absent" if shape is None else str(list(shape))


def read_start(
    run: Path, tasks: Iterable[AnyTask], warn: Callable[[str], None] = lambda message: None
) -> Start:
    """Return what a run has to begin another one with: its best checkpoint.

    Args:
        run: Its directory.
        tasks: Of the new run; tokens of theirs that the run's tokenizer lacks are added to it.
        warn: Called with a sentence for each checkpoint that is passed over.

    Raises:
        CheckpointError: There is no checkpoint that verifies.
    """
    passed_over: list[str] = []
    checkpoints = Checkpoints(run / "checkpoints", warn=passed_over.append)
    loaded = checkpoints.best()
    if loaded is None:
        raise no_checkpoint(checkpoints.directory, passed_over)
    for message in dict.fromkeys(passed_over):
        warn(message)
    place = loaded.entry.path / "tokenizer.json"
    tokenizer = Tokenizer.from_json(loaded.tokenizer, str(place))
    check_fingerprint(tokenizer, loaded.document("state"), loaded.entry.path)
    for task in sorted(tasks, key=lambda task: task.name):
        tokenizer = tokenizer.extended(task.control_tokens(), task.symbols())
    config = from_dict(loaded.document("config"))
    return Start(run, loaded.entry, tokenizer, loaded.tensors("model"), config)


def as_begun(model: Model) -> Model:
    """Return a model with the weights that training began with, at the same place.

    Raises:
        CheckpointError: It began with a run that can't be read any more.
    """
    fresh = Model(model.trunk.config, model.tasks, model.tokenizer, model.seed)
    if model.init:
        read_start(Path(model.init), model.tasks.values()).give(fresh)
    return fresh.to(model.device).eval()
