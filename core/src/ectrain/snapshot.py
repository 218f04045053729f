"""A run's state as the files of a checkpoint, and back: safetensors and strict JSON alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import safetensors
import safetensors.torch
from torch import Tensor

from ectrain.errors import CheckpointError
from ectrain.manifest import Entry, strict_json

_UNREADABLE = (  # the last one is also RecursionError
    safetensors.SafetensorError,
    ValueError,
    KeyError,
    RuntimeError,
)


EPOCH_START, ORIGIN = "epoch_start", "origin"


@attrs.frozen
class Snapshot:
    """All that a run needs to go on.

    Attributes:
        step: Optimizer steps done.
        epoch: Epochs done.
        phase: Phase of the curriculum.
        loss: Validation loss over the phase's tasks, None where it was not measured since.
        pinned: Kept for good: the curriculum asks for it.
        model: Weights by name.
        optimizer: Its state by name.
        documents: Plain data by name, each a JSON file.
        tokenizer: The whole tokenizer as text.
        epoch_start: Weights that the open epoch began with, where tasks make data from them.
        origin: Weights that such a task began with, where one asks for them.
    """

    step: int
    epoch: int
    phase: str
    loss: float | None
    pinned: bool
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    documents: Mapping[str, Any]
    tokenizer: str
    epoch_start: Mapping[str, Tensor] = attrs.field(factory=dict)
    origin: Mapping[str, Tensor] = attrs.field(factory=dict)

    def contents(self) -> dict[str, bytes]:
        """Return its files by name."""
        kept = {EPOCH_START: self.epoch_start, ORIGIN: self.origin}
        weights = {name: tensors for name, tensors in kept.items() if tensors}
        return {
            "model.safetensors": safetensors.torch.save(_owned(self.model)),
            "optim.safetensors": safetensors.torch.save(_owned(self.optimizer)),
            **{f"{n}.safetensors": safetensors.torch.save(_owned(x)) for n, x in weights.items()},
            "tokenizer.json": self.tokenizer.encode(),
            **{f"{name}.json": strict_json(data) for name, data in self.documents.items()},
        }


@attrs.frozen
class Loaded:
    """A verified checkpoint's content.

    Attributes:
        entry: Which checkpoint.
        contents: Its files by name; each was verified.
    """

    entry: Entry
    contents: Mapping[str, bytes] = attrs.field(repr=False)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of `<name>.safetensors`."""
        with self._blamed(f"{name}.safetensors") as data:
            return safetensors.torch.load(data)

    @property
    def epoch_start(self) -> dict[str, Tensor]:
        """The weights that the open epoch began with; none where no task needs them."""
        return self._kept(EPOCH_START)

    @property
    def origin(self) -> dict[str, Tensor]:
        """The weights that a task first made data from; none where no task asks for them."""
        return self._kept(ORIGIN)

    def _kept(self, name: str) -> dict[str, Tensor]:
        return self.tensors(name) if f"{name}.safetensors" in self.contents else {}

    def document(self, name: str) -> Any:
        """Return the data of `<name>.json`."""
        with self._blamed(f"{name}.json") as data:
            return json.loads(data)

    @property
    def tokenizer(self) -> str:
        """The tokenizer's text."""
        with self._blamed("tokenizer.json") as data:
            return data.decode()

    @contextmanager
    def _blamed(self, name: str) -> Iterator[bytes]:
        """Give a file's content, and name the file in what its reader raises."""
        if name not in self.contents:
            raise CheckpointError(f"{self.entry.path} holds no {name}")
        try:
            yield self.contents[name]
        except _UNREADABLE as error:
            raise CheckpointError(f"{self.entry.path / name}: {error}") from error


def _owned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors that share no memory, as the format wants them; tied ones are copied."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        x = tensor.detach().cpu().contiguous()
        memory = x.untyped_storage().data_ptr()
        found[name] = x.clone() if memory in seen else x
        seen.add(memory)
    return found
