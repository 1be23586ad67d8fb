"""What people give where texts are read: one text, one pair, or a list of either.

The forms are sentence-transformers': a str alone is one text; in a list, two texts together are a
pair, which gets one answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from albertkit.errors import Finding, InputError

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Texts:
    """N texts, or N pairs of a first and a second text.

    is_one: whether a single text was given outside of a list, and is to be answered so.
    """

    first: list[str]
    second: list[str] | None
    is_one: bool

    def __len__(self) -> int:
        return len(self.first)

    def changed(self, change: Callable[[str], str]) -> Texts:
        """The texts after `change`, seconds of pairs too."""
        second = None if self.second is None else list(map(change, self.second))
        return Texts(list(map(change, self.first)), second, self.is_one)


def read_texts(given: object) -> Texts:
    """Read what a caller gave; raises InputError [input-not-texts]."""
    if isinstance(given, str):
        return Texts([given], None, True)
    listed = as_list(given)
    pairs = [item for item in listed if _is_pair(item)]
    if listed and len(pairs) == len(listed):
        return Texts([first for first, _ in pairs], [second for _, second in pairs], False)
    texts = []
    for number, item in enumerate(listed):
        if not isinstance(item, str):
            raise _refused(item, f"item {number} of {len(listed)} ")
        texts.append(item)
    return Texts(texts, None, False)


def tell_of_empty(texts: Texts) -> None:
    """Warn of texts without a character beside spaces; they keep their place and get an answer."""
    empty = [number for number, text in enumerate(texts.first) if not text or text.isspace()]
    if texts.second is None and empty:
        LOGGER.warning(
            Finding(
                "text-empty",
                "warning",
                f"{len(empty)} of {len(texts)} texts are empty, the first is number {empty[0]}",
                why="they get an answer too, so that answers and texts stay side by side",
                fix="Leave them out, or their answers",
            ).line()
        )


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
        why="a str, a pair of them, or a list of one of these is read",
        fix="Give str, leave out rows without text, and make a list(...) of a generator",
    )
