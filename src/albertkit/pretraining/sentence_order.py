"""Documents → sequences of two segments, in order or swapped: the sentence-order task.

Unlike google's create_pretraining_data: a text of one sentence gets no order label (there it is
always a negative), no sentence is lost to truncation, the target length is drawn for each
sequence rather than once a document, and nothing is repeated on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.pretraining.shards import SHORTEST, Document
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.tokenization.vocabulary import SpecialIds

ADDED = 3  # special pieces of [CLS] A [SEP] B [SEP]
SHORT_RATIO = 0.1  # google's short_seq_prob


@dataclass(frozen=True, slots=True)
class Sequence:
    """One training sequence before masking."""

    ids: Int32Array  # [S], with [CLS] and [SEP]
    type_ids: Int32Array  # [S]
    order: int  # 0 in order, 1 swapped, IGNORED_LABEL if there is only one segment

    def __len__(self) -> int:
        return len(self.ids)


def cut_document(
    document: Document, max_seq_length: int, special_ids: SpecialIds, rng: np.random.Generator
) -> Iterator[Sequence]:
    """Cut a document from end to end into sequences of whole sentences.

    A sequence that ended inside a sentence would give the order away: in order, no [SEP] follows
    half a sentence. So only a sentence longer than a sequence is cut, and it gets no order label.

    Args:
        document: ids and sentence offsets.
        max_seq_length: pieces of the longest sequence, special pieces included.
        special_ids: of the document's vocabulary.
        rng: draws lengths, cuts and orders.
    """
    ends = document.offsets[1:]  # [sentences]
    start, last = 0, len(document.ids)
    starts_whole = True  # whether `start` is the start of a sentence
    while last - start >= SHORTEST:
        room = max_seq_length - ADDED
        if rng.random() < SHORT_RATIO:
            room = int(rng.integers(SHORTEST, room + 1))
        first, stop = np.searchsorted(ends, (start, start + room), side="right")
        inside = ends[first:stop]  # the sentence ends in this sequence
        end = int(inside[-1]) if len(inside) else min(start + room, last)
        # a sentence without pieces, such as a zero-width space, ends where the one before it does
        cuts = np.unique(inside)[:-1] - start if starts_whole else inside[:0]
        yield _make_sequence(document.ids[start:end].astype(np.int32), cuts, special_ids, rng)
        starts_whole = len(inside) > 0
        start = end


def _make_sequence(
    body: Int32Array, cuts: Int64Array, special_ids: SpecialIds, rng: np.random.Generator
) -> Sequence:
    """Put the special pieces around the body, cut at one of `cuts` if there are any."""
    cls, sep = [special_ids.cls], [special_ids.sep]
    if not len(cuts):
        return Sequence(_concat(cls, body, sep), np.zeros(len(body) + 2, np.int32), IGNORED_LABEL)
    cut = int(rng.choice(cuts))
    a, b, order = body[:cut], body[cut:], int(rng.random() < 0.5)
    if order:
        a, b = b, a
    type_ids = np.zeros(len(body) + ADDED, np.int32)
    type_ids[len(a) + 2 :] = 1  # the [SEP] between the segments belongs to the first
    return Sequence(_concat(cls, a, sep, b, sep), type_ids, order)


def _concat(*parts: npt.ArrayLike) -> Int32Array:
    return np.concatenate(parts).astype(np.int32)
