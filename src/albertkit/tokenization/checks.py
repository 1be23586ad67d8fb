"""What is refused before any text is encoded: no text, text that cannot be, no option's value.

A lone surrogate (U+D800 to U+DFFF) is half of a character: no UTF-8 file can hold it, and
SentencePiece, which reads UTF-8, has no piece for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from albertkit.errors import InputError


def check_texts(texts: Sequence[object], name: str = "texts") -> list[str]:
    """The texts, all of them str and encodable; InputError names the first that isn't."""
    checked = [text for text in texts if isinstance(text, str)]
    if len(checked) < len(texts):
        number = next(n for n, text in enumerate(texts) if not isinstance(text, str))
        raise InputError(
            "text-not-a-string",
            f"{name}[{number}] is {shown(texts[number])}",
            why="a text is a str",
            fix="Convert it, or leave it out",
        )
    other = [text for text in checked if not text.isascii()]
    try:
        "\0".join(other).encode()
    except UnicodeEncodeError as error:
        number, at = surrogate_place(checked)
        raise InputError(
            "lone-surrogate",
            f"{name}[{number}] has the lone surrogate U+{ord(checked[number][at]):04X} at {at}",
            why=surrogate_origin(ord(checked[number][at])),
            fix="Decode the source with the encoding that it really has, or repair the text",
        ) from error
    return checked


def surrogate_place(texts: Sequence[str]) -> tuple[int, int]:
    """(text, character) of the first lone surrogate."""
    return next(
        (number, at)
        for number, text in enumerate(texts)
        for at, character in enumerate(text)
        if "\ud800" <= character <= "\udfff"
    )


def surrogate_origin(code: int) -> str:
    """Why a surrogate is no character; Python keeps a byte that is no UTF-8 as U+DC80 to U+DCFF."""
    if 0xDC80 <= code <= 0xDCFF:
        return f"it stands for the byte 0x{code - 0xDC00:02x}, which was not UTF-8"
    return "half a character cannot be encoded"


def shown(value: object) -> str:
    """A value as messages show it: its type, and itself where it is short."""
    text = repr(value)
    kind = type(value).__name__
    return "None" if value is None else f"{text} ({kind})" if len(text) <= 40 else f"a {kind}"


def one_of(value: object, allowed: Sequence[object], name: str) -> None:
    """InputError where an option has none of its values."""
    if not any(value is each or (value == each and type(value) is type(each)) for each in allowed):
        raise InputError(
            "option-invalid",
            f"{name} is {shown(value)}",
            why=f"it can be {', '.join(map(repr, allowed))}",
            fix="Choose one of them",
        )
