"""Attention written out, with its own gradient: for training on a CPU, without dropout.

Input: queries, keys and values [B, A, S, D] and a mask. Output: [B, A, S, D].
torch's fused attention has a slow backward pass on a CPU. Of the products, mask and softmax written
out, autograd keeps float32 copies and goes back through the mask and the scale; here only the
probabilities are kept, in the type of the products. In bfloat16 a whole step of a small ALBERT
(H312 L6) takes 0.91 of its time with autograd's gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def attend_explicitly(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Let each query attend to the keys that the mask allows.

    The gradient has no gradient of its own.

    Args:
        q: Queries [B, A, Q, D].
        k: Keys [B, A, S, D].
        v: Values [B, A, S, D], all of one type, also under autocast.
        mask: bool, broadcast to [B, A, Q, S], True for keys to attend to, at least one for each
            query; None: all keys.

    Returns:
        [B, A, Q, D].
    """
    context: Tensor = _Attention.apply(q, k, v, mask)  # type: ignore[no-untyped-call]
    return context


class _Attention(torch.autograd.Function):
    """softmax(q kᵀ / √D) v."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Compute the context, and keep the probabilities."""
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # else each product copies them
        scores = (q @ k.transpose(-1, -2)).mul_(q.shape[-1] ** -0.5)  # [B, A, Q, S]
        if mask is not None:
            scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
        # torch.softmax would give float32 under autocast; both sum in float32
        probs = torch._softmax(scores, -1, False)
        ctx.save_for_backward(q, k, v, probs)
        return probs @ v

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """The gradients of q, k and v; where a probability is 0, so is its score's gradient."""
        q, k, v, probs = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_probs = gradient @ v.transpose(-1, -2)  # [B, A, Q, S]
        of_scores = torch._softmax_backward_data(of_probs, probs, -1, probs.dtype)
        of_scores.mul_(q.shape[-1] ** -0.5)
        of_v = probs.transpose(-1, -2) @ gradient
        return of_scores @ k, of_scores.transpose(-1, -2) @ q, of_v, None
