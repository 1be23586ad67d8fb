"""Normalized lines ↔ the ids of a SentencePiece model, with google's digit-comma rule.

Input: lines made by normalization.py. Output: flat ids, or the pieces of one line with their
positions in it. The rule: a piece that ends in digit + comma ("▁2001,") is split into the text
before the comma, which is searched again, and the comma. The result depends on the piece alone, so
a table of all such pieces is made once and applied to all ids together.
Source: google-research/albert tokenization.py `encode_pieces`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sentencepiece

from albertkit.arrays import BoolArray, Int32Array, Int64Array
from albertkit.errors import FormatError
from albertkit.fileformats.sentencepiece_model import SentencePieceModel, read_sentencepiece_model
from albertkit.tokenization.encodings import FlatPieces, compute_offsets, concat_ranges
from albertkit.tokenization.normalization import WHITESPACE
from albertkit.tokenization.vocabulary import AddedToken, LinePiece, PieceTable, SpecialNames

if TYPE_CHECKING:
    from albertkit.tokenization.tied_paths import TiedPathSearch

SPACE = "▁"
MODEL_FILE = "spiece.model"
# Appended to a model's bytes: a second normalizer_spec with field 3 (add_dummy_prefix) false.
# Protocol buffers merge it into the first.
NO_PREFIX = b"\x1a\x02\x18\x00"
# Fewer lines are encoded one after another: a list starts a thread even for num_threads=1, which
# takes longer than these lines do, above all while OpenVINO's threads use the cores.
FEW_LINES = 16


class SentencePieces:
    """A SentencePiece model, opened from its bytes.

    Args:
        data: the contents of the file.
        name: the file's name in error messages.
        special_names: how the vocabulary calls its special pieces.
        digit_comma: the policy's field of this name.
        ties_unrounded: the policy's field of this name.
        added: tokens that were added to the vocabulary.

    Raises:
        FormatError: [vocabulary-unsupported], [special-piece-missing], or as
            `read_sentencepiece_model`.
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        *,
        special_names: SpecialNames | None = None,
        digit_comma: bool = True,
        ties_unrounded: bool = False,
        added: Iterable[AddedToken] = (),
    ) -> None:
        """Read the model and open the library's processor."""
        model = read_sentencepiece_model(data, name)
        check_kind(model, name)
        self.data = data
        self.name = name
        self.model = model
        self.digit_comma = digit_comma
        self.ties_unrounded = ties_unrounded
        # transformers lists the user-defined pieces as added tokens; the model itself cuts at them
        own = {model.pieces[number] for number in model.ids_of("user-defined")}
        new = [token for token in added if token.content not in own]
        self.table = PieceTable(model.pieces, special_names or SpecialNames(), name, new)
        self._with_prefix = open_processor(data, name)

    @cached_property
    def _without_prefix(self) -> sentencepiece.SentencePieceProcessor:
        return open_processor(self.data + NO_PREFIX, self.name)

    @cached_property
    def collapsing(self) -> str:
        """The whitespace that the model's own normalizer does not turn into single spaces."""
        normalize = self._with_prefix.normalize
        lone = normalize("a b")
        return "".join(c for c in WHITESPACE if normalize(f"{c}a{c}{c}b{c}") != lone)

    def encode_lines(
        self, lines: Sequence[str], *, prefixed: bool = True, threads: int = -1
    ) -> FlatPieces:
        """Find the pieces of many lines.

        Args:
            lines: normalized.
            prefixed: whether a line begins a word (gets a ▁) or continues the text before it.
            threads: of the library; -1 takes one for each core.

        Returns:
            The ids of each line.
        """
        processor = self._with_prefix if prefixed else self._without_prefix
        if len(lines) < FEW_LINES:
            arrays = [processor.encode(line, return_type="numpy") for line in lines]
        else:
            arrays = processor.encode(list(lines), return_type="numpy", num_threads=threads)
        lengths = np.fromiter(map(len, arrays), np.int64, len(arrays))  # [N]
        ids = np.concatenate(arrays) if arrays else np.empty(0, np.int32)  # [T]
        if self.ties_unrounded:
            tied = self._path_search.find_ties(ids, compute_offsets(lengths))
            for number in tied:
                divided = self._path_search.divide(processor.normalize(lines[number]))
                arrays[number] = np.array([piece[1] for piece in divided], np.int32)
            if tied:
                ids = np.concatenate(arrays)  # as many of each line as before
        if self.digit_comma and "," in self.table.ids:
            ids, lengths = self._split_digit_commas(ids, lengths)
        elif self.digit_comma:  # the comma may be in an unknown piece, whose id does not say so
            for number, line in enumerate(lines):
                if has_digit_comma(processor.normalize(line)):
                    pieces = self.encode_aligned(line, prefixed=prefixed)
                    arrays[number] = np.array([piece.id for piece in pieces], np.int32)
                    lengths[number] = len(pieces)
            ids = np.concatenate(arrays) if arrays else ids
        return FlatPieces(ids, compute_offsets(lengths))

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """Find the pieces of one line and their positions in it.

        A character that becomes several pieces belongs to each of them. A lone ▁ has an empty
        range.
        """
        processor = self._with_prefix if prefixed else self._without_prefix
        form, begins = processor.normalize(line, with_offsets=True)
        pieces = []
        offset = 0
        for name, number in self._divide(line, processor):
            for part, part_id, begin, end in self._split_one(name, number, offset):
                pieces.append(LinePiece(part_id, part, *find_source(form, begins, begin, end)))
            offset += len(name)
        return pieces

    def _divide(
        self, line: str, processor: sentencepiece.SentencePieceProcessor
    ) -> list[tuple[str, int]]:
        """(piece, id) of each piece of the line, before the digit-comma rule."""
        result = processor.encode(line, return_type="offset_mapping")
        if self.ties_unrounded:
            ids = np.array(result["ids"], np.int32)
            if self._path_search.find_ties(ids, compute_offsets([len(ids)])):
                return self._path_search.divide(processor.normalize(line))
        return list(zip(result["pieces"], result["ids"], strict=True))

    @cached_property
    def _path_search(self) -> TiedPathSearch:
        from albertkit.tokenization.tied_paths import (
            TiedPathSearch,  # only for the policies of TF Hub
        )

        return TiedPathSearch(self.model)

    def text_of(self, names: Sequence[str]) -> str:
        """The text of a sequence of pieces, without the space before it."""
        return "".join(names).replace(SPACE, " ").removeprefix(" ")

    def files(self) -> dict[str, bytes]:
        """The model file, byte for byte."""
        return {MODEL_FILE: self.data}

    def with_added(self, added: Sequence[AddedToken]) -> SentencePieces:
        """The same vocabulary with these added tokens in place of its own."""
        return SentencePieces(
            self.data,
            self.name,
            special_names=self.table.special_names,
            digit_comma=self.digit_comma,
            ties_unrounded=self.ties_unrounded,
            added=added,
        )

    def _split_digit_commas(
        self, ids: Int32Array, lengths: Int64Array
    ) -> tuple[Int32Array, Int64Array]:
        is_split, counts, table, table_starts = self._digit_comma_table
        hits = np.flatnonzero(is_split[ids])  # [hits]
        if not len(hits):
            return ids, lengths
        whole = ids[hits]
        grown = np.ones(len(ids), np.int64)  # [T]
        grown[hits] = counts[whole]
        new_ids = np.repeat(ids, grown)
        starts = (np.cumsum(grown) - grown)[hits]  # [hits] where the new pieces begin
        new_ids[concat_ranges(starts, counts[whole])] = table[
            concat_ranges(table_starts[whole], counts[whole])
        ]
        segment_ids = np.searchsorted(np.cumsum(lengths), hits, side="right")  # [hits]
        longer = lengths + np.bincount(
            segment_ids, weights=counts[whole] - 1, minlength=len(lengths)
        ).astype(np.int64)
        return new_ids, longer

    @cached_property
    def _digit_comma_table(
        self,
    ) -> tuple[BoolArray, Int64Array, Int32Array, Int64Array]:
        """For each id: is it split, into how many, all new ids, where its own begin in those."""
        is_split = np.zeros(len(self.table), np.bool_)
        counts = np.ones(len(self.table), np.int64)
        table: list[int] = []
        table_starts = np.zeros(len(self.table), np.int64)
        for number, name in enumerate(self.model.pieces):
            if name[-1] == "," and is_digit_comma(name):
                parts = self._digit_comma_parts(name)
                is_split[number] = True
                counts[number] = len(parts)
                table_starts[number] = len(table)
                table.extend(map(self.table.id_of, parts))
        return is_split, counts, np.array(table, np.int32), table_starts

    def _digit_comma_parts(self, name: str) -> list[str]:
        """The pieces that the rule splits one into."""
        before = name[:-1].replace(SPACE, "")
        parts: list[str] = self._with_prefix.encode(before, return_type=str)
        if not name.startswith(SPACE) and parts and parts[0].startswith(SPACE):
            parts[0] = parts[0][1:]
        return [part for part in parts if part] + [","]

    def _split_one(self, name: str, number: int, start: int) -> list[tuple[str, int, int, int]]:
        """(name, id, start, end in the line's form) of the piece, or of its parts if split."""
        end = start + len(name)
        if not (self.digit_comma and is_digit_comma(name)):
            return [(name, number, start, end)]
        parts = self._digit_comma_parts(name)
        tiles = sum(map(len, parts)) == len(name)  # else all share the whole piece's range
        made = []
        for part in parts:
            stop = start + len(part) if tiles else end
            made.append((part, self.table.id_of(part), start, stop))
            start = stop if tiles else start
        return made


