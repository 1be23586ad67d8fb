"""Long texts in overlapping windows, with the number of each token's piece in its text.

Input: pieces of N texts, and of a first text before each (a question) or none. Output: windows with
special tokens. A piece that is in two windows is best read in the one where it has more context.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from albertkit.arrays import Int32Array, Int64Array
from albertkit.tokenization import AlbertTokenizer, Encodings
from albertkit.tokenization.assemble import assemble, check_room
from albertkit.tokenization.encodings import (
    FlatPieces,
    compute_offsets,
    cut_windows,
    select_pieces,
)


@dataclass(frozen=True, slots=True)
class TokenWindows:
    """The windows of N texts.

    Attributes:
        pieces: The pieces of the texts, with offsets.
        encodings: The windows, with special tokens.
        texts: [windows], the number of each window's text, ascending.
        numbers: [T], for each token the number of its piece in its text; -1 for special tokens
            and for the first text of a pair.
    """

    pieces: FlatPieces
    encodings: Encodings
    texts: Int64Array
    numbers: Int32Array

    def flat_numbers(self) -> Int64Array:
        """[T], for each token the index of its piece in `pieces`; -1 where there is none."""
        starts = np.repeat(self.pieces.offsets[self.texts], self.encodings.lengths)
        return np.where(self.numbers < 0, -1, starts + self.numbers)

    def best_tokens(self) -> Int64Array:
        """For each piece of all texts the token of the window in which it has most context.

        Returns:
            [pieces], indices of tokens. Of windows with equal context the first counts.
        """
        tokens = np.flatnonzero(self.numbers >= 0)
        windows = np.repeat(np.arange(len(self.texts)), self.encodings.lengths)[tokens]
        counts = np.bincount(windows, minlength=len(self.texts))
        position = np.arange(len(tokens)) - np.repeat(np.cumsum(counts) - counts, counts)
        context = np.minimum(position, counts[windows] - 1 - position)
        pieces = self.flat_numbers()[tokens]
        # sorted so that each piece's best token comes last, and is what stays
        order = np.lexsort((-windows, context, pieces))
        best = np.zeros(len(self.pieces.ids), np.int64)
        best[pieces[order]] = tokens[order]
        return best


def cut_token_windows(
    tokenizer: AlbertTokenizer,
    pieces: FlatPieces,
    first: FlatPieces | None = None,
    *,
    max_length: int,
    stride: int,
) -> TokenWindows:
    """Cut texts into windows.

    Args:
        tokenizer: Knows the special tokens.
        pieces: Of N texts, with offsets.
        first: Of N texts, each whole in all windows of its partner.
        max_length: Ids of a window at most, special tokens included.
        stride: Pieces that neighbouring windows share.

    Returns:
        The windows; a text without pieces has one.

    Raises:
        InputError: [max-length-too-small], [stride-too-large].
    """
    # the number of a piece travels in the field for words: each piece is one
    starts = np.repeat(pieces.offsets[:-1], pieces.lengths)
    numbered = replace(pieces, words=(np.arange(len(pieces.ids)) - starts).astype(np.int32))
    room = np.full(len(pieces), max_length - 2, np.int64)
    if first is not None:
        room = room - 1 - first.lengths
    check_room(room, max_length)
    windows, texts = cut_windows(numbered, room, stride)
    rest = None
    if first is not None:
        unnumbered = replace(
            first,
            offset_mapping=np.zeros((len(first.ids), 2), np.int64),
            words=np.full(len(first.ids), -1, np.int32),
        )
        rest = select_pieces(unnumbered, texts)
    encodings = assemble(
        windows if rest is None else rest,
        None if rest is None else windows,
        tokenizer.vocabulary.table.specials,
        max_length=None,
        truncation="longest_first",
        empty_second_dropped=tokenizer.policy.empty_second_dropped,
    )
    if encodings.words is None:
        raise AssertionError("the pieces were numbered")
    return TokenWindows(pieces, encodings, texts, encodings.words)


def cut_pieces(pieces: FlatPieces, most: int) -> tuple[FlatPieces, int]:
    """The first pieces of each text up to a limit, and how many texts were cut."""
    lengths = np.minimum(pieces.lengths, most)
    is_cut = lengths < pieces.lengths
    if not is_cut.any():
        return pieces, 0
    offsets = compute_offsets(lengths)
    index = np.arange(offsets[-1]) + np.repeat(pieces.offsets[:-1] - offsets[:-1], lengths)
    return FlatPieces(pieces.ids[index], offsets), int(np.count_nonzero(is_cut))
