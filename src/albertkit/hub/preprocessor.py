"""TF Hub's preprocessor in torch: from texts to padded rows of ids.

Source: tensorflow/albert_en_preprocess/3; its packing was compared for every combination of
lengths (tests/hub). The tokenizer's policy decides how text becomes pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from albertkit.checkpoints.tfhub.metadata import DEFAULT_LENGTH
from albertkit.errors import InputError
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.encode import check_texts, encode_texts

Packed: TypeAlias = "dict[str, Tensor]"  # int32 [B, seq_length] each


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths, laid out as in TensorFlow's RaggedTensor.

    Attributes:
        values: [T] int32, the rows one after another.
        row_splits: [B + 1] int64; row b is values[row_splits[b]:row_splits[b + 1]].
    """

    values: Tensor
    row_splits: Tensor

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, row: int) -> Tensor:
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        return self.values[self.row_splits[row] : self.row_splits[row + 1]]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[row] for row in range(len(self)))

    def to_list(self) -> list[list[int]]:
        """Return the rows as lists of ints."""
        return [row.tolist() for row in self]


Segment: TypeAlias = "Ragged | Sequence[Sequence[object]]"  # lists: of ids, or of words' ids


class Tokenize:
    """`preprocessor.tokenize`: texts → the ids of their pieces, without special tokens."""

    def __init__(self, tokenizer: AlbertTokenizer) -> None:
        """Use a tokenizer's vocabulary and policy."""
        self.tokenizer = tokenizer

    def __call__(self, inputs: object) -> Ragged:
        """Tokenize texts.

        Args:
            inputs: N texts, as a list or an array; bytes are decoded as UTF-8.

        Raises:
            InputError: [input-not-texts], [text-not-a-string].
        """
        texts = _read_texts(inputs)
        pieces = encode_texts(check_texts(texts), self.tokenizer.vocabulary, self.tokenizer.policy)
        return Ragged(torch.from_numpy(pieces.ids), torch.from_numpy(pieces.offsets))

    def get_special_tokens_dict(self) -> dict[str, Tensor]:
        """Return the special ids and the vocabulary's size, int32 scalars by TF Hub's names."""
        named = {
            "vocab_size": self.tokenizer.vocab_size,
            "start_of_sequence_id": self.tokenizer.cls_token_id,
            "end_of_segment_id": self.tokenizer.sep_token_id,
            "padding_id": self.tokenizer.pad_token_id,
            "mask_id": self.tokenizer.mask_token_id,
        }
        return {name: torch.tensor(value, dtype=torch.int32) for name, value in named.items()}


class Preprocessor:
    """A preprocessor, as `hub.load` returns it."""

    def __init__(self, tokenizer: AlbertTokenizer, default_length: int = DEFAULT_LENGTH) -> None:
        """Make a preprocessor.

        Args:
            tokenizer: how texts become ids.
            default_length: ids in a row if a call gives no length.
        """
        self.tokenizer = tokenizer
        self.default_length = default_length
        self.tokenize = Tokenize(tokenizer)

    def __call__(self, inputs: object) -> Packed:
        """Return the encoder's inputs for N texts, each int32 [N, default_length].

        Longer texts are truncated.

        Raises:
            InputError: [input-not-texts], [text-not-a-string].
        """
        return self.bert_pack_inputs([self.tokenize(inputs)])

    def bert_pack_inputs(self, inputs: Sequence[Segment], seq_length: int | None = None) -> Packed:
        """Pack [CLS] a [SEP], or [CLS] a [SEP] b [SEP], into each row.

        Rows that are too long are truncated in turn: each segment keeps one piece, then one more.
        Rows with fewer slots than special tokens lose special tokens.

        Args:
            inputs: one or two segments: what `tokenize` returned, or lists of ids, also of
                words' ids.
            seq_length: ids in a row. None: the default length.

        Raises:
            InputError: [option-invalid], [pairs-unequal].
        """
        if seq_length is None:
            seq_length = self.default_length
        segments = [_read_rows(segment) for segment in _read_segments(inputs)]
        if isinstance(seq_length, bool) or not isinstance(seq_length, int) or seq_length < 0:
            raise InputError(
                "option-invalid",
                f"seq_length is {seq_length!r}",
                why="it counts the slots of a row",
                fix="Give a whole number",
            )
        B = len(segments[0])
        ids = torch.full((B, seq_length), self.tokenizer.pad_token_id, dtype=torch.int32)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for number, parts in enumerate(zip(*segments, strict=True)):
            row, kinds = self._row(parts, seq_length)
            ids[number, : len(row)] = torch.tensor(row, dtype=torch.int32)
            mask[number, : len(row)] = 1
            types[number, : len(row)] = torch.tensor(kinds, dtype=torch.int32)
        return {"input_word_ids": ids, "input_mask": mask, "input_type_ids": types}

    def _row(self, parts: Sequence[list[int]], seq_length: int) -> tuple[list[int], list[int]]:
        """One row's ids and type ids, at most seq_length of them."""
        first, second = parts[0], parts[1] if len(parts) > 1 else None
        room = max(0, seq_length - len(parts) - 1)
        from_first, from_second = round_robin(len(first), len(second or ()), room)
        sep = self.tokenizer.sep_token_id
        row = [self.tokenizer.cls_token_id, *first[:from_first], sep]
        kinds = [0] * len(row)
        if second is not None:
            row += [*second[:from_second], sep]
            kinds += [1] * (len(row) - len(kinds))
        return row[:seq_length], kinds[:seq_length]


def round_robin(first: int, second: int, room: int) -> tuple[int, int]:
    """Return how many pieces of each segment are kept, if each gets one in turn, the first first.

    Args:
        first: pieces of the first segment.
        second: pieces of the second segment.
        room: pieces that a row holds.
    """
    kept = min(first, max(-(-room // 2), room - second))
    return kept, min(second, room - kept)


def _read_texts(given: object) -> list[object]:
    """N texts of a list or an array; bytes, as TensorFlow has them, are decoded."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(listed, str | bytes) or not isinstance(listed, Sequence):
        raise InputError(
            "input-not-texts",
            f"the input is a {type(given).__name__}",
            why="a preprocessor reads a batch of texts",
            fix='Give a list, as ["one text"]',
        )
    return [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in listed]


def _read_segments(inputs: object) -> Sequence[Segment]:
    if not isinstance(inputs, list | tuple) or len(inputs) not in (1, 2):
        raise InputError(
            "option-invalid",
            f"bert_pack_inputs is given {_describe(inputs)}",
            why="it packs a list of one or two segments",
            fix="Give [tokenize(texts)], or [tokenize(first), tokenize(second)]",
        )
    if len({len(segment) for segment in inputs}) > 1:
        raise InputError(
            "pairs-unequal",
            f"the segments have {' and '.join(str(len(segment)) for segment in inputs)} rows",
            why="each row has one of both",
            fix="Give as many of both",
        )
    return inputs


def _describe(inputs: object) -> str:
    if isinstance(inputs, list | tuple):
        return f"{len(inputs)} segments"
    return f"a {type(inputs).__name__}"


def _read_rows(segment: Segment) -> list[list[int]]:
    listed = segment.to_list() if isinstance(segment, Ragged) else segment
    return [list(_flatten(row)) for row in listed]


def _flatten(row: object) -> Iterator[int]:
    """The ids of a row that may be cut in words."""
    listed = row.tolist() if hasattr(row, "tolist") else row
    for item in listed if isinstance(listed, Sequence) else ():
        if isinstance(item, int):
            yield item
        else:
            yield from _flatten(item)