def check_kind(model: SentencePieceModel, name: str) -> None:
    """Refuse models that ALBERT's rules were not made for: other algorithms, byte pieces."""
    has_bytes = "byte" in model.types
    if model.algorithm != "unigram" or has_bytes:
        kind = "byte pieces" if has_bytes else f"the algorithm {model.algorithm}"
        raise FormatError(
            "vocabulary-unsupported",
            f"this SentencePiece model has {kind}",
            why="an ALBERT vocabulary is a unigram model without byte pieces",
            fix="Give the vocabulary that belongs to the ALBERT model",
            where=name,
        )


def open_processor(data: bytes, name: str) -> sentencepiece.SentencePieceProcessor:
    """Open the library's processor; FormatError if it refuses a model that our reader accepts."""
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=data)
    except RuntimeError as error:
        raise FormatError(
            "file-malformed",
            f"the sentencepiece library refuses this model: {error}",
            why="its parts do not fit together",
            fix="Copy or download the file again",
            where=name,
        ) from error


def is_digit_comma(name: str) -> bool:
    """Whether google's code splits this piece."""
    return len(name) > 1 and name[-1] == "," and name[-2].isdigit()


def has_digit_comma(form: str) -> bool:
    """Whether a comma follows a digit."""
    return any(before[-1:].isdigit() for before in form.split(",")[:-1])


def is_inside_digit_comma(name: str) -> bool:
    """Whether google's rule splits it inside a word, where the new pieces have no ▁."""
    return is_digit_comma(name) and not name.startswith(SPACE)


def find_source(form: str, starts: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The range of the line that form[start:end] comes from, without spaces at its ends.

    Args:
        form: the line as the model normalized it.
        starts: [len(form) + 1] where the source of each character begins in the line; the last is
            the end of the last source. Characters with one source share their start.
        start: of the range in the form.
        end: of the range in the form.
    """
    while start < end and form[start] == SPACE:
        start += 1
    while start < end and form[end - 1] == SPACE:
        end -= 1
    if start == end:
        return starts[end], starts[end]
    stop = end
    while stop < len(form) and starts[stop] == starts[end - 1]:
        stop += 1
    return starts[start], starts[stop]
