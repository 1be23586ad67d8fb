"""Raw texts → the pieces of a vocabulary, by the rules of a policy.

Input: texts. Output: FlatPieces, without [CLS] and [SEP]. A text that holds special or added tokens
is cut at them and encoded part by part; all others go through together.

A literal [MASK] in a text has three readings (TokenizerPolicy.mask_rule):
exact   as in pretraining, where a mask replaces a piece: the text after it begins a word only if
        whitespace follows the mask ("[MASK]." → [MASK] . and not [MASK] ▁ .).
spaced  Hugging Face's: each part between special tokens is encoded as a text of its own.
text    nothing special: "[", "mask", "]" (google's and TF Hub's preprocessing).
Added tokens are always cut out of a text, and the part after one begins a word.

A lone surrogate (U+D800 to U+DFFF) is half of a character: no UTF-8 file can hold it, and
SentencePiece, which reads UTF-8, has no piece for it. Texts are checked before any is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from albertkit.arrays import Int32Array
from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value
from albertkit.tokenization.encodings import FlatPieces, compute_offsets, concat_pieces
from albertkit.tokenization.normalization import NUL, normalize_many
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.vocabulary import AddedToken, LinePiece, SpecialNames, Vocabulary

TOKENIZED_TEXTS = 1024


def encode_texts(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> FlatPieces:
    """Find the pieces of many texts.

    Args:
        texts: checked by `check_texts`.
        vocabulary: where the pieces are searched.
        policy: how the texts are normalized and cut.

    Returns:
        The ids of each text, without special tokens around them.
    """
    chunks = [texts[i : i + TOKENIZED_TEXTS] for i in range(0, len(texts), TOKENIZED_TEXTS)]
    cutter = make_cutter(vocabulary, policy)
    if len(chunks) < 2:
        return concat_pieces([encode_chunk(chunk, vocabulary, policy, cutter) for chunk in chunks])
    return concat_pieces(list(encode_overlapped(chunks, vocabulary, policy, cutter)))


def encode_texts_with_offsets(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> FlatPieces:
    """Find the pieces of many texts, and where in its text each begins and ends.

    The arguments are those of `encode_texts`, the ids the same; much slower.
    """
    lines = [encode_text_with_offsets(text, vocabulary, policy) for text in texts]
    pieces = [piece for line in lines for piece in line]
    return FlatPieces(
        np.array([piece.id for piece in pieces], np.int32),
        compute_offsets([len(line) for line in lines]),
        np.array([(piece.start, piece.end) for piece in pieces], np.int64).reshape(-1, 2),
    )


def encode_text_with_offsets(
    text: str, vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[LinePiece]:
    """The pieces of one text; start and end count characters of the text itself."""
    from albertkit.tokenization.align import trace  # not needed for ids alone

    pieces = []
    for part in make_cutter(vocabulary, policy).cut(text):
        if part.piece is not None:
            end = part.start + len(part.text)
            number = vocabulary.table.id_of(part.piece)
            pieces.append(LinePiece(number, part.piece, part.start, end))
            continue
        traced = trace(part.text, policy)
        for piece in vocabulary.encode_aligned(traced.line, prefixed=part.prefixed):
            start, end = traced.source_of(piece.start, piece.end)
            pieces.append(LinePiece(piece.id, piece.name, start + part.start, end + part.start))
    return pieces


def make_cutter(vocabulary: Vocabulary, policy: TokenizerPolicy) -> TextCutter:
    """The cutter for this vocabulary's special and added tokens."""
    return build_cutter(policy, vocabulary.table.special_names, vocabulary.table.added)


def encode_overlapped(
    chunks: Sequence[Sequence[str]],
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    cutter: TextCutter,
) -> Iterator[FlatPieces]:
    """Each chunk's pieces; the next chunk is normalized while this one is searched."""
    from concurrent.futures import ThreadPoolExecutor  # not needed for few texts

    with ThreadPoolExecutor(1) as normalizer:
        future = normalizer.submit(normalize_chunk, chunks[0], vocabulary, policy)
        for chunk, following in zip(chunks, [*chunks[1:], None], strict=True):
            lines = future.result()
            if following is not None:
                future = normalizer.submit(normalize_chunk, following, vocabulary, policy)
            pieces = vocabulary.encode_lines(lines)
            yield replace_cut_texts(pieces, chunk, vocabulary, policy, cutter)


def encode_chunk(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy, cutter: TextCutter
) -> FlatPieces:
    """The pieces of texts that are normalized together."""
    lines = normalize_chunk(texts, vocabulary, policy)
    return replace_cut_texts(vocabulary.encode_lines(lines), texts, vocabulary, policy, cutter)


