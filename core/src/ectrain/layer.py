"""The two halves of a layer around its attention, as functions of their weights.

All layers share them, so they are compiled once whatever the depth; attention stands between them
uncompiled, since its loop over slabs has another shape in every step.

Shape suffixes: t tokens of a pack, d width, h heads (queries, then keys, then values), e head size,
o and f outputs of a product.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.compiling import compilable
from ectrain.products import product


def rotate(x_the: Tensor, cos_t1e: Tensor, sin_t1e: Tensor) -> Tensor:
    """Turn each head's vector by its position; the halves are the real and imaginary parts."""
    real, imaginary = x_the.chunk(2, -1)
    turned = (real * cos_t1e - imaginary * sin_t1e, imaginary * cos_t1e + real * sin_t1e)
    return torch.cat(turned, -1)


@compilable(activations=1)
def normed(x_td: Tensor, norm_d: Tensor, eps: float | None) -> Tensor:
    """Return each row divided by its root mean square, times the weights.

    Source: Zhang & Sennrich, Root mean square layer normalization (2019).
    """
    return F.rms_norm(x_td, x_td.shape[-1:], norm_d, eps)


@compilable(activations=3)
def before_attention(
    x_td: Tensor,
    cos_t1e: Tensor,
    sin_t1e: Tensor,
    norm_d: Tensor,
    eps: float | None,
    qkv_od: Tensor,
    rotated: int,
    size: int,
) -> Tensor:
    """Return each token's rotated queries and keys, and its values, `[t, h, e]`.

    Args:
        x_td: The layer's input.
        cos_t1e: Cosines of each token's position.
        sin_t1e: Sines.
        norm_d: Weights of the norm.
        eps: Of the norm.
        qkv_od: Projection to queries, keys and values, one head after another.
        rotated: How many heads are queries or keys.
        size: Of a head.
    """
    normed_td = normed(x_td, norm_d, eps)
    qkv_the = product(normed_td, qkv_od).view(x_td.shape[0], -1, size)
    turned_the = rotate(qkv_the[:, :rotated], cos_t1e, sin_t1e)
    return torch.cat((turned_the, qkv_the[:, rotated:]), 1)


@compilable(activations=2)
def after_attention(
    x_td: Tensor,
    mixed_td: Tensor,
    out_dd: Tensor,
    norm_d: Tensor,
    eps: float | None,
    gate_up_fd: Tensor,
    down_df: Tensor,
) -> Tensor:
    """Return x plus what attention mixed, plus the gated feed-forward layer of that, `[t, d]`."""
    x_td = x_td + product(mixed_td, out_dd)
    normed_td = normed(x_td, norm_d, eps)
    gate_tf, up_tf = product(normed_td, gate_up_fd).chunk(2, -1)
    return x_td + product(F.silu(gate_tf) * up_tf, down_df)
