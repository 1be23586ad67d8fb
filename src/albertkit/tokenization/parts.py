"""Long texts → overlapping parts that a model reads whole, with their spans in the original.

A part ends where a sentence ends, if it is half full there; else at a word, or between two pieces
of a word that is longer than a part. The next part begins with the first sentence within the
overlap, else with its first word.
The pieces of each word are counted once, as a piece almost never goes over a space. Then the parts
themselves are encoded, and a text with a part that is too long is cut again, into smaller ones.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array
from albertkit.errors import InputError
from albertkit.tokenization.encode import check_texts, encode_text_with_offsets, encode_texts
from albertkit.tokenization.encodings import Encodings, compute_offsets, concat_ranges
from albertkit.tokenization.normalization import WORD
from albertkit.tokenization.sentences import find_sentence_starts
from albertkit.tokenization.tokenizer import AlbertTokenizer

TRACED_CHARACTERS = 4096  # characters of a word that are traced at a time
JOINER = "\u200d"  # between the characters of one emoji
SKIN_TONES = range(0x1F3FB, 0x1F400)

Span = tuple[int, int]  # start and end, in characters


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of N texts, one after another; text n has the parts offsets[n] to offsets[n + 1].

    Attributes:
        texts: [P] the parts, without markup if that was left out.
        starts: [P] the index of each part's first character in its text.
        ends: [P] the index after its last character.
        offsets: [N + 1].
    """

    texts: list[str]
    starts: Int64Array
    ends: Int64Array
    offsets: Int64Array

    @property
    def text_numbers(self) -> Int64Array:
        """[P] the number of the text that each part belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @property
    def part_numbers(self) -> Int64Array:
        """[P] the number of each part in its text, from 0."""
        counts = np.diff(self.offsets)
        return concat_ranges(np.zeros_like(counts), counts)

    def split(self, values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """The values [P, …] of the parts, text by text, as views."""
        return np.split(values, self.offsets[1:-1])


@dataclass(frozen=True, slots=True)
class PartCutter:
    """Cuts texts into parts.

    Args:
        tokenizer: What reads the parts.
        max_length: Maximum number of ids of a part, special tokens and the prompt included.
        overlap: Maximum number of pieces that a part shares with the part before it.
        prompt: What the model reads before each part.
        lower_case: Whether the model reads all texts in lower case.
        markdown: Whether Markdown's markup is left out; spans are those of the original.

    Raises:
        InputError: [chunk-too-small], [overlap-too-large].
    """

    tokenizer: AlbertTokenizer
    max_length: int
    overlap: int = 0
    prompt: str = ""
    lower_case: bool = False
    markdown: bool = False

    def __post_init__(self) -> None:
        """Check that there is room for pieces besides the special tokens and the overlap."""
        room = self.room()
        if room < 1:
            taken = self.max_length - room
            raise InputError(
                "chunk-too-small",
                f"a part has {self.max_length} ids",
                why=f"the special tokens{' and the prompt' if self.prompt else ''} take {taken}",
                fix=f"Give a chunk of {taken + 1} or more; 128 is usual",
            )
        if self.overlap >= room:
            raise InputError(
                "overlap-too-large",
                f"the overlap is {self.overlap}",
                why=f"a part of {self.max_length} ids has room for {room} pieces, one of them new",
                fix=f"Give {room - 1} or less; a quarter of the chunk is usual",
            )

    def room(self) -> int:
        """How many pieces of a text fit into a part."""
        return self.max_length - len(self.tokenizer.encode_batch([self._as_read("")]).ids)

    def cut(self, texts: Sequence[str]) -> tuple[Parts, Encodings]:
        """Cut texts into parts; a text that fits is one part.

        Args:
            texts: Any texts.

        Returns:
            The parts, and their ids with special tokens and the prompt. A part is truncated only
            if one letter with its marks has more pieces than fit.

        Raises:
            InputError: [lone-surrogate].
        """
        texts = check_texts(texts)
        if not self.markdown:
            return self._cut(texts)
        from albertkit.tokenization.markdown import strip_markdown

        plain = [strip_markdown(text) for text in texts]
        parts, encodings = self._cut([text.text for text in plain])
        spans = [
            plain[number].source_of(start, end, len(texts[number]))
            for number, start, end in zip(
                parts.text_numbers.tolist(), parts.starts.tolist(), parts.ends.tolist(), strict=True
            )
        ]
        starts, ends = np.array(spans, np.int64).reshape(-1, 2).T  # [P] each
        return replace(parts, starts=starts, ends=ends), encodings

    def _cut(self, texts: Sequence[str]) -> tuple[Parts, Encodings]:
        words = [list(find_words(text)) for text in texts]
        sizes = self._count_pieces(texts, words)
        full = self.room()
        rooms = np.full(len(texts), full)  # pieces that a text's parts have by the count
        while True:
            spans = [
                self._cut_text(text, own_words, sizes, room, is_reduced=room < full)
                for text, own_words, room in zip(texts, words, rooms.tolist(), strict=True)
            ]
            parts = make_parts(texts, spans)
            encodings = self.tokenizer.encode_batch(
                [self._as_read(part) for part in parts.texts], max_length=self.max_length
            )
            excess = np.zeros(len(parts.texts), np.int64)  # [P]
            for number in np.flatnonzero(encodings.dropped).tolist():
                if can_be_cut(parts.texts[number]):
                    excess[number] = encodings.dropped[number]
            most = np.maximum.reduceat(excess, parts.offsets[:-1])  # [N]
            smaller = np.maximum(rooms - most, 1)
            if (smaller == rooms).all():
                return parts, encodings
            rooms = smaller

    def _as_read(self, text: str) -> str:
        return (self.prompt + text).lower() if self.lower_case else self.prompt + text

    def _count_pieces(
        self, texts: Sequence[str], words: Sequence[Sequence[Span]]
    ) -> Mapping[str, int]:
        """How many pieces each of the different words has."""
        different = list(
            {
                text[start:end]
                for text, spans in zip(texts, words, strict=True)
                for start, end in spans
            }
        )
        read = [word.lower() for word in different] if self.lower_case else different
        pieces = encode_texts(read, self.tokenizer.vocabulary, self.tokenizer.policy)
        return dict(zip(different, pieces.lengths.tolist(), strict=True))

    def _cut_text(
        self,
        text: str,
        words: Sequence[Span],
        sizes: Mapping[str, int],
        room: int,
        *,
        is_reduced: bool,
    ) -> list[Span]:
        """The spans of a text's parts; is_reduced: with more room, one of them was too long."""
        units: list[Span] = []  # words, or pieces of long words
        counts: list[int] = []
        for start, end in words:
            size = sizes[text[start:end]]
            if size <= room:
                units.append((start, end))
                counts.append(size)
                continue
            for piece, count in self._split_word(text, start, end, room, is_reduced=is_reduced):
                units.append(piece)
                counts.append(count)
        if sum(counts) <= room and not is_reduced:
            return [(0, len(text))]
        if not units:  # white space that the tokenizer reads as pieces, such as U+0085
            for piece, count in self._split_word(text, 0, len(text), room, is_reduced=True):
                units.append(piece)
                counts.append(count)
        is_start = set(find_sentence_starts(text))
        sentences = [index for index, (start, _) in enumerate(units) if start in is_start]
        return [
            (units[first][0], units[last - 1][1])
            for first, last in pack_units(counts, sentences, room, self.overlap)
        ]

    def _split_word(
        self, text: str, start: int, end: int, room: int, *, is_reduced: bool
    ) -> Iterator[tuple[Span, int]]:
        """The spans of a long word's pieces, and how many pieces each stands for."""
        counts: dict[int, int] = {start: 0}  # by the index at which a piece begins
        border = start
        for begin in range(start, end, TRACED_CHARACTERS):
            word = text[begin : min(begin + TRACED_CHARACTERS, end)]
            for piece in encode_text_with_offsets(
                word, self.tokenizer.vocabulary, self.tokenizer.policy
            ):
                index = begin + piece.start
                if index > border and is_border(text, index):
                    border = index
                counts[border] = counts.get(border, 0) + 1
        for (first, last), count in zip(pairwise([*counts, end]), counts.values(), strict=True):
            if count <= room and not (is_reduced and room == 1):  # else letter by letter
                yield (first, last), count
                continue
            letters = [first, *(n for n in range(first + 1, last) if is_border(text, n)), last]
            for letter in pairwise(letters):
                yield letter, room + 1  # a part of its own


