"""What people give where texts are read: one text, one pair, or a list of either.

The forms are sentence-transformers': a str alone is one text; in a list, two texts together are a
pair, which gets one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from albertkit.errors import InputError
from albertkit.tasks.stream import in_windows


@dataclass(frozen=True, slots=True)
class Texts:
    """N texts, or N pairs of a first and a second text.

    is_one: whether a single text was given outside of a list, and is to be answered so.
    numbers: by which messages call them; None: from 0 on through all windows.
    """

    first: list[str]
    second: list[str] | None
    is_one: bool
    numbers: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.first)

    def number(self, place: int, before: int) -> int:
        """What messages call the text at `place`; before: how many came in earlier windows."""
        return before + place if self.numbers is None else self.numbers[place]

    def windows(self) -> Iterator[Texts]:
        """The texts in windows; none of no texts."""
        if self.second is None:
            for window in in_windows(self.first, len):
                yield Texts(window, None, False)
        else:
            for pairs in in_windows(zip(self.first, self.second, strict=True), _characters):
                yield _pairs(pairs)


def read_texts(given: object) -> Texts:
    """Read what a caller gave; raises InputError [input-not-texts]."""
    if isinstance(given, str):
        return Texts([given], None, True)
    listed = as_list(given)
    return _checked(listed, 0, f" of {len(listed)}")


def read_stream(given: Iterator[object]) -> Iterator[Texts]:
    """The texts, or pairs, of an iterator in windows; raises InputError as they come."""
    read = 0
    pairs: bool | None = None
    for window in in_windows(given, _characters):
        texts = _checked(window, read, "")
        if pairs not in (None, texts.second is not None):
            raise _refused(window[0], f"item {read} ")
        pairs = texts.second is not None
        read += len(texts)
        yield texts


def _checked(items: list[object], before: int, of_all: str) -> Texts:
    """Texts, or pairs, and nothing else; before: how many came earlier."""
    pairs = [item for item in items if _is_pair(item)]
    if items and len(pairs) == len(items):
        return _pairs(pairs)
    texts = []
    for number, item in enumerate(items, before):
        if not isinstance(item, str):
            raise _refused(item, f"item {number}{of_all} ")
        texts.append(item)
    return Texts(texts, None, False)


def _pairs(pairs: Sequence[Sequence[str]]) -> Texts:
    return Texts([first for first, _ in pairs], [second for _, second in pairs], False)


def _characters(item: object) -> int:
    """How much of a window an item takes."""
    return len(item) if isinstance(item, str) else sum(map(len, item)) if _is_pair(item) else 0


def as_list(given: object) -> list[object]:
    """The items of a list, a tuple, or a column of numpy, pandas or datasets."""
    column = getattr(given, "tolist", None)
    if callable(column):
        given = column()
    if isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray):
        return list(given)
    raise _refused(given, "")


def _is_pair(item: object) -> TypeGuard[Sequence[str]]:
    return (
        isinstance(item, list | tuple)
        and len(item) == 2
        and all(isinstance(text, str) for text in item)
    )


def _refused(value: object, which: str) -> InputError:
    shown = repr(value)
    kind = type(value).__name__
    seen = "None" if value is None else f"{shown} ({kind})" if len(shown) <= 40 else f"a {kind}"
    return InputError(
        "input-not-texts",
        f"Unsupported input type: {which}{'is ' if which else ''}{seen}",
        why="a str, a pair of them, or a list or iterator of one of these is read",
        fix="Give str, and leave out rows without text",
    )
