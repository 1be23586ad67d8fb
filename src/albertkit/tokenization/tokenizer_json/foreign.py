"""A tokenizer.json with rules of its own: run by the tokenizers library as it is.

Input: raw text (the file's own normalizer and special tokens apply). Output: the ids that the
file's users have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from albertkit.errors import FormatError
from albertkit.errors.exceptions import take_first_line
from albertkit.tokenization.encodings import FlatPieces, compute_offsets
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.tokenizer_settings import TOKENIZER_FILE
from albertkit.tokenization.vocabulary import (
    AddedToken,
    LinePiece,
    PieceTable,
    SpecialNames,
    append_added,
)

if TYPE_CHECKING:
    import tokenizers

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

    Args:
        data: the contents of tokenizer.json.
        name: the file's name in error messages.
        special_names: how the vocabulary calls its special pieces.
        added: tokens of the other files; those that the tokenizer.json lacks are added to it.

    Raises:
        FormatError: [file-malformed], [special-piece-missing], [tokenizer-unsupported].
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        special_names: SpecialNames,
        added: Sequence[AddedToken] = (),
    ) -> None:
        """Open the library's tokenizer and add the tokens that it lacks."""
        self.data = data
        self.name = name
        self._tokenizer = open_tokenizer(data, name)
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        if sorted(ids.values()) != list(range(len(ids))):
            raise FormatError(
                "file-malformed",
                f"the ids of its {len(ids)} pieces are not 0 to {len(ids) - 1}",
                why="each row of the word embeddings belongs to one piece",
                fix="Download the file again",
                where=name,
            )
        names = sorted(ids, key=ids.__getitem__)
        new = append_added(names, tuple(added), name)
        if new:
            tokens = {token.content: token for token in added}
            self._tokenizer.add_tokens([make_library_token(tokens[content]) for content in new])
            self.data = self._tokenizer.to_str(pretty=True).encode()
        specials = self._tokenizer.get_added_tokens_decoder().values()
        also_special = [token.content for token in specials if token.special]
        self.table = PieceTable([*names, *new], special_names, name, also_special=also_special)

    @property
    def collapsing(self) -> str:
        """None: the file has its own rule for whitespace."""
        return ""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each text. `prefixed` has no effect: the file decides where words begin."""
        results = self._tokenizer.encode_batch_fast(list(lines), add_special_tokens=False)
        ids = [result.ids for result in results]
        flat = np.fromiter((number for row in ids for number in row), np.int32)
        return FlatPieces(flat, compute_offsets([len(row) for row in ids]))

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of a text and their positions in it, as the library gives them."""
        result = self._tokenizer.encode(line, add_special_tokens=False)
        return [
            LinePiece(number, piece, start, end)
            for number, piece, (start, end) in zip(
                result.ids, result.tokens, result.offsets, strict=True
            )
        ]

    def text_of(self, names: Sequence[str]) -> str:
        """The text, by the file's own decoder."""
        ids = [self.table.ids[name] for name in names]
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def files(self) -> dict[str, bytes]:
        """The file, byte for byte, unless tokens were added to it."""
        return {TOKENIZER_FILE: self.data}

    def with_added(self, added: Sequence[AddedToken]) -> ForeignPieces:
        """The same vocabulary with these added tokens as well."""
        return ForeignPieces(self.data, self.name, self.table.special_names, added)


def make_library_token(token: AddedToken) -> tokenizers.AddedToken:
    """An added token as the tokenizers library takes it."""
    import tokenizers

    return tokenizers.AddedToken(
        token.content,
        single_word=token.single_word,
        lstrip=token.lstrip,
        rstrip=token.rstrip,
        normalized=token.normalized,
        special=token.special,
    )


def open_tokenizer(data: bytes, name: str) -> tokenizers.Tokenizer:
    """Open the library's tokenizer and switch its truncation and padding off."""
    import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception for every kind of damage
        raise FormatError(
            "file-malformed",
            f"the tokenizers library refuses this file: {take_first_line(error)[:120]}",
            why="it is not a tokenizer.json, or a damaged one",
            fix="Download the file again",
            where=name,
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
