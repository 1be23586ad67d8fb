"""Raw texts → the pieces of a vocabulary, by the rules of a policy.

Input: texts. Output: FlatPieces, without [CLS] and [SEP]. A text that holds special or added tokens
is cut at them and encoded part by part; all others go through together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from albertkit.arrays import Int32Array
from albertkit.tokenization.encodings import FlatPieces, concat_pieces, offsets_from_lengths
from albertkit.tokenization.normalization import NUL, normalise_many
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.special_tokens import TextCutter, TextPart, build_cutter
from albertkit.tokenization.vocabulary import LinePiece, Vocabulary

TEXTS_AT_ONCE = 1024


def encode_texts(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> FlatPieces:
    """Find the pieces of many texts.

    Args:
        texts: checked by `check_texts`.
        vocabulary: where the pieces are searched.
        policy: how the texts are normalised and cut.

    Returns:
        The ids of each text, without special tokens around them.
    """
    chunks = [texts[i : i + TEXTS_AT_ONCE] for i in range(0, len(texts), TEXTS_AT_ONCE)]
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
        offsets_from_lengths([len(line) for line in lines]),
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
    """Each chunk's pieces; the next chunk is normalised while this one is searched."""
    from concurrent.futures import ThreadPoolExecutor  # not needed for few texts

    with ThreadPoolExecutor(1) as normaliser:
        future = normaliser.submit(normalise_chunk, chunks[0], vocabulary, policy)
        for chunk, following in zip(chunks, [*chunks[1:], None], strict=True):
            lines = future.result()
            if following is not None:
                future = normaliser.submit(normalise_chunk, following, vocabulary, policy)
            pieces = vocabulary.encode_lines(lines)
            yield replace_cut_texts(pieces, chunk, vocabulary, policy, cutter)


def encode_chunk(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy, cutter: TextCutter
) -> FlatPieces:
    """The pieces of texts that are normalised together."""
    lines = normalise_chunk(texts, vocabulary, policy)
    return replace_cut_texts(vocabulary.encode_lines(lines), texts, vocabulary, policy, cutter)


def normalise_chunk(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[str]:
    """The texts as lines in which the vocabulary searches pieces."""
    return normalise_many(texts, policy, vocabulary.collapsing)


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
    return FlatPieces(np.concatenate(ids), offsets_from_lengths([len(row) for row in ids]))


def encode_parts(
    parts: Sequence[TextPart], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[Int32Array]:
    """The ids of each part; those that begin a word are searched together, and the others."""
    ids = [np.array([vocabulary.table.id_of(part.piece or "")], np.int32) for part in parts]
    for prefixed in (True, False):
        numbers = [
            n for n, part in enumerate(parts) if part.piece is None and part.prefixed is prefixed
        ]
        lines = normalise_chunk([parts[n].text for n in numbers], vocabulary, policy)
        pieces = vocabulary.encode_lines(lines, prefixed=prefixed)
        for n, start, end in zip(numbers, pieces.offsets[:-1], pieces.offsets[1:], strict=True):
            ids[n] = pieces.ids[start:end]
    return ids
