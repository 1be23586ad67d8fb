"""What a call of the tokenizer returns: a dict of lists or arrays, with Hugging Face's names.

Input: Encodings (flat), and how their rows are padded. Output: BatchEncoding. Rows are padded on
the right unless asked otherwise: ALBERT's positions are absolute, so that padding on the left moves
every piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.errors import InputError, import_extra
from albertkit.tokenization.encodings import Encodings, pad
from albertkit.tokenization.vocabulary import Side

TensorKind = Literal["np", "pt"]


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How flat values become rows; width: None for rows of their own lengths."""

    offsets: Int64Array  # [N + 1]
    width: int | None = None
    side: Side = "right"

    def rows(self, values: Int32Array | Int64Array, fill: int) -> list[object]:
        """Each text's values as a list; the columns of [T, 2] as pairs."""
        offsets = self.offsets
        if self.width is not None:
            padded = pad(values, offsets, width=self.width, fill=fill, side=self.side)
            offsets = np.arange(len(padded) + 1) * self.width
            values = padded.reshape(-1, *values.shape[1:])
        listed = values.tolist() if values.ndim == 1 else list(map(tuple, values.tolist()))
        return [listed[start:end] for start, end in pairwise(offsets.tolist())]

    @property
    def lengths(self) -> list[int]:
        """The number of slots of each row."""
        if self.width is not None:
            return [self.width] * (len(self.offsets) - 1)
        lengths: list[int] = np.diff(self.offsets).tolist()
        return lengths


@dataclass(frozen=True, slots=True)
class TracedRows:
    """The rows once more with offsets and words, made when a BatchEncoding is asked for them.

    make: gives the encodings (without special tokens if the rows have none) and the layout.
    names: [V] the pieces of the vocabulary.
    """

    make: Callable[[], tuple[Encodings, Int32Array, RowLayout]]
    names: tuple[str, ...]


