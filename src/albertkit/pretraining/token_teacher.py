"""A teacher's token vectors for the pieces of a sequence: a loss at each slot, masked or not.

Input: sequences of ids before masking. Output: slots and the teacher's vector of each. The teacher
reads the sequence's text as a whole. Its vocabulary is another one, so vectors are averaged over
words, which both vocabularies divide: each piece gets the mean of its word's token vectors. They
are computed anew for each batch, in the thread that makes batches: stored, those of 60 million
pieces would be 48 GB (384 numbers in float16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.tasks.embed import TextEmbedder
from albertkit.tokenization.tokenizer import AlbertTokenizer

WORD_START, CONTINUATION = "▁", "##"  # of SentencePiece and of WordPiece


@dataclass(frozen=True, slots=True)
class TokenTargets:
    """Slots of a sequence or a batch, and the teacher's vector for each."""

    slots: Int64Array  # [T]
    vectors: FloatArray  # [T, D]


class TokenTeacher:
    """A model whose token vectors are learned.

    Args:
        name: of the model, or its directory: any that albertkit opens.
        tokenizer: of the student.
    """

    def __init__(self, name: str, tokenizer: AlbertTokenizer) -> None:
        self.embedder = TextEmbedder(name, truncation="off")
        pieces = tokenizer.convert_ids_to_tokens(range(tokenizer.vocab_size))
        if any(piece.startswith(WORD_START) for piece in pieces):
            self.starts_word = [piece.startswith(WORD_START) for piece in pieces]  # [V]
        else:
            self.starts_word = [not piece.startswith(CONTINUATION) for piece in pieces]
        self.texts = [p.removeprefix(WORD_START).removeprefix(CONTINUATION) for p in pieces]  # [V]
        self.special_ids = frozenset(tokenizer.vocabulary.table.specials.all())
        self.token_counts: dict[str, int] = {}  # by word: how many tokens the teacher makes of it

    @property
    def size(self) -> int:
        """D, the dimensions of a token vector."""
        return self.embedder.model.config.hidden_size

    def targets(self, sequences: Sequence[npt.NDArray[np.integer]]) -> list[TokenTargets]:
        """The teacher's vectors for the pieces of each sequence.

        Special pieces have none, nor has a sequence whose tokens are not those of its words: the
        teacher cuts long ones.

        Args:
            sequences: ids of pieces, with special pieces.
        """
        divided = [self.divide(ids) for ids in sequences]
        self._count_tokens({word for words, _ in divided for word in words})
        texts = [" ".join(words) for words, _ in divided]
        vectors = self.embedder.encode(texts, output_value="token_embeddings")
        return [
            self._average(words, word_numbers, np.asarray(tokens)[1:-1])
            for (words, word_numbers), tokens in zip(divided, vectors, strict=True)
        ]

    def divide(self, ids: npt.NDArray[np.integer]) -> tuple[list[str], Int64Array]:
        """The words of a sequence, and the number of each piece's word, -1 for special pieces.

        A word begins where the vocabulary says so, after a special piece, and between letters and
        punctuation.
        """
        words: list[str] = []
        word_numbers = np.full(len(ids), -1, np.int64)
        is_open, kind = False, None  # whether a word is open, and whether it is alphanumeric
        for slot, number in enumerate(ids.tolist()):
            if number in self.special_ids:
                is_open = False
                continue
            text = self.texts[number]
            own_kind = any(map(str.isalnum, text)) if text else None  # a lone ▁ opens any word
            if not is_open or self.starts_word[number] or (kind is not None and own_kind != kind):
                words.append("")
            words[-1] += text
            word_numbers[slot] = len(words) - 1
            is_open, kind = True, own_kind
        return words, word_numbers

    def _count_tokens(self, words: set[str]) -> None:
        """Learn how many tokens the teacher makes of words that are new."""
        new = sorted(words - self.token_counts.keys())
        offsets = self.embedder.tokenizer.encode_batch(new).offsets
        self.token_counts |= dict(zip(new, (np.diff(offsets) - 2).tolist(), strict=True))

    def _average(
        self, words: list[str], word_numbers: Int64Array, tokens: FloatArray
    ) -> TokenTargets:
        """Give each piece the mean of its word's tokens [S, D]."""
        counts = np.array([self.token_counts[word] for word in words], np.int64)
        if counts.sum() != len(tokens) or not len(tokens):
            return make_no_targets(self.size)
        has_tokens = counts > 0
        starts = (np.cumsum(counts) - counts)[has_tokens]
        means = np.add.reduceat(tokens, starts, axis=0) / counts[has_tokens, None]
        rows = np.cumsum(has_tokens) - 1  # of each word in `means`
        slots = np.flatnonzero((word_numbers >= 0) & has_tokens[word_numbers])
        return TokenTargets(slots, means[rows[word_numbers[slots]]].astype(np.float32))


def make_no_targets(size: int = 0) -> TokenTargets:
    """Targets of no slot."""
    return TokenTargets(np.empty(0, np.int64), np.empty((0, size), np.float32))


def join_targets(targets: Sequence[TokenTargets], firsts: Sequence[int]) -> TokenTargets:
    """The targets of a batch whose sequences begin at these slots, moved to a mean of zero.

    Token vectors share a large mean, which would make every cosine high.
    """
    slots = [own.slots + first for own, first in zip(targets, firsts, strict=True)]
    vectors = np.concatenate([own.vectors for own in targets])
    if len(vectors):
        vectors -= vectors.mean(0)
    return TokenTargets(np.concatenate(slots), vectors)
