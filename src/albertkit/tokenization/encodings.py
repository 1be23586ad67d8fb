"""The pieces of many texts in flat arrays, before and after special tokens are added.

FlatPieces holds the pieces alone; Encodings is what a model reads. T counts the ids of all N texts,
one text after another, without padding. `concat`, `select` and `pad` rearrange Encodings,
`cut_windows` cuts long texts into overlapping windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import InputError


@dataclass(frozen=True, slots=True)
class FlatPieces:
    """The ids of N texts; text n has ids[offsets[n]:offsets[n + 1]]."""

    ids: Int32Array  # [T]
    offsets: Int64Array  # [N + 1]
    offset_mapping: Int64Array | None = None  # [T, 2] start and end in the original text
    words: Int32Array | None = None  # [T] number of the word that the piece belongs to

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.offsets) - 1

    @property
    def has_ids_only(self) -> bool:
        """Whether neither offsets into the text nor words are known."""
        return self.offset_mapping is None and self.words is None

    @property
    def lengths(self) -> Int64Array:
        """[N] pieces of each text."""
        return self.offsets[1:] - self.offsets[:-1]  # np.diff is Python code


@dataclass(frozen=True, slots=True)
class Encoding:
    """The ids of one text: views into the arrays of an Encodings."""

    ids: Int32Array  # [S]
    type_ids: Int32Array  # [S] 0 for the first text and its [SEP], 1 for the second
    offset_mapping: Int64Array | None  # [S, 2] start and end in the text; (0, 0) for specials
    dropped: int  # pieces that truncation removed

    def __len__(self) -> int:
        """The number of ids."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encodings:
    """The ids of N texts with special tokens; text n has ids[offsets[n]:offsets[n + 1]]."""

    ids: Int32Array  # [T]
    type_ids: Int32Array  # [T]
    offsets: Int64Array  # [N + 1]
    dropped: Int64Array  # [N] pieces that truncation removed from each text
    offset_mapping: Int64Array | None = None  # [T, 2]
    words: Int32Array | None = None  # [T] number of the word in its text, -1 for specials

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> Encoding:
        """One text, as views."""
        ids = slice(int(self.offsets[number]), int(self.offsets[number + 1]))
        return Encoding(
            self.ids[ids],
            self.type_ids[ids],
            None if self.offset_mapping is None else self.offset_mapping[ids],
            int(self.dropped[number]),
        )

    def __iter__(self) -> Iterator[Encoding]:
        """Each text, as views."""
        return (self[number] for number in range(len(self)))

    @property
    def lengths(self) -> Int64Array:
        """[N] ids of each text, special tokens included."""
        return self.offsets[1:] - self.offsets[:-1]


def compute_offsets(lengths: Sequence[int] | Int64Array) -> Int64Array:
    """[N + 1] the running sum of lengths [N], from 0."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def concat_ranges(starts: Int64Array, lengths: Int64Array) -> Int64Array:
    """The numbers starts[n], starts[n] + 1, … (lengths[n] of them) for all n, in one array."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)


def concat(parts: Sequence[Encodings]) -> Encodings:
    """Put the texts of several Encodings one after another.

    Args:
        parts: at least one; either all have an offset_mapping (words) or none has.

    Returns:
        One Encodings with the texts of all parts, in their order.
    """
    offset_mapping = [part.offset_mapping for part in parts if part.offset_mapping is not None]
    words = [part.words for part in parts if part.words is not None]
    return Encodings(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.type_ids for part in parts]),
        compute_offsets(np.concatenate([part.lengths for part in parts])),
        np.concatenate([part.dropped for part in parts]),
        np.concatenate(offset_mapping) if offset_mapping else None,
        np.concatenate(words) if words else None,
    )


def select(encodings: Encodings, numbers: npt.ArrayLike) -> Encodings:
    """Take some texts, in the order given.

    Args:
        encodings: of N texts.
        numbers: [M] numbers of texts, 0 to N - 1; a number may repeat.

    Returns:
        The M texts, as copies.
    """
    texts = np.asarray(numbers, np.int64)
    lengths = encodings.lengths[texts]
    index = concat_ranges(encodings.offsets[texts], lengths)  # [T]
    return Encodings(
        encodings.ids[index],
        encodings.type_ids[index],
        compute_offsets(lengths),
        encodings.dropped[texts],
        None if encodings.offset_mapping is None else encodings.offset_mapping[index],
        None if encodings.words is None else encodings.words[index],
    )


