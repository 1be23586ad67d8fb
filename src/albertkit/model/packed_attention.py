"""Attention within each text, for several texts in one row: by a mask, or without padding.

Letters: R rows, W row width, T tokens of all texts, N texts, A heads, D = H/A.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.model.padded_attention import LONGEST_TEXT, attend_in_groups

Kernel = Callable[..., Tensor]
HEAD_STEP = 8  # the GPU's kernel needs head sizes that are multiples of this


def make_packed_mask(segment_ids: Tensor) -> Tensor:
    """Make the mask that separates the texts of packed rows.

    Empty slots attend to each other, so that every query has a key.

    Args:
        segment_ids: [R, W], the number of each slot's text, -1 for empty slots.

    Returns:
        bool [R, 1, W, W], True for keys to attend to.
    """
    return segment_ids[:, None, :, None] == segment_ids[:, None, None, :]


@dataclass(frozen=True, slots=True)
class TextBounds:
    """The bounds of texts that are end to end in one row, without empty slots.

    Attributes:
        offsets: int32 [N + 1], on the device of the tokens; text n has the tokens
            offsets[n]:offsets[n + 1].
        runs: (length, number of texts) of neighbours of one length. A CPU is faster with fewer
            runs: sort texts by length.
    """

    offsets: Tensor
    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> TextBounds:
        """Compute the bounds of texts.

        Args:
            lengths: [N], in the order of the texts in the row.
            device: The device of the tokens.

        Returns:
            The bounds.
        """
        offsets = torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32)
        runs = tuple((length, len(list(run))) for length, run in itertools.groupby(lengths))
        return cls(offsets.to(device), runs)

    @property
    def longest(self) -> int:
        """The length of the longest text."""
        return max(length for length, _ in self.runs)


def attend_within_texts(
    q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds, dropout: float = 0.0
) -> Tensor:
    """Let each token attend to the tokens of its own text.

    One kernel for all texts on a GPU, in bfloat16 only; else one for each run. Short texts that are
    trained on a CPU are padded in a few groups.

    Args:
        q: Queries [1, A, T, D].
        k: Keys [1, A, T, D].
        v: Values [1, A, T, D].
        bounds: The texts of the row.
        dropout: Of the attention probabilities; the one kernel has none.

    Returns:
        [1, A, T, D].
    """
    has_kernel_type = q.is_cuda and q.dtype == torch.bfloat16 and not dropout
    if has_kernel_type and (kernel := _find_kernel()) is not None:
        return _attend_in_one_kernel(kernel, q, k, v, bounds)
    if q.requires_grad and not q.is_cuda and bounds.longest <= LONGEST_TEXT:
        return attend_in_groups(q, k, v, bounds.runs, dropout)
    return _attend_run_by_run(q, k, v, bounds, dropout)


def _attend_run_by_run(
    q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds, dropout: float
) -> Tensor:
    """Compute texts of one length as a batch, without a mask or padding.

    On a CPU this takes 0.6 of the time of rows of 512 with a mask (2,048 slots of texts of
    different lengths, one thread).
    """
    A, D = q.shape[1], q.shape[3]
    parts = []
    # the gradient of a slice would be a whole array of zeros, that of a split is not
    sizes = [length * count for length, count in bounds.runs]
    tokens = zip(*(torch.split(x, sizes, 2) for x in (q, k, v)), strict=True)  # [1, A, n·S, D] each
    for (length, count), run in zip(bounds.runs, tokens, strict=True):
        qs, ks, vs = (x.view(A, count, length, D).transpose(0, 1) for x in run)  # [n, A, S, D]
        context = F.scaled_dot_product_attention(qs, ks, vs, dropout_p=dropout)
        parts.append(context.transpose(1, 2).flatten(0, 1))  # [n·S, A, D]
    return torch.cat(parts).transpose(0, 1).unsqueeze(0)


def _attend_in_one_kernel(
    kernel: Kernel, q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds
) -> Tensor:
    """Run flash attention over cumulative lengths; heads of other sizes are padded with zeros.

    flash attention 2 and ROCm refuse `num_splits=1`, which would make a text's sums independent of
    the batch.
    """
    D = q.shape[-1]
    missing = -D % HEAD_STEP
    flat = [x.squeeze(0).transpose(0, 1) for x in (q, k, v)]  # [T, A, D] each
    if missing:
        flat = [F.pad(x, (0, missing)) for x in flat]
    offsets, longest = bounds.offsets, bounds.longest
    context = kernel(*flat, offsets, offsets, longest, longest, scale=D**-0.5)
    return context.narrow(-1, 0, D).transpose(0, 1).unsqueeze(0)


@functools.cache
def _find_kernel() -> Kernel | None:
    """torch's attention over texts of any lengths, which torch 2.13 has; None in older versions."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    takes_scale = "scale" in inspect.signature(varlen_attn).parameters
    return cast(Kernel, varlen_attn) if takes_scale else None
