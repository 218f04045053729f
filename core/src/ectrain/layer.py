"""The two halves of a layer around its attention, as functions of their weights.

All layers share them, so they are compiled once whatever the depth; attention stands between them
uncompiled, since its loop over slabs has another shape in every step.

Shape suffixes: t tokens of a pack, d width, h heads (queries, then keys, then values), e head size,
o and f outputs of a product.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import attrs
import platformdirs
import torch
import torch.nn.functional as F
from torch import Tensor


def rotate(x_the: Tensor, cos_t1e: Tensor, sin_t1e: Tensor) -> Tensor:
    """Turn each head's vector by its position; the halves are the real and imaginary parts."""
    real, imaginary = x_the.chunk(2, -1)
    turned = (real * cos_t1e - imaginary * sin_t1e, imaginary * cos_t1e + real * sin_t1e)
    return torch.cat(turned, -1)


def before_attention(
    x_td: Tensor,
    cos_t1e: Tensor,
    sin_t1e: Tensor,
    norm_d: Tensor,
    eps: float,
    qkv_od: Tensor,
    heads: tuple[int, int, int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return rotated queries and keys, and values, `[t, h, e]` each.

    Args:
        x_td: The layer's input.
        cos_t1e: Cosines of each token's position.
        sin_t1e: Sines.
        norm_d: Weights of the norm.
        eps: Of the norm.
        qkv_od: Projection to queries, keys and values, one head after another.
        heads: How many heads have queries, and keys; the size of a head.
    """
    queries, keys, size = heads
    normed_td = F.rms_norm(x_td, x_td.shape[-1:], norm_d, eps)
    qkv_the = F.linear(normed_td, qkv_od).view(x_td.shape[0], -1, size)
    turned_the = rotate(qkv_the[:, : queries + keys], cos_t1e, sin_t1e)
    return turned_the[:, :queries], turned_the[:, queries:], qkv_the[:, queries + keys :]


def after_attention(
    x_td: Tensor,
    mixed_td: Tensor,
    out_dd: Tensor,
    norm_d: Tensor,
    eps: float,
    gate_up_fd: Tensor,
    down_df: Tensor,
) -> Tensor:
    """Return x plus what attention mixed, plus the gated feed-forward layer of that, `[t, d]`."""
    x_td = x_td + F.linear(mixed_td, out_dd)
    normed_td = F.rms_norm(x_td, x_td.shape[-1:], norm_d, eps)
    gate_tf, up_tf = F.linear(normed_td, gate_up_fd).chunk(2, -1)
    return x_td + F.linear(F.silu(gate_tf) * up_tf, down_df)


@attrs.frozen
class Halves:
    """How a layer computes what stands before and after its attention."""

    before: Callable[..., tuple[Tensor, Tensor, Tensor]]
    after: Callable[..., Tensor]


EAGER = Halves(before_attention, after_attention)


@cache
def compiled_halves() -> Halves:
    """Return both halves compiled for any number of tokens."""
    cache_directory = Path(platformdirs.user_cache_dir("ectrain")) / "compiled"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_directory))
    return Halves(_compiled(before_attention, 3), _compiled(after_attention, 2))


def _compiled(function: Callable[..., Any], activations: int) -> Callable[..., Any]:
    """Compile a function once for any length of its first arguments, the activations."""
    compiled = torch.compile(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        for activation in arguments[:activations]:
            torch._dynamo.maybe_mark_dynamic(activation, 0)
        return compiled(*arguments)

    return call
