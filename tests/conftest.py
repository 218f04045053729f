"""What every test of core shares: plugins with real metadata, and small settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from ectrain.config import RunConfig, load_config

sys.path.insert(0, str(Path(__file__).parent / "plugins"))

torch.set_num_threads(1)

settings.register_profile("dev", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

TINY = (
    "trunk.layers=1",
    "trunk.width=16",
    "trunk.heads=2",
    "trunk.kv_heads=1",
    "trunk.ffn=24",
    "trunk.context=64",
    "tokenizer.size=320",
    "step.examples=8",
    "optimizer.rate=0.01",
    "log_seconds=0",
    "device.keep_memory=false",
    "curriculum=short",
    "scale=0.4",
)


def tiny(*overrides: str, tasks: tuple[str, ...] = ("echo", "sorting")) -> RunConfig:
    """Return a configuration of the toy tasks that trains in a second."""
    return load_config(None, (*TINY, *overrides), tasks)


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Return where a run may lie."""
    return tmp_path / "run"
