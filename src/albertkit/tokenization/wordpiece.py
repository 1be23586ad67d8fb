"""WordPiece vocabularies (vocab.txt), as Chinese ALBERTs have them.

Input: lines that the wordpiece policy has normalized and cut at punctuation and ideographs. Output:
ids. The search (greedy, longest match first) is the tokenizers library's.
Source: google-research/albert tokenization.py `load_vocab`, `WordpieceTokenizer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from albertkit.errors import FormatError
from albertkit.tokenization.encodings import FlatPieces, compute_offsets
from albertkit.tokenization.policy import WordRule
from albertkit.tokenization.tokenizer_settings import VOCABULARY_FILE
from albertkit.tokenization.vocabulary import (
    BERT_NAMES,
    AddedToken,
    LinePiece,
    PieceTable,
    SpecialNames,
)

CONTINUES = "##"
LONGEST_WORD = 200  # characters; a longer word is unknown as a whole
LONGEST_BYTES = 100  # of a word in UTF-8, in TensorFlow Text
UNKNOWN_WORD = "\uffff"  # no character, so that no vocabulary has it


class WordPieces:
    """A WordPiece vocabulary.

    Args:
        pieces: [V] in the order of their ids, as `read_vocabulary` gives them.
        name: the file's name in error messages.
        special_names: how the vocabulary calls its special pieces.
        word_rule: where words end and how long they may be. "google": at any whitespace, up to 200
            characters; "tensorflow_text": only at spaces, up to 100 bytes.
        added: tokens that were added to the vocabulary.

    Raises:
        FormatError: [special-piece-missing].
    """

    def __init__(
        self,
        pieces: Sequence[str],
        name: str,
        special_names: SpecialNames | None = None,
        word_rule: WordRule = "google",
        added: Iterable[AddedToken] = (),
    ) -> None:
        """Make the library's search over the pieces."""
        import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

        self.pieces = tuple(pieces)
        self.name = name
        self.word_rule: WordRule = word_rule
        self.table = PieceTable(self.pieces, special_names or BERT_NAMES, name, added)
        model = tokenizers.models.WordPiece(
            {piece: number for number, piece in enumerate(self.pieces)},
            unk_token=self.table.special_names.unk,
            continuing_subword_prefix=CONTINUES,
            max_input_chars_per_word=LONGEST_WORD if word_rule == "google" else LONGEST_BYTES,
        )
        self._decoder = tokenizers.decoders.WordPiece(CONTINUES, cleanup=True)
        self._search = tokenizers.Tokenizer(model)
        cutters = tokenizers.pre_tokenizers
        self._counts_bytes = word_rule == "tensorflow_text"
        self._search.pre_tokenizer = (
            cutters.CharDelimiterSplit(" ") if self._counts_bytes else cutters.WhitespaceSplit()
        )

    @property
    def collapsing(self) -> str:
        """None: words are cut at any whitespace."""
        return ""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each line. `prefixed` has no effect: a line always begins a word."""
        if self._counts_bytes:
            lines = [replace_long_words(line) for line in lines]
        results = self._search.encode_batch_fast(list(lines), add_special_tokens=False)
        ids = [result.ids for result in results]
        flat = np.fromiter((number for row in ids for number in row), np.int32)
        return FlatPieces(flat, compute_offsets([len(row) for row in ids]))

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of a line and their positions in it."""
        if self._counts_bytes:
            line = replace_long_words(line)
        result = self._search.encode(line, add_special_tokens=False)
        return [
            LinePiece(number, piece, start, end)
            for number, piece, (start, end) in zip(
                result.ids, result.tokens, result.offsets, strict=True
            )
        ]

    def text_of(self, names: Sequence[str]) -> str:
        """The words with spaces between them, and none before punctuation."""
        text: str = self._decoder.decode(list(names))
        return text

    def files(self) -> dict[str, bytes]:
        """vocab.txt with one line for each piece."""
        return {VOCABULARY_FILE: "".join(f"{piece}\n" for piece in self.pieces).encode()}

    def with_added(self, added: Sequence[AddedToken]) -> WordPieces:
        """The same vocabulary with these added tokens in place of its own."""
        return WordPieces(self.pieces, self.name, self.table.special_names, self.word_rule, added)


def replace_long_words(line: str) -> str:
    """The line with each word of too many bytes made unknown; it keeps its length."""
    if line.isascii() or len(line.encode()) <= LONGEST_BYTES:
        return line  # in ASCII the search itself counts the characters
    return " ".join(
        word if len(word.encode()) <= LONGEST_BYTES else UNKNOWN_WORD * len(word)
        for word in line.split(" ")
    )


def looks_like_wordpiece(data: bytes) -> bool:
    """Whether these bytes are lines of text with BERT's special pieces among them."""
    lines = data.split(b"\n")
    specials = {name.encode() for name in (BERT_NAMES.cls, BERT_NAMES.sep, BERT_NAMES.unk)}
    return specials <= {line.strip() for line in lines}


def read_vocabulary(
    data: bytes, name: str, *, rows: int | None = None, is_huggingface: bool = False
) -> list[str]:
    """Read a vocab.txt.

    Two rules are in use. transformers: an id is the number of its line, and of a repeated line the
    last counts. google's ALBERT: a line's first word is its piece, and a repeated line has no id,
    so that later ids are smaller than their line numbers. They differ only for a file with
    repeated lines or lines of whitespace; then the model's number of rows decides.

    Args:
        data: the contents of the file.
        name: the file's name in error messages.
        rows: of the model's word embeddings; None if unknown.
        is_huggingface: whether the file is part of a Hugging Face directory, which decides if the
            rows do not.

    Returns:
        The pieces in the order of their ids.

    Raises:
        FormatError: [file-malformed] if the file is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            "file-malformed",
            f"byte {error.start} is not UTF-8",
            why="a vocab.txt is UTF-8 text",
            fix="Copy or download the file again",
            where=name,
        ) from error
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()  # the empty rest after the last line feed
    distinct = list(dict.fromkeys((line.split() or [" "])[0] for line in lines))
    if len(distinct) == len(lines):
        return distinct
    fits_lines, fits_distinct = rows == len(lines), rows == len(distinct)
    if fits_distinct or not (fits_lines or is_huggingface):
        return distinct
    return [line.strip() or line for line in lines]