def normalize_chunk(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[str]:
    """The texts as lines in which the vocabulary searches pieces."""
    return normalize_many(texts, policy, vocabulary.collapsing)


def replace_cut_texts(
    pieces: FlatPieces,
    texts: Sequence[str],
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    cutter: TextCutter,
) -> FlatPieces:
    """Encode the texts that hold special or added tokens again, part by part."""
    if not cutter.matches(NUL.join(texts)):
        return pieces
    numbers = [n for n, text in enumerate(texts) if cutter.matches(text)]
    cut_texts = [cutter.cut(texts[number]) for number in numbers]
    part_ids = iter(
        encode_parts([part for parts in cut_texts for part in parts], vocabulary, policy)
    )
    ids = np.split(pieces.ids, pieces.offsets[1:-1])
    for number, parts in zip(numbers, cut_texts, strict=True):
        ids[number] = np.concatenate([next(part_ids) for _ in parts])
    return FlatPieces(np.concatenate(ids), compute_offsets([len(row) for row in ids]))


def encode_parts(
    parts: Sequence[TextPart], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[Int32Array]:
    """The ids of each part; those that begin a word are searched together, and the others."""
    ids = [np.array([vocabulary.table.id_of(part.piece or "")], np.int32) for part in parts]
    for prefixed in (True, False):
        numbers = [
            n for n, part in enumerate(parts) if part.piece is None and part.prefixed is prefixed
        ]
        lines = normalize_chunk([parts[n].text for n in numbers], vocabulary, policy)
        pieces = vocabulary.encode_lines(lines, prefixed=prefixed)
        for n, start, end in zip(numbers, pieces.offsets[:-1], pieces.offsets[1:], strict=True):
            ids[n] = pieces.ids[start:end]
    return ids


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a text: a special or added token, or the text between two of them."""

    text: str
    start: int  # in the whole text
    piece: str | None = None  # the token's name in the vocabulary; None: ordinary text
    prefixed: bool = True  # whether the part begins a word


@dataclass(frozen=True, slots=True)
class TextCutter:
    """Cuts special and added tokens out of texts; `pieces[n]` is what the nth group matches."""

    pieces: tuple[str, ...]
    pattern: re.Pattern[str] | None  # None: nothing is cut
    mask: str | None  # after this token a word may go on
    is_literal: bool  # whether the pattern matches the pieces themselves and nothing else

    def matches(self, text: str) -> bool:
        """Whether the text holds a token."""
        if self.is_literal:  # a search for strings is faster than one for a pattern
            return any(piece in text for piece in self.pieces)
        return self.pattern is not None and self.pattern.search(text) is not None

    def cut(self, text: str) -> list[TextPart]:
        """The text in parts, in order; empty parts are left out."""
        if self.pattern is None:
            return [TextPart(text, 0)] if text else []
        parts: list[TextPart] = []
        end, last = 0, None
        for match in self.pattern.finditer(text):
            parts += self._text_part(text, end, match.start(), last)
            last = self.pieces[(match.lastindex or 1) - 1]
            parts.append(TextPart(match[0], match.start(), last))
            end = match.end()
        return parts + self._text_part(text, end, len(text), last)

    def _text_part(self, text: str, start: int, end: int, last: str | None) -> list[TextPart]:
        if start == end:
            return []
        continues = self.mask is not None and last == self.mask and not text[start].isspace()
        return [TextPart(text[start:end], start, prefixed=not continues)]


@lru_cache(maxsize=16)
def build_cutter(
    policy: TokenizerPolicy, names: SpecialNames, added: tuple[AddedToken, ...] = ()
) -> TextCutter:
    """The cutter for a policy, the names of the special pieces, and added tokens."""
    specials: tuple[str, ...] = () if policy.mask_rule == "text" else (names.mask,)
    specials = names.all() if policy.specials_in_text else specials
    patterns = {name: re.escape(name) for name in specials}
    patterns |= {token.content: token.pattern(policy) for token in added}
    # The longest first: the tokenizers library takes the longest of those that match.
    pieces = tuple(sorted(patterns, key=len, reverse=True))
    return TextCutter(
        pieces,
        re.compile("|".join(f"({patterns[piece]})" for piece in pieces)) if pieces else None,
        names.mask if policy.mask_rule == "exact" else None,
        all(patterns[piece] == re.escape(piece) for piece in pieces),
    )


def check_texts(texts: Sequence[object], name: str = "texts") -> list[str]:
    """Check that every text is a str that can be encoded.

    Args:
        texts: what the caller gave.
        name: of the argument, in error messages.

    Raises:
        InputError: [text-not-a-string], [lone-surrogate] for the first text that is not.
    """
    checked = [text for text in texts if isinstance(text, str)]
    if len(checked) < len(texts):
        number = next(n for n, text in enumerate(texts) if not isinstance(text, str))
        raise InputError(
            "text-not-a-string",
            f"{name}[{number}] is {describe_value(texts[number])}",
            why="a text is a str",
            fix="Convert it, or leave it out",
        )
    other = [text for text in checked if not text.isascii()]
    try:
        "\0".join(other).encode()
    except UnicodeEncodeError as error:
        number, index = find_surrogate(checked)
        code = ord(checked[number][index])
        raise InputError(
            "lone-surrogate",
            f"{name}[{number}] has the lone surrogate U+{code:04X} at {index}",
            why=explain_surrogate(code),
            fix="Decode the source with the encoding that it really has, or repair the text",
        ) from error
    return checked


def find_surrogate(texts: Sequence[str]) -> tuple[int, int]:
    """(text, character) of the first lone surrogate."""
    return next(
        (number, index)
        for number, text in enumerate(texts)
        for index, character in enumerate(text)
        if "\ud800" <= character <= "\udfff"
    )


def explain_surrogate(code: int) -> str:
    """Why a surrogate is not a character; Python keeps bytes of other encodings as U+DC80 …."""
    if 0xDC80 <= code <= 0xDCFF:
        return f"it replaces the byte 0x{code - 0xDC00:02x}, which was not UTF-8"
    return "half a character cannot be encoded"
