"""Documents → sequences of two segments, in order or swapped: the sentence-order task.

Unlike google's create_pretraining_data: a text of one sentence gets no order label (there it is
always a negative), no piece of a document is lost to truncation, the length target is drawn for
each sequence and not once a document, and nothing is repeated on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.pretraining.shards import Document, Shard

CLS, SEP = 2, 3
IGNORED = -100  # torch's label for "no loss here"
SPECIALS = 3  # [CLS] A [SEP] B [SEP]
SHORT_SHARE = 0.1  # google's short_seq_prob
SHORTEST = 16  # pieces; below it a sequence teaches little


@dataclass(frozen=True, slots=True)
class Sequence:
    """One training sequence before masking."""

    ids: npt.NDArray[np.int32]  # [S], with [CLS] and [SEP]
    type_ids: npt.NDArray[np.int32]  # [S]
    order: int  # 0 in order, 1 swapped, IGNORED where there is only one segment

    def __len__(self) -> int:
        return len(self.ids)


def sequences(shard: Shard, length: int, seed: int) -> Iterator[Sequence]:
    """All of the shard once, documents in random order, as sequences of at most `length` ids."""
    chance = np.random.default_rng(seed)
    for number in chance.permutation(len(shard)):
        yield from _cut(shard[int(number)], length, chance)


def _cut(document: Document, length: int, chance: np.random.Generator) -> Iterator[Sequence]:
    """A document from end to end; what is cut off begins the next sequence."""
    at, end = 0, len(document.ids)
    while end - at >= SHORTEST:
        room = length - SPECIALS
        if chance.random() < SHORT_SHARE:
            room = int(chance.integers(SHORTEST, room + 1))
        stop = min(at + room, end)
        yield _pair(document, at, stop, chance)
        at = stop


def _pair(document: Document, at: int, stop: int, chance: np.random.Generator) -> Sequence:
    """ids[at:stop], parted at a random sentence start inside."""
    body = document.ids[at:stop].astype(np.int32)
    first, last = np.searchsorted(document.starts, (at, stop), side="left")
    cuts = document.starts[first:last] - at
    cuts = cuts[cuts > 0]
    if not len(cuts):
        return Sequence(
            np.concatenate(([CLS], body, [SEP])).astype(np.int32), _types(len(body)), IGNORED
        )
    cut = int(chance.choice(cuts))
    a, b, order = body[:cut], body[cut:], int(chance.random() < 0.5)
    if order:
        a, b = b, a
    ids = np.concatenate(([CLS], a, [SEP], b, [SEP])).astype(np.int32)
    return Sequence(ids, _types(len(a), len(b)), order)


def _types(a: int, b: int | None = None) -> npt.NDArray[np.int32]:
    """0 for [CLS] A [SEP], 1 for B [SEP]."""
    types = np.zeros(a + 2 + (0 if b is None else b + 1), np.int32)
    types[a + 2 :] = 1
    return types