def find_words(text: str) -> Iterator[Span]:
    """The spans of words; a sentence that begins within a word begins a new one.

    Args:
        text: any text.
    """
    starts = find_sentence_starts(text)
    for match in re.finditer(WORD, text):
        start, end = match.span()
        for border in starts[bisect_right(starts, start) : bisect_left(starts, end)]:
            if is_border(text, border):
                yield start, border
                start = border
        yield start, end


def can_be_cut(text: str) -> bool:
    """Whether a text is more than one letter with its marks.

    Args:
        text: any text.
    """
    return any(is_border(text, index) for index in range(1, len(text)))


def is_border(text: str, index: int) -> bool:
    """Whether a text may be cut here: not between a letter and its marks, nor within an emoji.

    Args:
        text: any text.
        index: of the character after the cut, from 1 on.
    """
    after = text[index]
    return not (
        unicodedata.category(after).startswith("M")
        or ord(after) in SKIN_TONES
        or JOINER in (after, text[index - 1])
    )


def pack_units(
    counts: Sequence[int], sentences: Sequence[int], room: int, overlap: int
) -> Iterator[Span]:
    """Put units one after another into parts.

    Args:
        counts: [U] pieces of each unit.
        sentences: the units that begin a sentence, in order.
        room: pieces of a part at most; a unit that is larger has a part of its own.
        overlap: pieces at most that neighbouring parts share, less than room.

    Yields:
        The first unit of each part, and the one after its last. Both grow from part to part.
    """
    before = list(accumulate(counts, initial=0))  # [U + 1] pieces before each unit
    first = end = 0
    while end < len(counts):
        # the units of the overlap are left out if the next one would not fit after them
        first = min(max(first, bisect_left(before, before[end + 1] - room)), end)
        last = max(bisect_right(before, before[first] + room) - 1, end + 1)
        if last < len(counts):
            sentence = bisect_right(sentences, last) - 1
            if sentence >= 0 and sentences[sentence] > end:
                is_half_full = before[sentences[sentence]] - before[first] >= room / 2
                last = sentences[sentence] if is_half_full else last
        yield first, last
        end = last
        shared = bisect_left(before, before[end] - overlap) if overlap else end
        first = min(max(first + 1, shared), end)
        sentence = bisect_left(sentences, first)
        if sentence < len(sentences) and sentences[sentence] < end:
            first = sentences[sentence]


def make_parts(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> Parts:
    """The parts with these spans.

    Args:
        texts: [N].
        spans: [N] at least one span for each text.
    """
    flat = np.array([span for own in spans for span in own], np.int64).reshape(-1, 2)  # [P, 2]
    return Parts(
        [text[start:end] for text, own in zip(texts, spans, strict=True) for start, end in own],
        flat[:, 0],
        flat[:, 1],
        compute_offsets([len(own) for own in spans]),
    )
