"""Texts as callers give them → lists of texts or pairs, in windows.

The forms are sentence-transformers': a str is one text; in a list, two texts together are a pair,
which gets one answer. A window has enough texts to fill an engine's rows well, and few enough that
memory does not grow with the length of a stream. Texts are taken from an iterator on the caller's
thread, since its source (a database cursor) may be bound to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value
from albertkit.tables.formats import VECTOR_COLUMN
from albertkit.tasks.vector_types import PartVectors, VectorCast, Vectors

if TYPE_CHECKING:
    from albertkit.tables import InvalidRow, RowBatch, Table
    from albertkit.tables.table import Column, KeptColumns

T = TypeVar("T")
R = TypeVar("R")

WINDOW_TEXTS = 2048  # packed together these fill 99 % of the slots (benchmarks/packing.py)
WINDOW_CHARACTERS = 1 << 20  # about 2,048 paragraphs: a window of longer texts holds fewer
# Texts of a stream's first window, so that a live pipe is answered soon. Each window after it is
# twice as large.
FIRST_WINDOW = 16


@dataclass(frozen=True, slots=True)
class Texts:
    """N texts, or N pairs of a first and a second text.

    Attributes:
        first: [N] the texts, or the first text of each pair.
        second: [N] the second text of each pair; None for texts.
        is_one: Whether a single text was given outside of a list.
        numbers: The numbers of the texts in messages. None: counted from 0 over all windows.
    """

    first: list[str]
    second: list[str] | None
    is_one: bool
    numbers: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.first)

    def number(self, index: int, before: int) -> int:
        """The number of a text in messages; before: the count of texts in earlier windows."""
        return before + index if self.numbers is None else self.numbers[index]

    def windows(self) -> Iterator[Texts]:
        """The texts in windows; no window if there are no texts."""
        few = 0 < len(self.first) < WINDOW_TEXTS
        if few and self.second is None and sum(map(len, self.first)) < WINDOW_CHARACTERS:
            yield self
        elif self.second is None:
            for window in split_windows(self.first, len):
                yield Texts(window, None, False)
        else:
            for pairs in split_windows(
                zip(self.first, self.second, strict=True), _count_characters
            ):
                yield _read_pairs(pairs)


class WindowSize:
    """Decides where a window ends; depends on the texts alone.

    Args:
        first: Texts of the first window; each later one has twice as many, up to WINDOW_TEXTS.
            None: WINDOW_TEXTS from the start.
    """

    def __init__(self, first: int | None = None) -> None:
        self._most = WINDOW_TEXTS if first is None else min(first, WINDOW_TEXTS)
        self._texts = self._characters = 0

    def is_full_after(self, characters: int) -> bool:
        """Whether the window ends with this text."""
        self._texts += 1
        self._characters += characters
        is_full = self._texts == self._most or self._characters >= WINDOW_CHARACTERS
        if is_full:
            self._texts = self._characters = 0
            self._most = min(2 * self._most, WINDOW_TEXTS)
        return is_full


def split_windows(
    items: Iterable[T], characters: Callable[[T], int], first: int | None = None
) -> Iterator[list[T]]:
    """The items in lists; `first` as in WindowSize."""
    size = WindowSize(first)
    window: list[T] = []
    for item in items:
        window.append(item)
        if size.is_full_after(characters(item)):
            yield window
            window = []
    if window:
        yield window


def prefetch(
    windows: Iterator[T], prepare: Callable[[T], R], *, is_live: bool = False
) -> Iterator[R]:
    """`prepare` of each window, computed on another thread while the caller uses the last one.

    One result is kept ready. The thread ends with the iterator, when the caller closes it, and
    after an exception: an exception of `prepare` is raised in place of its window.

    Args:
        windows: Taken on the caller's thread.
        prepare: What the other thread computes.
        is_live: Whether the source may be slow: the first result does not wait for a second window.
    """
    first = next(windows, None)
    if first is None:
        return
    if is_live:
        yield prepare(first)
        first = next(windows, None)
        if first is None:
            return
    second = next(windows, None)
    if second is None:  # a short list needs no thread
        yield prepare(first)
        return
    from concurrent.futures import ThreadPoolExecutor  # not imported for a few texts

    with ThreadPoolExecutor(1, "albertkit-tokens") as executor:
        ready = executor.submit(prepare, first)
        for window in chain([second], windows):
            following = executor.submit(prepare, window)
            yield ready.result()
            ready = following
        yield ready.result()


def read_texts(value: object) -> Texts:
    """Read what a caller gave.

    Raises:
        InputError: [input-not-texts].
    """
    if getattr(value, "ndim", None) == 0:  # numpy.array("a text")
        value = value.item()  # type: ignore[attr-defined]  # what has ndim has item
    if isinstance(value, str):
        return Texts([value], None, True)
    items = convert_to_list(value)
    return _check_items(items, 0, f" of {len(items)}")


def read_stream(items: Iterator[object], first: int | None = FIRST_WINDOW) -> Iterator[Texts]:
    """The texts or pairs of an iterator in windows; `first` as in WindowSize.

    Raises:
        InputError: [input-not-texts], when the item is reached.
    """
    count = 0
    has_pairs: bool | None = None
    for window in split_windows(items, _count_characters, first):
        texts = _check_items(window, count, "")
        if has_pairs not in (None, texts.second is not None):
            raise _not_texts_error(window[0], f"item {count} ")
        has_pairs = texts.second is not None
        count += len(texts)
        yield texts


def convert_to_list(value: object) -> list[object]:
    """The items of a list, a tuple, or a column of numpy, pandas, pyarrow, polars or datasets.

    Raises:
        InputError: [input-not-texts].
    """
    for method in ("tolist", "to_pylist", "to_list"):  # numpy and pandas, pyarrow, polars
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            value = convert()
            break
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return list(value)
    raise _not_texts_error(value, "")


class RowWindows:
    """Rows in the windows in which their texts are encoded, with their other columns.

    Iterate `texts`; after each window's answers ask for its `table`. Windows depend on the texts
    alone, not on how the rows were read.

    Args:
        batches: Rows in batches of any size.
        on_invalid: Called with the rows without text when they are read.
        first: As in WindowSize.
        with_texts: Whether the texts are among the columns of a table.
        characters: What each row adds to a window. None: the characters of its text.
    """

    def __init__(
        self,
        batches: Iterable[RowBatch],
        on_invalid: Callable[[Sequence[InvalidRow]], object],
        first: int | None = None,
        *,
        with_texts: bool = True,
        characters: Callable[[RowBatch], Sequence[int]] | None = None,
    ) -> None:
        self._batches = batches
        self._on_invalid = on_invalid
        self._first = first
        self._with_texts = with_texts
        self._characters_of = characters or _text_characters
        self._waiting: deque[tuple[RowBatch, Sequence[int]]] = deque()
        self._source: Iterator[tuple[RowBatch, Sequence[int]]] = self._windows()

    def texts(self) -> Iterator[Texts]:
        """The texts, window by window, with the numbers of their rows."""
        for window, numbers in self.rows():
            yield Texts(list(window.texts), None, False, numbers)

    def rows(self) -> Iterator[tuple[RowBatch, Sequence[int]]]:
        """The rows, window by window, with their numbers."""
        for window in self._source:
            self._waiting.append(window)
            yield window

    def has_rows(self) -> bool:
        """Whether there is a row with a text; reads the first window."""
        first = next(self._source, None)
        if first is not None:
            self._source = chain((first,), self._source)
        return first is not None

    def take_rows(self) -> RowBatch:
        """The next window's rows, for a caller that makes the table by itself."""
        return self._waiting.popleft()[0]

    def table(self, answer: FloatArray | PartVectors, cast: VectorCast) -> Table:
        """The next window's rows with their vectors.

        Args:
            answer: A vector of each text, or of each of its parts.
            cast: Gives vectors their type.

        Returns:
            The kept columns, the texts if they are wanted, and the vectors. With parts a row is a
            part, and says where that is; without "row" if there is a column "file".
        """
        rows, numbers = self._waiting.popleft()
        kept, texts = rows.kept, Texts(list(rows.texts), None, False, numbers)
        if isinstance(answer, PartVectors):
            return self._make_table(kept, texts, PartVectors(cast.of(answer.vectors), answer.parts))
        return self._make_table(kept, texts, cast.of(answer))

    def empty_table(self, batch: RowBatch, answer: Vectors | PartVectors) -> Table:
        """A table of the same columns without a row.

        Args:
            batch: Any of the rows.
            answer: From `EncodeCall.no_vectors`.
        """
        return self._make_table(_slice_batch(batch, 0, 0).kept, Texts([], None, False, []), answer)

    def _make_table(self, kept: KeptColumns, texts: Texts, answer: Vectors | PartVectors) -> Table:
        from albertkit.tables.table import Table, take_cells  # lists of texts do not need it

        columns: dict[str, Column] = dict(kept)
        rows, vectors = texts.first, answer
        if isinstance(answer, PartVectors):
            rows, vectors = answer.parts.texts, answer.vectors
            numbers = answer.parts.text_numbers  # [P]
            columns = {name: take_cells(column, numbers) for name, column in kept.items()}
            columns |= answer.columns(None if "file" in kept else texts.numbers)
        if self._with_texts:
            columns["text"] = rows
        return Table({**columns, VECTOR_COLUMN: vectors})

    def _windows(self) -> Iterator[tuple[RowBatch, Sequence[int]]]:
        from albertkit.tables.table import concat_batches

        parts: list[RowBatch] = []
        numbers: list[int] = []
        size = WindowSize(self._first)
        for batch in self._batches:
            self._on_invalid(batch.invalid)
            own = batch.numbers
            begin = 0
            for end, characters in enumerate(self._characters_of(batch), 1):
                if size.is_full_after(characters):
                    yield (
                        concat_batches([*parts, _slice_batch(batch, begin, end)]),
                        [*numbers, *own[begin:end]],
                    )
                    parts, numbers, begin = [], [], end
            if begin < len(batch.texts):
                parts.append(_slice_batch(batch, begin, len(batch.texts)))
                numbers += own[begin:]
        if parts:
            yield concat_batches(parts), numbers


