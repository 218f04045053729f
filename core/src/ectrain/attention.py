"""Attention inside the segments of a pack, slab by slab.

Shape suffixes: t tokens of a pack, s segments of a slab, l its length, h heads, k key-value heads,
p heads of queries, then keys, then values, e head size, r rows of one token and one head.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.packing import Slab


@attrs.frozen(eq=False)
class Layout:
    """Where a pack's segments and each token's heads lie.

    Attributes:
        slabs: Where the segments lie; together they cover the pack.
        heads: How many heads have queries.
        kv_heads: How many have keys and values; divides `heads`.
    """

    slabs: tuple[Slab, ...]
    heads: int
    kv_heads: int

    @cached_property
    def orders(self) -> "Orders":
        """What brings rows into the order of heads and back."""
        return Orders.of(self)


@attrs.frozen(eq=False)
class Orders:
    """Orders of rows in which a slab is `[s * h, l, e]` without copying it.

    Attributes:
        apart: For each row of `[t, h]`, its place where every head of a segment lies apart.
        together: The inverse.
        all_apart: For queries, keys and values, one after another and as many of each as there are
            queries, their places in `[t, p]`.
        all_together: For `[t, 3 h]`, their places in that.
    """

    apart: Tensor
    together: Tensor
    all_apart: Tensor
    all_together: Tensor

    @classmethod
    def of(cls, layout: Layout) -> "Orders":
        """Return the orders of a layout."""
        heads, kv_heads = layout.heads, layout.kv_heads
        parts = []
        for slab in layout.slabs:
            end = slab.start + slab.segments * slab.length
            rows = torch.arange(slab.start * heads, end * heads)
            parts.append(rows.view(slab.segments, slab.length, heads).transpose(1, 2).flatten())
        apart = torch.cat(parts)
        together = torch.empty_like(apart)
        together[apart] = torch.arange(len(apart))
        token, head = apart // heads * (heads + 2 * kv_heads), apart % heads
        key = token + heads + head // (heads // kv_heads)
        places = together.view(-1, heads)
        return cls(
            apart,
            together,
            torch.cat((token + head, key, key + kv_heads)),
            torch.cat((places, places + len(apart), places + 2 * len(apart)), 1).flatten(),
        )


def attend(qkv_tpe: Tensor, layout: Layout) -> Tensor:
    """Mix each token's values from the tokens of its own segment that it may see.

    Args:
        qkv_tpe: Queries, keys and values of each token.
        layout: Where the segments lie, and which heads are which.

    Returns:
        `[t, h, e]`.
    """
    if qkv_tpe.device.type == "cpu":
        mixed: Tensor = _ExplicitProducts.apply(qkv_tpe, layout)  # type: ignore[no-untyped-call]
        return mixed
    return fused_attention(qkv_tpe, layout)


def kinds(qkv_tpe: Tensor, heads: int, kv_heads: int) -> tuple[Tensor, ...]:
    """Return queries `[t, h, e]`, keys and values `[t, k, e]`, each by itself."""
    return qkv_tpe.tensor_split((heads, heads + kv_heads), 1)


def fused_attention(qkv_tpe: Tensor, layout: Layout) -> Tensor:
    """The same by torch's fused kernels: the choice on accelerators, the reference in tests."""
    repeats = layout.heads // layout.kv_heads
    q_the, k_tke, v_tke = kinds(qkv_tpe, layout.heads, layout.kv_heads)
    k_the, v_the = (x.repeat_interleave(repeats, 1) for x in (k_tke, v_tke))
    parts = []
    for slab in layout.slabs:
        part = slice(slab.start, slab.start + slab.segments * slab.length)
        shape = (slab.segments, slab.length, layout.heads, -1)
        q, k, v = (x[part].reshape(shape).transpose(1, 2) for x in (q_the, k_the, v_the))
        mask = None if slab.bias_s1ll is None else slab.bias_s1ll.to(q.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None)
        parts.append(mixed.transpose(1, 2).reshape(-1, *q_the.shape[1:]))
    return torch.cat(parts)


class _ExplicitProducts(torch.autograd.Function):
    """Plain matrix products with the probabilities kept for the backward pass.

    On a CPU this beats the fused kernel, whose backward pass computes the scores again; slabs of
    near-equal length keep the operands small enough for the cache.
    """

    @staticmethod
    def forward(ctx: Any, qkv_tpe: Tensor, layout: Layout) -> Tensor:
        size, orders = qkv_tpe.shape[-1], layout.orders
        rows_re = qkv_tpe.reshape(-1, size).index_select(0, orders.all_apart)
        mixed_re = rows_re.new_empty(len(orders.apart), size)
        parts = _slabs(layout, *rows_re.chunk(3), mixed_re)
        kept = []
        for slab, (q, k, v, mixed) in zip(layout.slabs, parts, strict=True):
            scale = size**-0.5
            if slab.bias_s1ll is None:
                bias = slab.causal_bias(q.dtype)
                scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=scale)
            else:
                scores = torch.bmm(q, k.transpose(1, 2)).mul_(scale)
                shape = (slab.segments, -1, slab.length, slab.length)
                scores.view(shape).add_(slab.bias_s1ll.to(q.dtype))
            probabilities = torch.softmax(scores, -1)
            torch.bmm(probabilities, v, out=mixed)
            kept.append(probabilities)
        ctx.save_for_backward(rows_re, *kept)
        ctx.layout = layout
        return mixed_re.index_select(0, orders.together).view(-1, layout.heads, size)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        rows_re, *kept = ctx.saved_tensors
        layout, size = ctx.layout, rows_re.shape[-1]
        orders, scale = layout.orders, size**-0.5
        grad_re = grads[0].reshape(-1, size).index_select(0, orders.apart)
        drows_re = torch.empty_like(rows_re)
        parts = _slabs(layout, *rows_re.chunk(3), *drows_re.chunk(3), grad_re)
        for probabilities, (q, k, v, dq, dk, dv, grad) in zip(kept, parts, strict=True):
            dscores = torch._softmax_backward_data(
                torch.bmm(grad, v.transpose(1, 2)), probabilities, -1, probabilities.dtype
            )
            torch.bmm(probabilities.transpose(1, 2), grad, out=dv)
            torch.baddbmm(dq, dscores, k, beta=0, alpha=scale, out=dq)
            torch.baddbmm(dk, dscores.transpose(1, 2), q, beta=0, alpha=scale, out=dk)
        d_tpe = drows_re.index_select(0, orders.all_together).view(-1, 3 * layout.heads, size)
        return _shared_summed(d_tpe, layout), None


def _slabs(layout: Layout, *tensors_re: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield each slab of tensors whose heads lie apart, as views `[s * h, l, e]`."""
    for slab in layout.slabs:
        rows = slab.segments * slab.length * layout.heads
        start = slab.start * layout.heads
        yield tuple(x[start : start + rows].view(-1, slab.length, x.shape[-1]) for x in tensors_re)


def _shared_summed(d_tpe: Tensor, layout: Layout) -> Tensor:
    """Sum the gradients of keys and values over the queries that share them: `[t, p, e]`."""
    if layout.heads == layout.kv_heads:
        return d_tpe
    queries, *others = d_tpe.chunk(3, 1)
    shared = (len(d_tpe), layout.kv_heads, -1, d_tpe.shape[-1])
    return torch.cat((queries, *(x.reshape(shared).sum(2) for x in others)), 1)
