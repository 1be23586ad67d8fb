"""Documents → sequences of two segments, in order or swapped: the sentence-order task.

Unlike google's create_pretraining_data: a text of one sentence gets no order label (there it is
always a negative), no sentence is lost to truncation, the length target is drawn for each
sequence and not once a document, and nothing is repeated on disk.
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
    rng = np.random.default_rng(seed)
    for number in rng.permutation(len(shard)):
        yield from _cut(shard[int(number)], length, rng)


def _cut(document: Document, length: int, rng: np.random.Generator) -> Iterator[Sequence]:
    """A document from end to end, in stretches of whole sentences.

    A stretch that ended inside a sentence would give the order away: in order, no [SEP] stands
    after half a sentence. So only a sentence longer than the room is cut, and gets no order label.
    """
    ends = document.starts[1:]  # of the sentences, in ids
    at, last = 0, len(document.ids)
    while last - at >= SHORTEST:
        room = length - SPECIALS
        if rng.random() < SHORT_SHARE:
            room = int(rng.integers(SHORTEST, room + 1))
        fitting = ends[(ends > at) & (ends <= at + room)]
        stop = int(fitting[-1]) if len(fitting) else min(at + room, last)
        begins_whole = at == 0 or at in ends
        cuts = fitting[:-1] - at if len(fitting) and begins_whole else fitting[:0]
        yield _pair(document.ids[at:stop].astype(np.int32), cuts, rng)
        at = stop


def _pair(
    body: npt.NDArray[np.int32], cuts: npt.NDArray[np.int64], rng: np.random.Generator
) -> Sequence:
    """The body, parted at one of `cuts`, which are the sentence starts inside it."""
    if not len(cuts):
        ids = np.concatenate(([CLS], body, [SEP])).astype(np.int32)
        return Sequence(ids, _types(len(body)), IGNORED)
    cut = int(rng.choice(cuts))
    a, b, order = body[:cut], body[cut:], int(rng.random() < 0.5)
    if order:
        a, b = b, a
    ids = np.concatenate(([CLS], a, [SEP], b, [SEP])).astype(np.int32)
    return Sequence(ids, _types(len(a), len(b)), order)


def _types(a: int, b: int | None = None) -> npt.NDArray[np.int32]:
    """0 for [CLS] A [SEP], 1 for B [SEP]."""
    types = np.zeros(a + 2 + (0 if b is None else b + 1), np.int32)
    types[a + 2 :] = 1
    return types
