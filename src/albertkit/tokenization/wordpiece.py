"""WordPiece vocabularies (vocab.txt), as Chinese ALBERTs have them.

In: lines that the wordpiece policy has normalised and cut at punctuation and ideographs. Out: ids.
The search (greedy, longest match first) is the tokenizers library's.
Source: google-research/albert tokenization.py `load_vocab`, `WordpieceTokenizer`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from albertkit.errors import FormatError
from albertkit.tokenization.encodings import FlatPieces, offsets_from_lengths
from albertkit.tokenization.policy import WordRule
from albertkit.tokenization.special_tokens import BERT_NAMES, SpecialNames
from albertkit.tokenization.vocabulary import LinePiece, PieceTable

CONTINUES = "##"
LONGEST_WORD = 200  # characters; longer ones are unknown as a whole
LONGEST_BYTES = 100  # of a word in UTF-8, where TensorFlow Text looks for pieces
UNKNOWN = "\uffff"  # no character, so that no vocabulary has it
VOCABULARY_FILE = "vocab.txt"


class WordPieces:
    """A WordPiece vocabulary.

    data: of vocab.txt. name: what messages call it. word_rule: where words end and how long they
    may be: "google", at any whitespace and up to 200 characters; "tensorflow_text", at spaces
    alone (U+2028 is a character like others there) and up to 100 bytes.
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        special_names: SpecialNames | None = None,
        word_rule: WordRule = "google",
    ) -> None:
        import tokenizers  # most vocabularies need none of it (benchmarks/late_imports.py)

        self.data = data
        names = read_vocabulary(data, name)
        self.table = PieceTable(names, special_names or BERT_NAMES, name)
        model = tokenizers.models.WordPiece(
            dict(self.table.ids),
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
        """Words are cut at any whitespace here."""
        return ""

    def encode_lines(self, lines: Sequence[str], *, prefixed: bool = True) -> FlatPieces:
        """The ids of each line. `prefixed` changes nothing: a line always begins a word."""
        if self._counts_bytes:
            lines = [long_words_unknown(line) for line in lines]
        found = self._search.encode_batch_fast(list(lines), add_special_tokens=False)
        ids = [each.ids for each in found]
        flat = np.fromiter((number for line in ids for number in line), np.int32)
        return FlatPieces(flat, offsets_from_lengths([len(line) for line in ids]))

    def encode_aligned(self, line: str, *, prefixed: bool = True) -> list[LinePiece]:
        """The pieces of a line and where they stand in it."""
        if self._counts_bytes:
            line = long_words_unknown(line)
        found = self._search.encode(line, add_special_tokens=False)
        return [
            LinePiece(number, piece, begin, end)
            for number, piece, (begin, end) in zip(
                found.ids, found.tokens, found.offsets, strict=True
            )
        ]

    def text_of(self, names: Sequence[str]) -> str:
        """The words with spaces between, punctuation drawn to what it belongs to."""
        text: str = self._decoder.decode(list(names))
        return text

    def files(self) -> dict[str, bytes]:
        """vocab.txt with one line a piece: whoever reads it gives these ids, whatever its rule."""
        return {VOCABULARY_FILE: "".join(f"{name}\n" for name in self.table.names).encode()}


def long_words_unknown(line: str) -> str:
    """The line with each word of too many bytes made unknown, one character for one."""
    if line.isascii() or len(line.encode()) <= LONGEST_BYTES:
        return line  # of ASCII, the search itself counts the characters
    return " ".join(
        word if len(word.encode()) <= LONGEST_BYTES else UNKNOWN * len(word)
        for word in line.split(" ")
    )


def looks_like_wordpiece(data: bytes) -> bool:
    """Whether these bytes are lines of text among which BERT's special pieces stand."""
    lines = data.split(b"\n")
    specials = {name.encode() for name in (BERT_NAMES.cls, BERT_NAMES.sep, BERT_NAMES.unk)}
    return specials <= {line.strip() for line in lines}


def read_vocabulary(data: bytes, name: str) -> list[str]:
    """The pieces in the order of their ids.

    A line's first word is its piece, an empty line is the piece " ". A repeated line takes no id,
    so that later ids are smaller than their line numbers: google's ALBERT differs from BERT here.
    """
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(
            "file-malformed",
            f"byte {error.start} is not UTF-8",
            why="a vocab.txt is UTF-8 text",
            fix="Copy or download the file again",
            where=name,
        ) from error
    if lines and not lines[-1]:
        lines.pop()  # what follows the last line feed is no line
    return list(dict.fromkeys((line.split() or [" "])[0] for line in lines))
