"""Small states of runs, and what it means that one came back."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ectrain.checkpoint import Loaded, Snapshot

FILES = ("MANIFEST.json", "model.safetensors", "optim.safetensors", "state.json", "tokenizer.json")


def snapshot(
    step: int, loss: float | None = None, pinned: bool = False, phase: str = "p"
) -> Snapshot:
    """Return a small state that no other step has."""
    generator = torch.Generator().manual_seed(step)
    return Snapshot(
        step=step,
        epoch=step // 10,
        phase=phase,
        loss=loss,
        pinned=pinned,
        model={"w": torch.randn(3, 2, generator=generator)},
        optimizer={"w.exp_avg": torch.randn(3, 2, generator=generator)},
        documents={"state": {"progress": {"step": step}, "name": "\u65e5"}},
        tokenizer=f'{{"of": {step}}}',
    )


def assert_is(loaded: Loaded, saved: Snapshot) -> None:
    """Check that all of a snapshot came back, bit by bit."""
    fields = ("step", "epoch", "phase", "loss", "pinned")
    assert all(getattr(loaded.entry, name) == getattr(saved, name) for name in fields)
    assert loaded.tokenizer == saved.tokenizer
    for name, data in saved.documents.items():
        assert loaded.document(name) == data
    for file, tensors in (("model", saved.model), ("optim", saved.optimizer)):
        found = loaded.tensors(file)
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert found[name].dtype == tensor.dtype
            assert _bits(found[name]) == _bits(tensor)


def _bits(tensor: Tensor) -> tuple[list[int], bytes]:
    flat = tensor.detach().contiguous().flatten()
    return list(tensor.shape), bytes(flat.view(torch.uint8).tolist())


def damage(path: Path) -> None:
    """Cut the last byte off a file."""
    path.write_bytes(path.read_bytes()[:-1])
