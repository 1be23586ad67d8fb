"""What can be wrong with a row, in words that follow "row 3 …"."""

from __future__ import annotations

import json
from dataclasses import dataclass

from albertkit.tables.lines import LONGEST_ROW


@dataclass(frozen=True, slots=True)
class Fault:
    """code: of errors/codes.py. why: follows "row 3 …". rows: how many are lost with it."""

    code: str
    why: str
    rows: int = 1


TOO_LONG = Fault("row-too-long", f"has more than {LONGEST_ROW:,} bytes, the most that is read")
HALF_CHARACTER = Fault("lone-surrogate", "holds half of a character, which no encoding can store")


def not_utf8(data: bytes, error: UnicodeDecodeError) -> Fault:
    """The fault of bytes that cannot be decoded."""
    return Fault("file-not-utf8", f"holds the byte 0x{data[error.start]:02x}, which is not UTF-8")


def not_text(value: object) -> Fault:
    """The fault of a value that stands where a text belongs."""
    seen = json.dumps(value, ensure_ascii=False, default=str)
    shown = seen if len(seen) <= 40 else f"{seen[:40]}…"
    return Fault("row-malformed", f"holds {shown} where a text belongs")


def halved(text: str) -> bool:
    """Whether the text holds half of a surrogate pair."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def too_long(text: str) -> bool:
    """Whether the text has more than LONGEST_ROW bytes."""
    return 4 * len(text) > LONGEST_ROW and len(text.encode()) > LONGEST_ROW
