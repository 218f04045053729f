"""Log-probabilities of given tokens and entropies, without ever holding all logits.

Shape suffixes: m tokens, c tokens of a chunk, d width, v vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 512  # rows of logits at a time


class _Taken(torch.autograd.Function):
    """Keeps each chunk's shares in the format of the hidden rows."""

    @staticmethod
    def forward(
        ctx: Any, hidden_md: Tensor, vocabulary_vd: Tensor, token_m: Tensor
    ) -> tuple[Tensor, Tensor]:
        log_probs, entropies, shares = [], [], []
        for at in range(0, len(token_m), CHUNK):
            logits_cv = (hidden_md[at : at + CHUNK] @ vocabulary_vd.t()).float()
            all_c1 = logits_cv.logsumexp(-1, keepdim=True)
            right_c1 = logits_cv.gather(1, token_m[at : at + CHUNK, None])
            share_cv = (logits_cv - all_c1).exp_()
            log_probs.append((right_c1 - all_c1).squeeze(1))
            entropies.append(all_c1.squeeze(1) - (share_cv * logits_cv).sum(-1))
            shares.append(share_cv.to(hidden_md.dtype))
        ctx.save_for_backward(hidden_md, vocabulary_vd, token_m, *shares)
        entropy_m = torch.cat(entropies)
        ctx.mark_non_differentiable(entropy_m)
        return torch.cat(log_probs), entropy_m

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        hidden_md, vocabulary_vd, token_m, *shares = ctx.saved_tensors
        grad_hidden_md = torch.empty_like(hidden_md)
        grad_vocabulary_vd = torch.zeros_like(vocabulary_vd, dtype=torch.float32)
        for number, share_cv in enumerate(shares):
            chunk = slice(number * CHUNK, number * CHUNK + len(share_cv))
            grad_c1 = grads[0][chunk, None]
            grad_cv = share_cv * -grad_c1.to(share_cv.dtype)
            grad_cv.scatter_add_(1, token_m[chunk, None], grad_c1.to(share_cv.dtype))
            torch.mm(grad_cv, vocabulary_vd, out=grad_hidden_md[chunk])
            grad_vocabulary_vd += grad_cv.t() @ hidden_md[chunk]
        return grad_hidden_md, grad_vocabulary_vd.to(vocabulary_vd.dtype), None


def taken(hidden_md: Tensor, vocabulary_vd: Tensor, token_m: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each token and the entropy where it was drawn, in nats.

    The entropy has no gradient.

    Args:
        hidden_md: One row a token.
        vocabulary_vd: One row a token of the vocabulary.
        token_m: Which.
    """
    if not len(token_m):
        nothing_m = (hidden_md.sum(-1) + vocabulary_vd.sum() * 0.0).float()
        return nothing_m, nothing_m.detach()
    log_prob_m, entropy_m = _Taken.apply(hidden_md, vocabulary_vd, token_m)  # type: ignore[no-untyped-call]
    return log_prob_m, entropy_m
