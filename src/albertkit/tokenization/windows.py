"""Cut long texts into overlapping windows, each of which fits the model by itself.

In: flat pieces, and how many pieces each text may have. Out: the windows as flat pieces, and whose
each is. Neighbouring windows share `stride` pieces (Hugging Face's meaning; google's doc_stride is
the step from window to window).
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import Int64Array
from albertkit.errors import InputError
from albertkit.tokenization.flat import FlatPieces, starts_of, stretches


def cut_windows(pieces: FlatPieces, room: Int64Array, stride: int) -> tuple[FlatPieces, Int64Array]:
    """(the windows, the text of each window [windows]).

    room: [N] pieces that a window of each text may have.
    """
    lengths = pieces.lengths  # [N]
    cut = lengths > room
    check_stride(room[cut], stride)
    steps = np.maximum(room - stride, 1)
    counts = np.where(cut, -(-(lengths - stride) // steps), 1)  # [N] windows of each text
    segment_ids = np.repeat(np.arange(len(lengths)), counts)  # [windows]
    nth = np.arange(len(segment_ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = nth * steps[segment_ids]
    kept = np.minimum(
        lengths[segment_ids] - begins,
        np.where(cut[segment_ids], room[segment_ids], lengths[segment_ids]),
    )
    return taken(pieces, pieces.offsets[:-1][segment_ids] + begins, kept), segment_ids


def repeated(pieces: FlatPieces, segment_ids: Int64Array) -> FlatPieces:
    """The texts of these numbers, whole."""
    return taken(pieces, pieces.offsets[:-1][segment_ids], pieces.lengths[segment_ids])


def taken(pieces: FlatPieces, begins: Int64Array, lengths: Int64Array) -> FlatPieces:
    """A text for each stretch of the flat pieces."""
    places = stretches(begins, lengths)
    return FlatPieces(
        pieces.ids[places],
        starts_of(lengths),
        None if pieces.offset_mapping is None else pieces.offset_mapping[places],
        None if pieces.words is None else pieces.words[places],
    )


def check_stride(room: Int64Array, stride: int) -> None:
    """The overlap must leave room for something new."""
    if len(room) and stride >= room.min():
        raise InputError(
            "stride-too-large",
            f"stride is {stride}",
            why=f"a window has room for {room.min()} pieces besides what it must hold",
            fix="Give a smaller stride or a larger max_length",
        )
