"""Attention inside the segments of a pack, slab by slab.

Shape suffixes: t tokens of a pack, s segments of a slab, l its length, h heads, k key-value heads,
e head size.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.packing import Slab


def attend(q_the: Tensor, k_tke: Tensor, v_tke: Tensor, slabs: Sequence[Slab]) -> Tensor:
    """Mix each token's values from the tokens of its own segment that it may see.

    Args:
        q_the: Queries, `[t, h, e]`.
        k_tke: Keys, `[t, k, e]` where k divides h.
        v_tke: Values, as keys.
        slabs: Where the segments lie; together they cover the pack.

    Returns:
        `[t, h, e]`.
    """
    if q_the.shape[1] != k_tke.shape[1]:
        repeats = q_the.shape[1] // k_tke.shape[1]
        k_tke = k_tke.repeat_interleave(repeats, 1)
        v_tke = v_tke.repeat_interleave(repeats, 1)
    if q_the.device.type == "cpu":
        mixed: Tensor = _ExplicitProducts.apply(  # type: ignore[no-untyped-call]
            q_the, k_tke, v_tke, slabs
        )
        return mixed
    return fused_attention(q_the, k_tke, v_tke, slabs)


def fused_attention(q_the: Tensor, k_the: Tensor, v_the: Tensor, slabs: Sequence[Slab]) -> Tensor:
    """The same by torch's fused kernels: the choice on accelerators, the reference in tests."""
    parts = []
    for slab, (q, k, v) in zip(slabs, _views(slabs, q_the, k_the, v_the), strict=True):
        shape = (slab.segments, -1, slab.length, q.shape[-1])
        mask = None if slab.bias_s1ll is None else slab.bias_s1ll.to(q.dtype)
        mixed = F.scaled_dot_product_attention(
            q.reshape(shape), k.reshape(shape), v.reshape(shape), mask, is_causal=mask is None
        )
        parts.append(mixed.transpose(1, 2).reshape(-1, *q_the.shape[1:]))
    return torch.cat(parts)


def _views(slabs: Sequence[Slab], *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield each slab of `[t, h, e]` tensors as `[s * h, l, e]`."""
    heads, size = tensors[0].shape[1:]
    for slab in slabs:
        shape = (slab.segments, slab.length, heads, size)
        part = slice(slab.start, slab.start + slab.segments * slab.length)
        yield tuple(
            x[part].view(shape).transpose(1, 2).reshape(-1, slab.length, size) for x in tensors
        )


def _put(out_the: Tensor, slab: Slab, value: Tensor) -> None:
    """Write a slab's `[s * h, l, e]` back to its place in `[t, h, e]`."""
    heads, size = out_the.shape[1:]
    part = slice(slab.start, slab.start + slab.segments * slab.length)
    target = out_the[part].view(slab.segments, slab.length, heads, size)
    target.copy_(value.view(slab.segments, heads, slab.length, size).transpose(1, 2))


class _ExplicitProducts(torch.autograd.Function):
    """Plain matrix products with the probabilities kept for the backward pass.

    On a CPU this beats the fused kernel, whose backward pass computes the scores again; slabs of
    near-equal length keep the operands small enough for the cache.
    """

    @staticmethod
    def forward(
        ctx: Any, q_the: Tensor, k_the: Tensor, v_the: Tensor, slabs: Sequence[Slab]
    ) -> Tensor:
        scale = q_the.shape[-1] ** -0.5
        out_the = torch.empty_like(q_the)
        kept = []
        for slab, (q, k, v) in zip(slabs, _views(slabs, q_the, k_the, v_the), strict=True):
            if slab.bias_s1ll is None:
                bias = slab.causal_bias(q.dtype)
                scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=scale)
            else:
                scores = torch.bmm(q, k.transpose(1, 2)).mul_(scale)
                shape = (slab.segments, -1, slab.length, slab.length)
                scores.view(shape).add_(slab.bias_s1ll.to(q.dtype))
            probabilities = torch.softmax(scores, -1)
            _put(out_the, slab, torch.bmm(probabilities, v))
            kept += [q, k, v, probabilities]
        ctx.save_for_backward(*kept)
        ctx.slabs, ctx.shape = slabs, q_the.shape
        return out_the

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        kept = ctx.saved_tensors
        scale = ctx.shape[-1] ** -0.5
        dq_the, dk_the, dv_the = (grads[0].new_empty(ctx.shape) for _ in range(3))
        for number, (slab, (grad,)) in enumerate(
            zip(ctx.slabs, _views(ctx.slabs, grads[0].contiguous()), strict=True)
        ):
            q, k, v, probabilities = kept[4 * number : 4 * number + 4]
            dscores = torch._softmax_backward_data(
                torch.bmm(grad, v.transpose(1, 2)), probabilities, -1, probabilities.dtype
            ).mul_(scale)
            _put(dv_the, slab, torch.bmm(probabilities.transpose(1, 2), grad))
            _put(dq_the, slab, torch.bmm(dscores, k))
            _put(dk_the, slab, torch.bmm(dscores.transpose(1, 2), q))
        return dq_the, dk_the, dv_the, None
