"""Texts of wanted lengths: running words of a person's file, or invented ones.

In: lengths in ids. Out: texts that have them, cut where a word ends. The words' own counts of
pieces are added up, which a SentencePiece vocabulary keeps but for rare joints.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from albertkit.tokenization import AlbertTokenizer

INVENTED = 200_000  # words: more than all jobs together take
SPECIALS = 2  # [CLS] and [SEP]


class Words:
    """Words in their order, and of how many pieces each is."""

    def __init__(self, words: Sequence[str], tokenizer: AlbertTokenizer) -> None:
        distinct = sorted(set(words))
        lengths = tokenizer.encode_batch(distinct).lengths.tolist()
        pieces = {word: n - SPECIALS for word, n in zip(distinct, lengths, strict=True)}
        self.words = [word for word in words if pieces[word]]
        self.pieces = [pieces[word] for word in self.words]

    @classmethod
    def of_file(cls, path: Path, tokenizer: AlbertTokenizer) -> Words:
        """The words of a file of plain text, UTF-8."""
        return cls(path.read_text(encoding="utf-8").split(), tokenizer)

    @classmethod
    def invent(cls, tokenizer: AlbertTokenizer) -> Words:
        """Whole words of the vocabulary in random order, few of them often, as in a language."""
        names = tokenizer.convert_ids_to_tokens(list(range(tokenizer.vocab_size)))
        whole = [name[1:] for name in names if name.startswith("▁") and name[1:].isalpha()]
        ranks = [1 / (directory + 3) for directory in range(len(whole))]
        return cls(random.Random("words").choices(whole, ranks, k=INVENTED), tokenizer)

    def texts(self, lengths: Iterable[int], seed: int) -> list[str]:
        """A text for each length in ids, its words from a random place on."""
        rng = random.Random(seed)
        return [self._text(length, rng.randrange(len(self.words))) for length in lengths]

    def _text(self, length: int, directory: int) -> str:
        """The words from `place` on that fit: at least one, the file's end goes on at its start."""
        taken: list[str] = []
        left = length - SPECIALS
        while left > 0:
            word, pieces = self.words[directory], self.pieces[directory]
            directory = (directory + 1) % len(self.words)
            if pieces <= left:
                taken.append(word)
                left -= pieces
            elif taken:
                break
        return " ".join(taken)
