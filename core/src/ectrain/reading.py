"""Attention of one new token of each row to all that the row has read.

Uncompiled it is two batched products; compiled it is one loop over keys and values, as fast as the
memory gives them.

Shape suffixes: r rows, p heads of queries, then keys, then values, k key-value heads, g query heads
of each of those, b blocks of the cache, c columns of a block, e head size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ectrain.compiling import keep_compiled_code
from ectrain.layer import rotate
from ectrain.slots import BLOCK, Places, View

Read = Callable[[Tensor, Tensor, Tensor, Places, View], Tensor]


def read_on(
    qkv_rpe: Tensor, cos_r1e: Tensor, sin_r1e: Tensor, places: Places, view: View
) -> Tensor:
    """Store each row's new key and value, and return what its queries mix, `[r, k * g * e]`.

    Args:
        qkv_rpe: Queries, keys and values, not yet rotated.
        cos_r1e: Cosines of each row's position.
        sin_r1e: Sines.
        places: Where the new keys and values go.
        view: What the rows see.
    """
    rows, kv_heads, _, size, _ = view.keys_rkbec.shape
    heads = qkv_rpe.shape[1] - 2 * kv_heads
    turned_rpe = rotate(qkv_rpe[:, : heads + kv_heads], cos_r1e, sin_r1e)
    view.store(places, turned_rpe[:, heads:], qkv_rpe[:, heads + kv_heads :])
    q_rkge = turned_rpe[:, :heads].reshape(rows, kv_heads, -1, size)
    mix = _in_one_loop if torch.compiler.is_compiling() else _by_products
    return mix(q_rkge, view.used()).reshape(rows, -1)


def _by_products(q_rkge: Tensor, view: View) -> Tensor:
    scores_rkbgc = q_rkge.unsqueeze(2) @ view.keys_rkbec
    share_rkgbc = _shares(scores_rkbgc.transpose(2, 3), q_rkge, view).to(q_rkge.dtype)
    return (share_rkgbc.transpose(2, 3) @ view.values_rkbce).sum(2)


def _in_one_loop(q_rkge: Tensor, view: View) -> Tensor:
    products = q_rkge[:, :, :, None, :, None].float() * view.keys_rkbec[:, :, None]
    share_rkgbc = _shares(products.sum(4), q_rkge, view)
    mixed_rkge = (share_rkgbc.unsqueeze(-1) * view.values_rkbce[:, :, None]).sum((3, 4))
    return mixed_rkge.to(q_rkge.dtype)


def _shares(scores_rkgbc: Tensor, q_rkge: Tensor, view: View) -> Tensor:
    """Return the softmax over all that a row sees, in float32."""
    biased_rkgbc: Tensor = scores_rkgbc * q_rkge.shape[-1] ** -0.5 + view.bias_rbc[:, None, None]
    share: Tensor = biased_rkgbc.flatten(3).softmax(-1)
    return share.view_as(biased_rkgbc)


def compiled_read(heads: int, kv_heads: int, size: int, dtype: torch.dtype) -> Read:
    """Return `read_on` compiled for any number of rows above 1, blocks above 1 and any capacity.

    The first call for a shape takes some seconds, or one where the code is in the user's cache.
    Where compiling fails there is a warning, and `read_on` as it is.
    """
    try:
        return _compiled(heads, kv_heads, size, dtype)
    except Exception as error:
        reason = str(error).splitlines()[0]
        warnings.warn(f"writing goes on uncompiled: {reason}", RuntimeWarning, stacklevel=2)
        return read_on


@cache
def _compiled(heads: int, kv_heads: int, size: int, dtype: torch.dtype) -> Read:
    """Compile by a call whose sizes differ from one another: torch takes equal ones for one."""
    keep_compiled_code()
    rows, blocks, capacity, block = 3, 2, 5, BLOCK
    keys = torch.zeros(rows, kv_heads, capacity, size, block, dtype=dtype)
    values = torch.zeros(rows, kv_heads, capacity, block, size, dtype=dtype)
    view = View(keys, values, torch.zeros(rows, blocks, block))
    nought_r = torch.zeros(rows, dtype=torch.long)
    places = Places(torch.arange(rows), nought_r, nought_r.clone())
    qkv_rpe = torch.zeros(rows, heads + 2 * kv_heads, size, dtype=dtype)
    cos_r1e, sin_r1e = (torch.zeros(rows, 1, size // 2, dtype=dtype) for _ in range(2))
    for tensor in (qkv_rpe, cos_r1e, sin_r1e, *places, *view):
        torch._dynamo.mark_dynamic(tensor, 0)
    for tensor, dimension in ((keys, 2), (values, 2), (view.bias_rbc, 1)):
        torch._dynamo.mark_dynamic(tensor, dimension)
    compiled: Read = torch.compile(read_on)
    compiled(qkv_rpe, cos_r1e, sin_r1e, places, view)
    return compiled
