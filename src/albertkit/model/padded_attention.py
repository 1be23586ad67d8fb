"""Attention within texts for training on a CPU: a few groups of texts, each padded to its longest.

The backward pass of torch's fused attention is slow on a CPU: a training step with explicit
products takes 0.65 of the time in bfloat16 (32 texts of 49 tokens, H256 L4), in float32 the same.
Only attention is padded, which is a few hundredths of a layer's products.
Letters: T tokens of all texts, N texts, A heads, D = H/A; of a group: n texts, t tokens, S slots.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from albertkit.model.explicit_attention import attend_explicitly

# 1, 2, 4, 8 groups: 300, 280, 280, 290 ms a step of the texts above, in bfloat16; 1, 2, 4 groups:
# 86, 82, 87 ms of 32 texts of 15 tokens
GROUPS = 2
# Slots of a text are a multiple of this: oneDNN keeps a kernel for each shape in bfloat16
SLOT_STEP = 8
LONGEST_TEXT = 128  # of longer texts the probabilities [n, A, S, S] would need much memory

Runs = tuple[tuple[int, int], ...]  # (length, number of texts) of neighbours


@dataclass(frozen=True, slots=True, eq=False)
class PaddedGroup:
    """Neighbouring texts, each in S slots.

    Attributes:
        count: n.
        length: S, at least the length of the longest.
        tokens: t, of all texts.
        slots: [t], the slot of each token, of n·S; None: all texts have S tokens.
        mask: bool [n, 1, 1, S], True for tokens; None: all are.
    """

    count: int
    length: int
    tokens: int
    slots: Tensor | None
    mask: Tensor | None

    def pad(self, x: Tensor) -> Tensor:
        """Put vectors of tokens into slots: [t, A, D] → [n, A, S, D]."""
        A, D = x.shape[1:]
        if self.slots is not None:
            x = x.new_zeros(self.count * self.length, A, D).index_copy(0, self.slots, x)
        return x.view(self.count, self.length, A, D).transpose(1, 2)

    def unpad(self, x: Tensor) -> Tensor:
        """The inverse: [n, A, S, D] → [t, A, D]."""
        flat = x.transpose(1, 2).flatten(0, 1)  # [n·S, A, D]
        return flat if self.slots is None else flat.index_select(0, self.slots)


@functools.lru_cache(maxsize=4)  # all layers of a step have the same texts
def make_groups(runs: Runs, device: torch.device) -> tuple[PaddedGroup, ...]:
    """Divide texts into groups of about equal numbers.

    Args:
        runs: The texts, as in TextBounds; sorted by length, they need the least padding.
        device: Of the vectors.
    """
    lengths = [length for length, count in runs for _ in range(count)]
    cuts = sorted({round(number * len(lengths) / GROUPS) for number in range(GROUPS + 1)})
    groups = []
    for first, last in pairwise(cuts):
        own = torch.tensor(lengths[first:last], device=device)
        count, length = last - first, -(-max(lengths[first:last]) // SLOT_STEP) * SLOT_STEP
        is_token = torch.arange(length, device=device) < own[:, None]  # [n, S]
        is_full = bool(is_token.all())
        groups.append(
            PaddedGroup(
                count,
                length,
                sum(lengths[first:last]),
                None if is_full else is_token.flatten().nonzero().squeeze(1),
                None if is_full else is_token[:, None, None, :],
            )
        )
    return tuple(groups)


def attend_in_groups(q: Tensor, k: Tensor, v: Tensor, runs: Runs, dropout: float) -> Tensor:
    """Let each token attend to the tokens of its text.

    Args:
        q: Queries [1, A, T, D].
        k: Keys [1, A, T, D].
        v: Values [1, A, T, D].
        runs: The texts, as in TextBounds.
        dropout: Of the attention probabilities.

    Returns:
        [1, A, T, D].
    """
    groups = make_groups(runs, q.device)
    sizes = [group.tokens for group in groups]
    parts = [
        group.unpad(_attend(group.pad(qs), group.pad(ks), group.pad(vs), group.mask, dropout))
        for group, qs, ks, vs in zip(groups, *(_split(x, sizes) for x in (q, k, v)), strict=True)
    ]
    return torch.cat(parts).transpose(0, 1).unsqueeze(0)


def attend_from_first_tokens(q: Tensor, k: Tensor, v: Tensor, runs: Runs, dropout: float) -> Tensor:
    """Let the first token of each text attend to the tokens of its text.

    Args:
        q: Queries of the first tokens [1, A, N, D].
        k: Keys of all tokens [1, A, T, D].
        v: Values [1, A, T, D].
        runs: The texts, as in TextBounds.
        dropout: Of the attention probabilities.

    Returns:
        [1, A, N, D].
    """
    groups = make_groups(runs, q.device)
    sizes = [group.tokens for group in groups]
    queries = _split(q, [group.count for group in groups])
    parts = [
        _attend(qs.unsqueeze(2), group.pad(ks), group.pad(vs), group.mask, dropout).squeeze(2)
        for group, qs, ks, vs in zip(
            groups, queries, _split(k, sizes), _split(v, sizes), strict=True
        )
    ]
    return torch.cat(parts).transpose(0, 1).unsqueeze(0)


def _split(x: Tensor, sizes: list[int]) -> Iterator[Tensor]:
    """The tokens of each group: [1, A, T, D] → [t, A, D] each.

    torch.split and not a slice of each: the gradient of a slice is a whole array of zeros.
    """
    return iter(torch.split(x.squeeze(0).transpose(0, 1), sizes))


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """Attention of padded texts; q: [n, A, S or 1, D]."""
    if q.requires_grad and not dropout:
        return attend_explicitly(q, k, v, mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return F.dropout(torch.softmax(scores, -1), dropout) @ v
