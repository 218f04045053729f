"""A trunk small enough for any test."""

from __future__ import annotations

import torch

from ectrain.config import TrunkConfig
from ectrain.device import Place
from ectrain.trunk import Trunk


def tiny_shape(context: int = 64, width: int = 32) -> TrunkConfig:
    """Return the shape of a trunk of one layer.

    Args:
        context: Most tokens of a segment.
        width: Of a token's vector, a multiple of 4.
    """
    return TrunkConfig(layers=1, width=width, heads=2, kv_heads=2, ffn=48, context=context)


def tiny_trunk(vocabulary: int = 320, context: int = 64, seed: int = 0) -> Trunk:
    """Return a trunk of one layer, the same for the same seed; torch's own random state stays.

    Args:
        vocabulary: How many tokens there are.
        context: Most tokens of a segment.
        seed: Of its weights.
    """
    with torch.random.fork_rng(devices=[]):
        trunk = Trunk(tiny_shape(context), vocabulary)
    trunk.initialize(torch.Generator().manual_seed(seed))
    return trunk


def processor(dtype: torch.dtype = torch.float32) -> Place:
    """Return the processor as the place to compute, in a format."""
    return Place(torch.device("cpu"), dtype)