def _text_characters(batch: RowBatch) -> Sequence[int]:
    return [len(text) for text in batch.texts]


def _slice_batch(batch: RowBatch, begin: int, end: int) -> RowBatch:
    """Some of the texts and their columns."""
    kept = {name: column[begin:end] for name, column in batch.kept.items()}
    return type(batch)(batch.texts[begin:end], kept, batch.first)


def _check_items(items: list[object], before: int, of_all: str) -> Texts:
    """Texts, or pairs, and nothing else; before: the count of earlier items."""
    pairs = [item for item in items if _is_pair(item)]
    if items and len(pairs) == len(items):
        return _read_pairs(pairs)
    texts = []
    for number, item in enumerate(items, before):
        if not isinstance(item, str):
            raise _not_texts_error(item, f"item {number}{of_all} ")
        texts.append(item)
    return Texts(texts, None, False)


def _read_pairs(pairs: Sequence[Sequence[str]]) -> Texts:
    return Texts([first for first, _ in pairs], [second for _, second in pairs], False)


def _count_characters(item: object) -> int:
    """The characters that an item adds to a window."""
    return len(item) if isinstance(item, str) else sum(map(len, item)) if _is_pair(item) else 0


def _is_pair(item: object) -> TypeGuard[Sequence[str]]:
    return (
        isinstance(item, list | tuple)
        and len(item) == 2
        and all(isinstance(text, str) for text in item)
    )


def _not_texts_error(value: object, which: str) -> InputError:
    return InputError(
        "input-not-texts",
        f"Unsupported input type: {which}{'is ' if which else ''}{describe_value(value)}",
        why="a text is a str, a pair is two of them; a list or an iterator of either is read",
        fix="Give str, and leave out rows without text",
    )