class BatchEncoding(dict[str, object]):
    """The fields of a call by name, also as attributes.

    A copy that was pickled has the fields alone: what counts words and characters is not sent.
    """

    def __init__(self, fields: dict[str, object], traced: TracedRows | None = None) -> None:
        """Keep the fields, and how to make the rows once more."""
        super().__init__(fields)
        self._traced = traced

    def __getattr__(self, name: str) -> object:
        """A field as an attribute."""
        if name in self:
            return self[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[type[BatchEncoding], tuple[dict[str, object]]]:
        """Pickle the fields alone: the tokenizer would be sent with every batch."""
        return BatchEncoding, (dict(self),)

    def to(self, device: object) -> BatchEncoding:
        """Move the tensors to a device of torch; lists and arrays stay."""
        for name, value in self.items():
            if callable(move := getattr(value, "to", None)):
                self[name] = move(device)
        return self

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The pieces of a row, special tokens and padding included."""
        names = self._source().names
        row = self["input_ids"] if self._is_single() else self._row("input_ids", batch_index)
        return [names[int(number)] for number in _convert_to_list(row)]

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word of each piece of a row; None for special tokens and padding.

        Words are those given with is_split_into_words, else the parts between whitespace.
        """
        encodings, _, layout = self._source().make()
        if encodings.words is None:
            raise AssertionError("the rows are made with words")
        return [word if word >= 0 else None for word in _row(layout, encodings.words, batch_index)]

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """0 for the pieces of the first text, 1 for the second's, None for specials and padding."""
        encodings, is_special, layout = self._source().make()
        values = np.where(is_special == 1, np.int32(-1), encodings.type_ids)
        return [value if value >= 0 else None for value in _row(layout, values, batch_index)]

    def char_to_token(
        self,
        batch_or_char_index: int,
        char_index: int | None = None,
        sequence_index: int = 0,
    ) -> int | None:
        """Find the piece that holds a character of the original text.

        Args:
            batch_or_char_index: number of the row; of the character, if `char_index` is not given.
            char_index: number of the character in its text.
            sequence_index: 0 for the first text of a pair, 1 for the second.

        Returns:
            The piece's position in its row; None for whitespace that belongs to no piece.
        """
        row, character = _parse_row_and_index(batch_or_char_index, char_index)
        spans = self._spans(row)
        for position, sequence in enumerate(self.sequence_ids(row)):
            start, end = spans[position]
            if sequence == sequence_index and start <= character < end:
                return position
        return None

    def token_to_chars(
        self, batch_or_token_index: int, token_index: int | None = None
    ) -> tuple[int, int] | None:
        """Find the characters of a piece in its original text.

        Args:
            batch_or_token_index: number of the row; of the piece, if `token_index` is not given.
            token_index: the piece's position in its row.

        Returns:
            Start and end; None for special tokens and padding.
        """
        row, position = _parse_row_and_index(batch_or_token_index, token_index)
        if self.sequence_ids(row)[position] is None:
            return None
        return self._spans(row)[position]

    def _spans(self, batch_index: int) -> list[tuple[int, int]]:
        """The start and end of each piece of a row in its text."""
        encodings, _, layout = self._source().make()
        if encodings.offset_mapping is None:
            raise AssertionError("the rows are made with offsets")
        rows: list[list[tuple[int, int]]] = layout.rows(encodings.offset_mapping, 0)  # type: ignore[assignment]  # pairs, as `rows` says
        return rows[batch_index]

    def _source(self) -> TracedRows:
        if self._traced is None:
            raise InputError(
                "option-invalid",
                "this copy of a BatchEncoding has no texts any more",
                why="a pickled copy holds the fields alone",
                fix="Call word_ids, tokens and the like in the process that called the tokenizer, "
                "or ask for return_offsets_mapping=True",
            )
        return self._traced

    def _is_single(self) -> bool:
        first = next(iter(_convert_to_list(self["input_ids"])), None)
        return isinstance(first, int)

    def _row(self, name: str, number: int) -> object:
        return _convert_to_list(self[name])[number]


def _convert_to_list(value: object) -> list[int]:
    """A list, or an array or tensor as one."""
    listed: list[int] = value.tolist() if hasattr(value, "tolist") else value  # type: ignore[assignment]  # fields are lists else
    return listed


def _row(layout: RowLayout, values: Int32Array, number: int) -> list[int]:
    """One row of whole numbers, padded with -1."""
    row: list[int] = layout.rows(values, -1)[number]  # type: ignore[assignment]  # `rows` gives lists
    return row


def _parse_row_and_index(first: int, second: int | None) -> tuple[int, int]:
    """(row, index) of one argument, which is the index in row 0, or of two."""
    return (0, first) if second is None else (first, second)


def choose_row_width(
    lengths: Int64Array, padding: object, max_length: int | None, multiple: int
) -> int:
    """The number of slots of each padded row."""
    width = int(lengths.max(initial=0))
    if padding == "max_length" and max_length is not None:
        width = max(width, max_length)
    return -(-width // multiple) * multiple


def make_fields(
    encodings: Encodings,
    is_special: Int32Array,
    layout: RowLayout,
    names: frozenset[str],
    pad_id: int,
) -> dict[str, object]:
    """The fields of these names as lists of rows; is_special: [T] 1 for special tokens."""
    fields: dict[str, object] = {"input_ids": layout.rows(encodings.ids, pad_id)}
    if "token_type_ids" in names:
        fields["token_type_ids"] = layout.rows(encodings.type_ids, 0)
    if "attention_mask" in names:
        fields["attention_mask"] = layout.rows(np.ones(len(encodings.ids), np.int32), 0)
    if "special_tokens_mask" in names:
        fields["special_tokens_mask"] = layout.rows(is_special, 1)
    if "offset_mapping" in names and encodings.offset_mapping is not None:
        fields["offset_mapping"] = layout.rows(encodings.offset_mapping, 0)
    return fields


def convert_to_tensors(fields: dict[str, object], kind: TensorKind | None) -> dict[str, object]:
    """The lists as they are, or each field as one array or tensor."""
    if kind is None:
        return fields
    arrays = {name: convert_to_array(name, value) for name, value in fields.items()}
    if kind == "np":
        return dict(arrays)
    torch = import_extra("torch", 'return_tensors="pt"')
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def convert_to_array(name: str, value: object) -> Int64Array | FloatArray:
    """A field as an array, of floats for labels; InputError if its rows have several lengths."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(
            "rows-unequal",
            f"the rows of {name} have several lengths",
            why="a tensor has rows of one length",
            fix="Give padding=True",
        ) from error
    is_float = array.dtype.kind == "f" and array.size > 0
    return array.astype(np.float32) if is_float else array.astype(np.int64)