def pad(
    values: Int32Array | Int64Array,
    offsets: Int64Array,
    *,
    width: int | None = None,
    fill: int = 0,
    side: str = "right",
) -> Int64Array:
    """Give each text a row of its own, filled up to one width.

    Args:
        values: [T, …], the texts one after another.
        offsets: [N + 1]; text n has values[offsets[n]:offsets[n + 1]].
        width: of the rows; None takes the longest text's length.
        fill: value of the padding.
        side: "right" or "left", the side on which the padding is.

    Returns:
        [N, width, …] int64.
    """
    lengths = offsets[1:] - offsets[:-1]  # [N]
    if width is None:
        width = int(lengths.max(initial=0))
    rows = np.full((len(lengths), width, *values.shape[1:]), fill, np.int64)
    columns = np.arange(width)
    columns = columns[::-1] if side == "left" else columns
    rows[columns < lengths[:, None]] = values
    return rows


def concat_pieces(parts: Sequence[FlatPieces]) -> FlatPieces:
    """Put the texts of several FlatPieces one after another; all have offsets (words) or none."""
    if len(parts) == 1:
        return parts[0]
    offset_mapping = [part.offset_mapping for part in parts if part.offset_mapping is not None]
    words = [part.words for part in parts if part.words is not None]
    return FlatPieces(
        np.concatenate([part.ids for part in parts]) if parts else np.empty(0, np.int32),
        compute_offsets(np.concatenate([part.lengths for part in parts]) if parts else []),
        np.concatenate(offset_mapping) if offset_mapping else None,
        np.concatenate(words) if words else None,
    )


def select_pieces(pieces: FlatPieces, numbers: Int64Array) -> FlatPieces:
    """The whole texts with these numbers."""
    return take_ranges(pieces, pieces.offsets[:-1][numbers], pieces.lengths[numbers])


def take_ranges(pieces: FlatPieces, starts: Int64Array, lengths: Int64Array) -> FlatPieces:
    """One text for each range of the flat pieces."""
    index = concat_ranges(starts, lengths)
    return FlatPieces(
        pieces.ids[index],
        compute_offsets(lengths),
        None if pieces.offset_mapping is None else pieces.offset_mapping[index],
        None if pieces.words is None else pieces.words[index],
    )


def cut_windows(
    pieces: FlatPieces, max_pieces: Int64Array, stride: int
) -> tuple[FlatPieces, Int64Array]:
    """Cut long texts into overlapping windows.

    Args:
        pieces: of N texts.
        max_pieces: [N], the most pieces that a window of each text may have.
        stride: pieces that neighbouring windows share (Hugging Face's meaning; google's doc_stride
            is the step from window to window). Less than `max_pieces` of every text that is cut.

    Returns:
        The windows, and the number of the text of each window [windows].

    Raises:
        InputError: [stride-too-large].
    """
    lengths = pieces.lengths  # [N]
    is_cut = lengths > max_pieces
    check_stride(max_pieces[is_cut], stride)
    steps = np.maximum(max_pieces - stride, 1)
    counts = np.where(is_cut, -(-(lengths - stride) // steps), 1)  # [N] windows of each text
    texts = np.repeat(np.arange(len(lengths)), counts)  # [windows]
    nth = np.arange(len(texts)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = nth * steps[texts]  # [windows] within each text
    window_lengths = np.minimum(
        lengths[texts] - starts, np.where(is_cut[texts], max_pieces[texts], lengths[texts])
    )
    return take_ranges(pieces, pieces.offsets[:-1][texts] + starts, window_lengths), texts


def check_stride(max_pieces: Int64Array, stride: int) -> None:
    """Each window must hold something that the one before does not."""
    if len(max_pieces) and stride >= max_pieces.min():
        raise InputError(
            "stride-too-large",
            f"stride is {stride}",
            why=f"a window has room for {max_pieces.min()} pieces besides the special tokens "
            "and the other text",
            fix="Give a smaller stride or a larger max_length",
        )
