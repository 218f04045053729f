"""Summed cross-entropy over a large vocabulary without ever holding all its logits.

Shape suffixes: m rows, c rows of a chunk, d width, v vocabulary.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ectrain.compiling import compilable

CHUNK_ROWS = 512  # 512 x 8192 fp32 logits are 16 MB: they stay in the last-level cache


@compilable(activations=2, learning=False)
def _loss_and_gradient(logits_cv: Tensor, token_c1: Tensor) -> tuple[Tensor, Tensor]:
    """Return a chunk's loss in float32, and its gradient in the logits' own format, `[c, v]`."""
    shifted_cv = logits_cv.float()
    shifted_cv -= shifted_cv.amax(-1, keepdim=True)
    right_c1 = shifted_cv.gather(1, token_c1)
    share_cv = shifted_cv.exp_()
    sum_c1 = share_cv.sum(-1, keepdim=True)
    loss = (sum_c1.log() - right_c1).sum()
    grad_cv = share_cv.div_(sum_c1)
    if torch.compiler.is_compiling():  # a scatter would keep the rest from becoming one pass
        grad_cv -= (torch.arange(grad_cv.shape[1], device=grad_cv.device) == token_c1).float()
    else:
        grad_cv.scatter_add_(1, token_c1, torch.full_like(sum_c1, -1.0))
    return loss, grad_cv.to(logits_cv.dtype)


class _SummedCrossEntropy(torch.autograd.Function):
    """Makes the gradients in the forward pass, while a chunk's logits are still at hand."""

    @staticmethod
    def forward(ctx: Any, hidden_md: Tensor, vocabulary_vd: Tensor, tokens_m: Tensor) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden_md.device)
        grad_hidden_md = torch.empty_like(hidden_md)
        grad_vocabulary_vd = torch.zeros_like(vocabulary_vd, dtype=torch.float32)
        for start in range(0, len(tokens_m), CHUNK_ROWS):
            hidden_cd = hidden_md[start : start + CHUNK_ROWS]
            token_c1 = tokens_m[start : start + CHUNK_ROWS, None]
            loss, grad_low_cv = _loss_and_gradient(hidden_cd @ vocabulary_vd.t(), token_c1)
            total += loss
            torch.mm(grad_low_cv, vocabulary_vd, out=grad_hidden_md[start : start + CHUNK_ROWS])
            if grad_low_cv.dtype == torch.float32:
                grad_vocabulary_vd.addmm_(grad_low_cv.t(), hidden_cd)
            else:
                grad_vocabulary_vd += grad_low_cv.t() @ hidden_cd
        ctx.save_for_backward(grad_hidden_md, grad_vocabulary_vd.to(vocabulary_vd.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden_md, grad_vocabulary_vd = ctx.saved_tensors
        return grad_hidden_md * grads[0], grad_vocabulary_vd * grads[0], None


def summed_cross_entropy(hidden_md: Tensor, vocabulary_vd: Tensor, tokens_m: Tensor) -> Tensor:
    """Return the cross-entropy of `hidden @ vocabulary.T` with `tokens`, in nats, summed.

    Args:
        hidden_md: One row a target, `[m, d]`.
        vocabulary_vd: One row a token of the vocabulary, `[v, d]`.
        tokens_m: The right token of each row, `[m]`.

    Returns:
        A scalar; 0 with a zero gradient when there is no row.
    """
    if not torch.is_grad_enabled():
        total = torch.zeros((), device=hidden_md.device)
        for start in range(0, len(tokens_m), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            logits_cv = (hidden_md[chunk] @ vocabulary_vd.t()).float()
            total += F.cross_entropy(logits_cv, tokens_m[chunk], reduction="sum")
        return total
    result: Tensor = _SummedCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden_md, vocabulary_vd, tokens_m
    )
    return result
