"""Many texts → their pieces, on all cores.

In: texts, a vocabulary and a policy. Out: FlatPieces, no Python object per token.
SentencePiece runs on its own threads without Python's lock; meanwhile one thread of ours normalises
the next stretch of lines. Texts with a special token in them are cut and encoded part by part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from albertkit.arrays import Int32Array
from albertkit.tokenization.encodings import FlatPieces, concat_pieces, offsets_from_lengths
from albertkit.tokenization.normalization import NUL, normalise_many
from albertkit.tokenization.policy import TokenizerPolicy
from albertkit.tokenization.special_tokens import TextPart, cut_at_specials, special_words
from albertkit.tokenization.vocabulary import LinePiece, Vocabulary

LINES_AT_ONCE = 1024


def encode_texts(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> FlatPieces:
    """The pieces of each text, without special tokens around them."""
    words = special_words(policy, vocabulary.table.special_names)
    chunks = [texts[at : at + LINES_AT_ONCE] for at in range(0, len(texts), LINES_AT_ONCE)]
    if len(chunks) < 2:
        return concat_pieces([encode_chunk(chunk, vocabulary, policy, words) for chunk in chunks])
    return concat_pieces(list(encode_overlapped(chunks, vocabulary, policy, words)))


def encode_overlapped(
    chunks: Sequence[Sequence[str]],
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    words: Sequence[str],
) -> Iterator[FlatPieces]:
    """Each chunk's pieces; the next chunk is normalised while this one is searched."""
    from concurrent.futures import ThreadPoolExecutor  # which a few texts need not wait for

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(normalise_chunk, chunks[0], vocabulary, policy)
        for chunk, following in zip(chunks, [*chunks[1:], None], strict=True):
            lines = coming.result()
            if following is not None:
                coming = ahead.submit(normalise_chunk, following, vocabulary, policy)
            yield with_special_texts(
                vocabulary.encode_lines(lines), chunk, vocabulary, policy, words
            )


def encode_chunk(
    texts: Sequence[str],
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    words: Sequence[str],
) -> FlatPieces:
    """The pieces of so many texts as are normalised together."""
    lines = normalise_chunk(texts, vocabulary, policy)
    return with_special_texts(vocabulary.encode_lines(lines), texts, vocabulary, policy, words)


def normalise_chunk(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[str]:
    return normalise_many(texts, policy, vocabulary.collapsing)


def with_special_texts(
    found: FlatPieces,
    texts: Sequence[str],
    vocabulary: Vocabulary,
    policy: TokenizerPolicy,
    words: Sequence[str],
) -> FlatPieces:
    """The same, with the texts that hold special tokens encoded again part by part."""
    joined_texts = NUL.join(texts)
    present = [word for word in words if word in joined_texts]
    if not present:
        return found
    numbers = [n for n, text in enumerate(texts) if any(word in text for word in present)]
    cut = [cut_at_specials(texts[number], present, policy) for number in numbers]
    encoded = iter(ids_of_parts([part for parts in cut for part in parts], vocabulary, policy))
    ids = np.split(found.ids, found.offsets[1:-1])
    for number, parts in zip(numbers, cut, strict=True):
        ids[number] = np.concatenate([next(encoded) for _ in parts])
    return FlatPieces(np.concatenate(ids), offsets_from_lengths([len(each) for each in ids]))


def ids_of_parts(
    parts: Sequence[TextPart], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> list[Int32Array]:
    """The ids of each part; those with and those without a prefix go through together."""
    ids = [np.array([vocabulary.table.id_of(part.text)], np.int32) for part in parts]
    for prefixed in (True, False):
        places = [
            place
            for place, part in enumerate(parts)
            if not part.is_special and part.prefixed is prefixed
        ]
        lines = normalise_chunk([parts[place].text for place in places], vocabulary, policy)
        found = vocabulary.encode_lines(lines, prefixed=prefixed)
        for place, begin, end in zip(places, found.offsets[:-1], found.offsets[1:], strict=True):
            ids[place] = found.ids[begin:end]
    return ids


def encode_traced(text: str, vocabulary: Vocabulary, policy: TokenizerPolicy) -> list[LinePiece]:
    """The pieces of one text; begin and end count characters of the text itself."""
    from albertkit.tokenization.align import trace  # which ids without offsets need nothing of

    words = special_words(policy, vocabulary.table.special_names)
    found = []
    for part in cut_at_specials(text, words, policy):
        if part.is_special:
            end = part.begin + len(part.text)
            found.append(LinePiece(vocabulary.table.id_of(part.text), part.text, part.begin, end))
            continue
        traced = trace(part.text, policy)
        for piece in vocabulary.encode_aligned(traced.line, prefixed=part.prefixed):
            begin, end = traced.source_of(piece.begin, piece.end)
            found.append(LinePiece(piece.id, piece.name, begin + part.begin, end + part.begin))
    return found


def encode_all_traced(
    texts: Sequence[str], vocabulary: Vocabulary, policy: TokenizerPolicy
) -> FlatPieces:
    """The pieces of each text with their offsets into it."""
    found = [encode_traced(text, vocabulary, policy) for text in texts]
    flat = [piece for line in found for piece in line]
    return FlatPieces(
        np.array([piece.id for piece in flat], np.int32),
        offsets_from_lengths([len(line) for line in found]),
        np.array([(piece.begin, piece.end) for piece in flat], np.int64).reshape(-1, 2),
    )
