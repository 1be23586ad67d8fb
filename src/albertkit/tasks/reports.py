"""What happened to the texts of one call, counted over all windows and logged once at the end.

Empty texts, truncated texts, texts of unknown pieces only, vectors that are not finite.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.errors import Diagnostic, InputError
from albertkit.tasks.inputs import Texts
from albertkit.tasks.options import LongTextMode
from albertkit.tokenization import AlbertTokenizer, Encodings
from albertkit.tokenization.pieces import SPACE

if TYPE_CHECKING:
    from albertkit.tokenization.parts import Parts
    from albertkit.tokenization.vocabulary import PieceTable

LOGGER = logging.getLogger(__name__)

EmptyInSearch: TypeAlias = Literal["hidden", "shown", ""]


@dataclass(slots=True)
class TextGroup:
    """Texts of one kind: how many, and the number of the first."""

    count: int = 0
    first: int = 0

    def add(self, count: int, first: int) -> None:
        """Count more of them."""
        if count and not self.count:
            self.first = first
        self.count += count


class EncodeReport:
    """Counts while texts are tokenized and vectors are made; `log` warns at the end.

    Attributes:
        max_length: Ids of a text at most, special tokens included.
        truncation: What to do with longer texts.
        has_windows: Whether the task can read long texts in parts, for the advice of a warning.
        empty_in_search: What search does with empty texts: it cannot see that they are empty if the
            texts are not written. "" if the results are not searched.
        texts: How many texts were seen.
        empty: Texts without a character besides whitespace. A pair is never empty.
        unknown: Texts of which the vocabulary has no piece.
        truncated: Texts that were too long.
        lost: Ids that truncation removed.
        longest: Ids of the longest text that was truncated.
        not_finite: Texts whose vector has NaN or infinite numbers.
        reads_parts: Whether texts were cut into parts, of max_length ids.
    """

    def __init__(
        self, max_length: int, truncation: LongTextMode, *, has_windows: bool = True
    ) -> None:
        self.max_length = max_length
        self.truncation = truncation
        self.has_windows = has_windows
        self.empty_in_search: EmptyInSearch = "hidden" if has_windows else ""
        self.texts = self.lost = self.longest = self._encoded = 0
        self.reads_parts = False
        self.empty, self.unknown = TextGroup(), TextGroup()
        self.truncated, self.not_finite = TextGroup(), TextGroup()

    def tokenize(self, tokenizer: AlbertTokenizer, texts: Texts) -> Encodings:
        """The ids of the next texts, truncated.

        Raises:
            InputError: [text-too-long] if truncation is "error".
        """
        encodings = tokenizer.encode_batch(texts.first, texts.second, max_length=self.max_length)
        self.count(tokenizer, texts, encodings)
        return encodings

    def count(
        self,
        tokenizer: AlbertTokenizer,
        texts: Texts,
        encodings: Encodings,
        parts: Parts | None = None,
    ) -> None:
        """Count what happened to the next texts.

        Args:
            tokenizer: What made the encodings.
            texts: The texts.
            encodings: Of each text, or of each part.
            parts: The parts of the texts. None: the texts are whole.

        Raises:
            InputError: [text-too-long] if truncation is "error".
        """
        self.reads_parts = parts is not None
        if encodings.dropped.any():
            self._count_truncated(texts, encodings, parts)
        self._count_empty(texts)
        table = tokenizer.vocabulary.table
        unknown = encodings.ids == table.specials.unk
        if unknown.any():
            is_unknown = _lack_known_pieces(table, encodings, unknown)
            if parts is not None:
                is_unknown = np.logical_and.reduceat(is_unknown, parts.offsets[:-1])
            numbers = np.flatnonzero(is_unknown).tolist()
            if numbers:
                self.unknown.add(len(numbers), texts.number(numbers[0], self.texts))
        self.texts += len(texts.first)

    def count_whole(self, texts: Texts) -> None:
        """Count texts that are read in windows, so that none is truncated."""
        self._count_empty(texts)
        self.texts += len(texts.first)

    def check_vectors(
        self,
        vectors: FloatArray,
        parts: Parts | None = None,
        numbers: Sequence[int] | None = None,
    ) -> None:
        """Count vectors [N, D] of the next texts, or [P, D] of their parts, that are not finite.

        `numbers` are those of the texts in messages.
        """
        if not np.isfinite(vectors).all():
            rows = np.flatnonzero(~np.isfinite(vectors).all(axis=-1))
            rows = rows if parts is None else np.unique(parts.text_numbers[rows])
            first = int(rows[0])
            self.not_finite.add(
                len(rows), self._encoded + first if numbers is None else numbers[first]
            )
        self._encoded += len(vectors) if parts is None else len(parts.offsets) - 1

    def add(self, other: EncodeReport) -> None:
        """Count the texts of another part of the same job, whose numbers go on."""
        self.texts += other.texts
        self.lost += other.lost
        self.longest = max(self.longest, other.longest)
        self.reads_parts |= other.reads_parts
        for name in ("empty", "unknown", "truncated", "not_finite"):
            group: TextGroup = getattr(other, name)
            getattr(self, name).add(group.count, group.first)

    def log(self) -> None:
        """Log one warning for each kind of text that was seen."""
        for diagnostic in self.diagnostics():
            LOGGER.warning(diagnostic.line())

    def diagnostics(self) -> list[Diagnostic]:
        """The warnings, for callers that do not read logs."""
        warnings = []
        if self.empty.count:
            warnings.append(warn_of_empty(self.empty, self.texts, self.empty_in_search))
        if self.unknown.count:
            verbs = ("consists", "consist")
            warnings.append(
                Diagnostic(
                    "text-unknown",
                    "warning",
                    f"{count_texts(self.unknown.count, self.texts, *verbs)} of unknown pieces only"
                    + name_first(self.unknown, self.texts),
                    why="the vocabulary has none of the characters, so all such texts look alike",
                    fix="Take a model for the language of these texts",
                )
            )
        if self.truncated.count and self.truncation in ("warn", "windows"):
            warnings.append(self._warn_of_truncated())
        if self.not_finite.count:
            warnings.append(
                Diagnostic(
                    "vectors-not-finite",
                    "warning",
                    f"{count_texts(self.not_finite.count, self.texts, 'has', 'have')} a vector "
                    f"with NaN or infinite numbers{name_first(self.not_finite, self.texts)}",
                    why="weights of the model are not finite, or its numbers overflow",
                    fix="Look at the model with `albertkit inspect`, or take float32",
                )
            )
        return warnings

    def _warn_of_truncated(self) -> Diagnostic:
        count, texts = self.truncated.count, self.texts
        if self.reads_parts:
            return Diagnostic(
                "text-truncated",
                "warning",
                f"{count_texts(count, texts, 'has', 'have')} letters of more ids than a part of"
                f" {self.max_length}, {self.lost} ids lost",
                why=f"a letter is never cut into parts, and one of them needs {self.longest}",
                fix=f"Give a chunk of {self.longest} or more; 128 is usual",
            )
        them = "them" if count > 1 else "it"
        return Diagnostic(
            "text-truncated",
            "warning",
            f"{count_texts(count, texts, 'was', 'were')} cut to {self.max_length} ids,"
            f" {self.lost} ids lost",
            why=f"the longest has {self.longest}" if count > 1 else f"it has {self.longest}",
            fix=f'Read {them} in parts: truncation "windows", or a chunk (--chunk 128)'
            if self.has_windows
            else f"Shorten {them}, or give each part as a text of its own",
        )

    def _count_empty(self, texts: Texts) -> None:
        if texts.second is None:
            numbers = [n for n, text in enumerate(texts.first) if not text or text.isspace()]
            if numbers:
                self.empty.add(len(numbers), texts.number(numbers[0], self.texts))

    def _count_truncated(self, texts: Texts, encodings: Encodings, parts: Parts | None) -> None:
        rows = np.flatnonzero(encodings.dropped)
        longest = int((encodings.lengths + encodings.dropped)[rows].max())
        if parts is not None:
            rows = np.unique(parts.text_numbers[rows])
        first = texts.number(int(rows[0]), self.texts)
        if self.truncation == "error":
            several = len(rows) > 1
            raise InputError(
                "text-too-long",
                f"{count_texts(len(rows), len(texts.first), 'is', 'are')} too long, the first is "
                f"text {first + 1}"
                if several
                else f"text {first + 1} is too long",
                why=f"{'the longest' if several else 'it'} has {longest} ids, "
                f"the model reads {self.max_length}"
                if parts is None
                else f"a letter has {longest} ids, a part {self.max_length}",
                fix='Cut it into parts, or ask for the truncation "warn"'
                if parts is None
                else f"Give a chunk of {longest} or more; 128 is usual",
            )
        self.truncated.add(len(rows), first)
        self.lost += int(encodings.dropped.sum())
        self.longest = max(self.longest, longest)


def warn_of_empty(empty: TextGroup, texts: int, in_search: EmptyInSearch = "hidden") -> Diagnostic:
    """The warning about empty texts, whether they get answers or are searched."""
    is_one = empty.count == 1
    why = "it keeps its row" if is_one else "they keep their rows"
    why += ", so that rows and texts stay aligned"
    if in_search == "hidden":
        why += f", but search never shows {'it' if is_one else 'them'}"
    elif in_search == "shown":
        why += f", and search may show {'it' if is_one else 'them'}: the texts are not written"
    return Diagnostic(
        "text-empty",
        "warning",
        f"{count_texts(empty.count, texts, 'is', 'are')} empty{name_first(empty, texts)}",
        why=why,
        fix="Leave empty texts out to see no warning",
    )


def name_first(group: TextGroup, texts: int) -> str:
    """Name the first of several texts: ", the first is number 7"."""
    if texts == 1:
        return ""
    return f", {'the first is ' if group.count > 1 else ''}number {group.first + 1}"


def count_texts(count: int, texts: int, one: str, many: str) -> str:
    """Count texts: "the text is", "1 of 5 texts is"; one and many are forms of the verb."""
    if texts == 1:
        return f"the text {one}"
    return f"{count:,} of {texts:,} texts {one if count == 1 else many}"


def _lack_known_pieces(table: PieceTable, encodings: Encodings, unknown: BoolArray) -> BoolArray:
    """[N] whether a text has an unknown piece, and no other besides special tokens."""
    ids = encodings.ids
    ignored = [table.specials.cls, table.specials.sep]
    if SPACE in table.ids:  # SentencePiece puts it before a word of unknown characters too
        ignored.append(table.ids[SPACE])
    known = ~(unknown | np.isin(ids, ignored))  # [T]
    offsets: Int64Array = encodings.offsets[:-1]
    has_unknown = np.add.reduceat(unknown, offsets, dtype=np.int64) > 0  # [N]
    has_known = np.add.reduceat(known, offsets, dtype=np.int64) > 0  # [N]
    return has_unknown & ~has_known
