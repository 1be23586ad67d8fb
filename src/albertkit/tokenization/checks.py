"""Refuse what is no text before any text is encoded.

A lone surrogate (U+D800 to U+DFFF) is half of a character: no UTF-8 file can hold it, and
SentencePiece, which reads UTF-8, has no piece for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value


def check_texts(texts: Sequence[object], name: str = "texts") -> list[str]:
    """Check that every text is a str that can be encoded.

    Args:
        texts: what the caller gave.
        name: of the argument, in error messages.

    Raises:
        InputError: [text-not-a-string], [lone-surrogate] for the first text that is not.
    """
    checked = [text for text in texts if isinstance(text, str)]
    if len(checked) < len(texts):
        number = next(n for n, text in enumerate(texts) if not isinstance(text, str))
        raise InputError(
            "text-not-a-string",
            f"{name}[{number}] is {describe_value(texts[number])}",
            why="a text is a str",
            fix="Convert it, or leave it out",
        )
    other = [text for text in checked if not text.isascii()]
    try:
        "\0".join(other).encode()
    except UnicodeEncodeError as error:
        number, index = find_surrogate(checked)
        code = ord(checked[number][index])
        raise InputError(
            "lone-surrogate",
            f"{name}[{number}] has the lone surrogate U+{code:04X} at {index}",
            why=explain_surrogate(code),
            fix="Decode the source with the encoding that it really has, or repair the text",
        ) from error
    return checked


def find_surrogate(texts: Sequence[str]) -> tuple[int, int]:
    """(text, character) of the first lone surrogate."""
    return next(
        (number, index)
        for number, text in enumerate(texts)
        for index, character in enumerate(text)
        if "\ud800" <= character <= "\udfff"
    )


def explain_surrogate(code: int) -> str:
    """Why a surrogate is no character; Python keeps a byte that is no UTF-8 as U+DC80 to U+DCFF."""
    if 0xDC80 <= code <= 0xDCFF:
        return f"it replaces the byte 0x{code - 0xDC00:02x}, which was not UTF-8"
    return "half a character cannot be encoded"
