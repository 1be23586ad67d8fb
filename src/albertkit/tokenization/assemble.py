"""Put special tokens around pieces: [CLS] A [SEP], or [CLS] A [SEP] B [SEP], cut to a length.

In: the flat pieces of N texts, and of N second texts or none. Out: Encodings. What is cut off is
counted, never silently lost.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import InputError
from albertkit.tokenization.encodings import (
    Encodings,
    FlatPieces,
    concat_ranges,
    offsets_from_lengths,
)
from albertkit.tokenization.special_tokens import SpecialIds

Truncation = Literal["longest_first", "round_robin", "only_first", "only_second"]
TRUNCATIONS: tuple[Truncation, ...] = get_args(Truncation)


def assemble(
    first: FlatPieces,
    second: FlatPieces | None,
    specials: SpecialIds,
    *,
    max_length: int | None,
    truncation: Truncation,
    empty_second_dropped: bool,
) -> Encodings:
    """The ids of each text or pair as the model reads them.

    max_length: of one text or pair, specials included; None cuts nothing.
    empty_second_dropped: whether a second text without pieces leaves no second [SEP].
    """
    if second is None and len(first) == 1 and first.has_ids_only:
        length = len(first.ids) + 2
        if max_length is None or length <= max_length:
            return _alone(first.ids, specials)
    lengths_a = first.lengths  # [N]
    if second is None:
        lengths_b, closes = np.zeros_like(lengths_a), np.zeros_like(lengths_a)
    else:
        lengths_b = second.lengths  # [N]
        closes = np.ones_like(lengths_b)  # [N] 1 where a second [SEP] follows
        if empty_second_dropped:
            closes[lengths_b == 0] = 0
    kept_a, kept_b = lengths_a, lengths_b
    if max_length is not None:
        room = max_length - 2 - closes  # [N] for pieces
        check_room(room, max_length)
        kept_a, kept_b = kept(lengths_a, lengths_b, room, truncation)

    offsets = offsets_from_lengths(kept_a + kept_b + 2 + closes)
    begins_a = offsets[:-1] + 1
    begins_b = begins_a + kept_a + 1
    paired = np.flatnonzero(closes)
    last = (begins_b + kept_b)[paired]  # where second [SEP]s stand
    sources = [Source(first, begins_a, kept_a)]
    if second is not None:
        sources.append(Source(second, begins_b, kept_b))
    ids = np.empty(offsets[-1], np.int32)  # [T]
    type_ids = np.zeros(offsets[-1], np.int32)  # [T]
    ids[offsets[:-1]] = specials.cls
    ids[begins_a + kept_a] = specials.sep  # the [SEP] between two texts belongs to the first
    ids[last] = specials.sep
    type_ids[last] = 1
    offset_mapping = None if first.offset_mapping is None else np.zeros((offsets[-1], 2), np.int64)
    words = None if first.words is None else np.full(offsets[-1], -1, np.int32)
    for type_id, source in enumerate(sources):
        ids[source.places] = source.pieces.ids[source.taken]
        type_ids[source.places] = type_id
        if offset_mapping is not None and source.pieces.offset_mapping is not None:
            offset_mapping[source.places] = source.pieces.offset_mapping[source.taken]
        if words is not None and source.pieces.words is not None:
            words[source.places] = source.pieces.words[source.taken]
    dropped = lengths_a - kept_a + lengths_b - kept_b
    return Encodings(ids, type_ids, offsets, dropped, offset_mapping, words)


def _alone(pieces: Int32Array, specials: SpecialIds) -> Encodings:
    """A text by itself, uncut: the same in a sixth of the time, for those who ask one by one."""
    S = len(pieces) + 2
    ids = np.empty(S, np.int32)
    ids[0], ids[1:-1], ids[-1] = specials.cls, pieces, specials.sep
    return Encodings(ids, np.zeros(S, np.int32), np.array([0, S]), np.zeros(1, np.int64))


class Source:
    """Where the kept pieces of all first (or all second) texts come from and go to."""

    def __init__(self, pieces: FlatPieces, begins: Int64Array, kept: Int64Array) -> None:
        self.pieces = pieces
        self.places = concat_ranges(begins, kept)  # [kept in all]
        self.taken = concat_ranges(pieces.offsets[:-1], kept)  # [kept in all]


def check_room(room: Int64Array, max_length: int) -> None:
    if len(room) and room.min() < 0:
        raise InputError(
            "max-length-too-small",
            f"max_length is {max_length}",
            why=f"the special tokens alone take {max_length - room.min()}",
            fix="Give a larger max_length",
        )


def kept(
    lengths_a: Int64Array, lengths_b: Int64Array, room: Int64Array, truncation: Truncation
) -> tuple[Int64Array, Int64Array]:
    """How many pieces of each first and second text stay; all arrays [N].

    longest_first takes from the end of the longer text, on a tie of the second; round_robin gives
    to each in turn, the first text first. Both come to the same lengths.
    Source: google-research/albert classifier_utils.py `_truncate_seq_pair`.
    """
    if truncation in ("only_first", "only_second"):
        kept_text = lengths_b if truncation == "only_first" else lengths_a
        check_other_fits(kept_text, room, truncation)
        if truncation == "only_first":
            return np.minimum(lengths_a, room - lengths_b), lengths_b
        return lengths_a, np.minimum(lengths_b, room - lengths_a)
    half_b = room // 2
    half_a = room - half_b
    kept_a = np.minimum(lengths_a, np.maximum(half_a, room - lengths_b))
    return kept_a, np.minimum(lengths_b, room - kept_a)


def check_other_fits(lengths: Int64Array, room: Int64Array, truncation: Truncation) -> None:
    """The text that may not be cut must fit by itself."""
    long = np.flatnonzero(lengths > room)
    if len(long):
        other = "second" if truncation == "only_first" else "first"
        raise InputError(
            "truncation-impossible",
            f"the {other} text of pair {long[0]} has {lengths[long[0]]} pieces",
            why=f'room is for {room[long[0]]} and truncation="{truncation}" may not cut it',
            fix='Give a larger max_length, or truncation="longest_first"',
        )


def special_places(encodings: Encodings) -> Int32Array:
    """[T] 1 where [CLS] and [SEP] were put around the texts, 0 on the texts' own pieces."""
    is_special = np.zeros(len(encodings.ids), np.int32)
    offsets = encodings.offsets[:-1]
    first_part = (
        np.add.reduceat(1 - encodings.type_ids, offsets) if len(offsets) else offsets
    )  # [N]
    is_special[offsets] = 1
    is_special[offsets + first_part - 1] = 1
    is_special[encodings.offsets[1:] - 1] = 1
    return is_special


def without_specials(encodings: Encodings) -> Encodings:
    """The same texts without [CLS] and [SEP]."""
    kept = special_places(encodings) == 0  # [T]
    before = offsets_from_lengths(kept.astype(np.int64))  # [T + 1] pieces kept before each place
    return Encodings(
        encodings.ids[kept],
        encodings.type_ids[kept],
        before[encodings.offsets],
        encodings.dropped,
        None if encodings.offset_mapping is None else encodings.offset_mapping[kept],
        None if encodings.words is None else encodings.words[kept],
    )
