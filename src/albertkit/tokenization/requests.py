"""What a call of the tokenizer asks for: its texts sorted out, its options checked.

The forms are Hugging Face's: one text, a list of texts, a pair as two arguments, a list of pairs;
with is_split_into_words a list of words, or a list of such lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from albertkit.errors import InputError
from albertkit.tokenization.checks import shown

Text = str | Sequence[str]  # a text, or its words


@dataclass(frozen=True, slots=True)
class Request:
    """N texts or pairs; each text is a str, or its words where they were given split."""

    firsts: list[Text]
    seconds: list[Text] | None
    is_single: bool  # whether one text was given, not a list of one


def read_request(text: object, text_pair: object, *, is_split: bool) -> Request:
    """Sort out which of the forms was given; InputError where it is none."""
    is_single = isinstance(text, str) or (is_split and is_words(text))
    if text_pair is None and not is_split and not is_single and is_pairs(text):
        firsts, seconds = zip(*as_list(text, "text"), strict=True)
        return Request(list(firsts), list(seconds), False)
    firsts_given = [text] if is_single else as_list(text, "text")
    if text_pair is None:
        return Request(checked(firsts_given, is_split), None, is_single)
    seconds_given = [text_pair] if is_single else as_list(text_pair, "text_pair")
    if len(firsts_given) != len(seconds_given):
        raise InputError(
            "pairs-unequal",
            f"{len(firsts_given)} first texts and {len(seconds_given)} second texts",
            why="each first text has one second",
            fix="Give as many of both",
        )
    return Request(checked(firsts_given, is_split), checked(seconds_given, is_split), is_single)


def is_words(value: object) -> bool:
    """Whether this is one text as a list of words (an empty list is a batch of none)."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], str)


def is_pairs(value: object) -> bool:
    """Whether this is a list of pairs of texts."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(row, list | tuple) and len(row) == 2 for row in value)
    )


def as_list(value: object, name: str) -> list[object]:
    """A batch as a list; generators, arrays and columns of tables are taken too."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InputError(
            "text-not-a-string",
            f"{name} is {shown(value)}",
            why="a text is a str, several are a list of str",
            fix="Give one of the two",
        )
    return list(value)


def checked(given: Sequence[object], is_split: bool) -> list[Text]:
    """Texts pass (their type is checked later); words must be in a list each."""
    rows: list[Text] = []
    for number, row in enumerate(given):
        if is_split and not isinstance(row, list | tuple):
            raise InputError(
                "text-not-a-string",
                f"text[{number}] is {shown(row)}",
                why="with is_split_into_words each text is a list of words",
                fix="Split it, or leave is_split_into_words out",
            )
        rows.append(row)  # type: ignore[arg-type]  # check_texts looks at each
    return rows
