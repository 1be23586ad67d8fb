"""What a call of the tokenizer returns: a dict of lists or arrays, with Hugging Face's names.

In: Encodings (flat) and how to lay them out. Out: Tokenized; its rows are padded on the right,
because ALBERT's positions are absolute: padding on the left would move every piece.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int32Array, Int64Array
from albertkit.errors import InputError, import_extra
from albertkit.tokenization.encodings import Encodings, pad

TensorKind = Literal["np", "pt"]
WordRows = Callable[[], list[list[int | None]]]
Field = tuple[npt.NDArray[np.int64] | Int32Array, int]  # values [T, …] and what fills the padding


class Tokenized(dict[str, object]):
    """The fields by name, also as attributes."""

    def __init__(self, fields: dict[str, object], word_rows: WordRows) -> None:
        super().__init__(fields)
        self._word_rows = word_rows

    def __getattr__(self, name: str) -> object:
        if name in self:
            return self[name]
        raise AttributeError(name)

    def to(self, device: object) -> Tokenized:
        """Move the tensors to a device of torch; lists and arrays stay where they are."""
        for name, value in self.items():
            if callable(move := getattr(value, "to", None)):
                self[name] = move(device)
        return self

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """The word that each piece of a row belongs to; None for special tokens and padding.

        Words are those given with is_split_into_words, else the stretches between whitespace.
        """
        return self._word_rows()[batch_index]


def row_width(
    lengths: Int64Array, padding: bool | str, max_length: int | None, multiple: int
) -> int:
    """The number of slots of each row."""
    width = int(lengths.max()) if len(lengths) else 0
    if padding == "max_length" and max_length is not None:
        width = max(width, max_length)
    return -(-width // multiple) * multiple


def rows_of(values: npt.NDArray[np.int64] | Int32Array, offsets: Int64Array) -> list[object]:
    """The stretch of each text as a list; offsets as pairs."""
    listed = values.tolist() if values.ndim == 1 else list(map(tuple, values.tolist()))
    return [listed[begin:end] for begin, end in pairwise(offsets.tolist())]


def padded_rows(
    values: npt.NDArray[np.int64] | Int32Array, offsets: Int64Array, width: int, fill: int
) -> list[object]:
    """The same as lists; offsets as pairs."""
    rows = pad(values, offsets, width=width, fill=fill)
    return rows_of(rows.reshape(-1, *values.shape[1:]), np.arange(len(rows) + 1) * width)


def fields_of(encodings: Encodings, pad_id: int, is_special: Int32Array) -> dict[str, Field]:
    """Every field that can be asked for.

    is_special: [T] 1 where a special token was put around the texts.
    """
    fields: dict[str, Field] = {
        "input_ids": (encodings.ids, pad_id),
        "token_type_ids": (encodings.type_ids, 0),
        "attention_mask": (np.ones(len(encodings.ids), np.int32), 0),
        "special_tokens_mask": (is_special, 1),
    }
    if encodings.offset_mapping is not None:
        fields["offset_mapping"] = (encodings.offset_mapping, 0)
    return fields


def word_rows(encodings: Encodings, width: int) -> list[list[int | None]]:
    """The word of each slot of each row."""
    if encodings.words is None:
        raise AssertionError("these encodings were made without words")
    rows = pad(encodings.words, encodings.offsets, width=width, fill=-1)
    return [[None if word < 0 else word for word in row] for row in rows.tolist()]


def as_tensors(fields: dict[str, object], kind: TensorKind | None) -> dict[str, object]:
    """Lists as they are, or each field as one array or tensor."""
    if kind is None:
        return fields
    arrays = {name: one_array(name, value) for name, value in fields.items()}
    if kind == "np":
        return dict(arrays)
    torch = import_extra("torch", 'return_tensors="pt"')
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def one_array(name: str, value: object) -> npt.NDArray[np.int64]:
    """A field as an array; InputError where its rows have several lengths."""
    try:
        return np.asarray(value, np.int64)
    except ValueError as error:
        raise InputError(
            "rows-unequal",
            f"the rows of {name} have several lengths",
            why="a tensor has one",
            fix="Give padding=True",
        ) from error
