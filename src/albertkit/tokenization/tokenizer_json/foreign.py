"""A tokenizer.json whose rules are none that we know: run by the tokenizers library as it is.

In: raw text (the file's own normaliser and special tokens act). Out: the ids that its users had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from albertkit.errors import FormatError
from albertkit.errors.wording import first_line
from albertkit.tokenization.encodings import FlatPieces, offsets_from_lengths
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.special_tokens import SpecialNames
from albertkit.tokenization.vocabulary import LinePiece, PieceTable

if TYPE_CHECKING:
    import tokenizers

TOKENIZER_FILE = "tokenizer.json"
UNTOUCHED = TokenizerPolicy(
    "tokenizer.json",
    whitespace_collapsed=False,
    form="kept",
    marks="kept",
    case="kept",
    digit_comma=False,
    mask_rule="text",
    empty_second_dropped=False,
)


class ForeignPieces:
    """A tokenizer of the tokenizers library, without its padding, truncation and template.

    data: of tokenizer.json. name: what messages call it.
    """

    def __init__(self, data: bytes, name: str, special_names: SpecialNames) -> None:
        self.data = data
        self._tokenizer = open_tokenizer(data, name)
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        if sorted(ids.values()) != list(range(len(ids))):
            raise FormatError(
                "file-malformed",
                f"the ids of its {len(ids)} pieces are not 0 to {len(ids) - 1}",
                why="each row of the word table belongs to one piece",
                fix="Download the file again",
                where=name,
            )
        self.table = PieceTable(sorted(ids, key=ids.__getitem__), special_names, name)

    @property
    def collapsing(self) -> str:
        """The file says itself what becomes of whitespace."""
        return ""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each text. `prefixed` changes nothing: the file says where words begin."""
        found = self._tokenizer.encode_batch_fast(list(lines), add_special_tokens=False)
        ids = [each.ids for each in found]
        flat = np.fromiter((number for line in ids for number in line), np.int32)
        return FlatPieces(flat, offsets_from_lengths([len(line) for line in ids]))

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of a text and where they stand in it, as the library says."""
        found = self._tokenizer.encode(line, add_special_tokens=False)
        return [
            LinePiece(number, piece, begin, end)
            for number, piece, (begin, end) in zip(
                found.ids, found.tokens, found.offsets, strict=True
            )
        ]

    def text_of(self, names: Sequence[str]) -> str:
        """The text by the file's own decoder."""
        ids = [self.table.ids[name] for name in names]
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def files(self) -> dict[str, bytes]:
        """The file, byte for byte."""
        return {TOKENIZER_FILE: self.data}


def open_tokenizer(data: bytes, name: str) -> tokenizers.Tokenizer:
    """The library's tokenizer, which cuts and pads nothing."""
    import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception for every kind of damage
        raise FormatError(
            "file-malformed",
            f"the tokenizers library refuses this file: {first_line(error)[:120]}",
            why="it is no tokenizer.json, or a damaged one",
            fix="Download the file again",
            where=name,
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
