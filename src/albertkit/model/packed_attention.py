"""Attention inside each text only, for several texts end to end: as a mask, or without padding.

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

Kernel = Callable[..., Tensor]
HEAD_STEP = 8  # the GPU's kernel takes heads of a multiple of this size


def make_packed_mask(segment_ids: Tensor) -> Tensor:
    """owners: [R, W] number of each slot's text, -1 for empty. Returns bool [R, 1, W, W].

    Empty slots see each other, so that no row of scores is without a key.
    """
    return segment_ids[:, None, :, None] == segment_ids[:, None, None, :]


@dataclass(frozen=True, slots=True)
class TextBounds:
    """Where texts begin that lie end to end, without a slot between them.

    starts: int32 [N + 1], on the device of the tokens; text n owns starts[n]:starts[n + 1].
    runs: (length, number) of neighbours of one length. The fewer, the faster on a CPU: lay the
    texts in the order of their lengths.
    """

    offsets: Tensor
    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> TextBounds:
        """lengths: [N] of the texts, in the order in which they lie."""
        offsets = torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32)
        runs = tuple((length, len(list(run))) for length, run in itertools.groupby(lengths))
        return cls(offsets.to(device), runs)

    @property
    def longest(self) -> int:
        return max(length for length, _ in self.runs)


def attend_within_texts(q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds) -> Tensor:
    """Each token's share of the values of its own text; q, k, v and the result: [1, A, T, D].

    On a GPU one kernel for all texts, which knows bfloat16 only; elsewhere a product for each run.
    """
    if q.is_cuda and q.dtype == torch.bfloat16 and (kernel := _kernel()) is not None:
        return _in_one_kernel(kernel, q, k, v, bounds)
    return _run_by_run(q, k, v, bounds)


def _run_by_run(q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds) -> Tensor:
    """Texts of one length are a batch, for which torch needs neither mask nor padding.

    On a CPU 0.6 of the time of rows of 512 with a mask (2,048 slots of ragged text, one thread).
    """
    A, D = q.shape[1], q.shape[3]
    parts = []
    begin = 0
    for length, count in bounds.runs:
        own = (x.narrow(2, begin, count * length) for x in (q, k, v))  # [1, A, n·S, D]
        qs, ks, vs = (x.view(A, count, length, D).transpose(0, 1) for x in own)  # [n, A, S, D]
        context = F.scaled_dot_product_attention(qs, ks, vs)
        parts.append(context.transpose(1, 2).flatten(0, 1))  # [n·S, A, D]
        begin += count * length
    return torch.cat(parts).transpose(0, 1).unsqueeze(0)


def _in_one_kernel(kernel: Kernel, q: Tensor, k: Tensor, v: Tensor, bounds: TextBounds) -> Tensor:
    """flash attention over cumulative lengths; a head of odd size gets zeros beside it.

    Nothing is asked beyond that: `num_splits=1`, by which no sum would depend on a text's company,
    is refused by flash attention 2 and by ROCm.
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
def _kernel() -> Kernel | None:
    """torch's attention over texts of any lengths; torch 2.13 has it, much older ones don't."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    takes_scale = "scale" in inspect.signature(varlen_attn).parameters
    return cast(Kernel, varlen_attn) if takes_scale else None
