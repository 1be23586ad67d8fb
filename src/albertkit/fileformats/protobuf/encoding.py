"""Fields of protocol buffers as bytes: what `protowire` reads, the other way round.

In: a field's number and its value. Out: the field. A long record can be announced by `head` and
its bytes written afterwards, so that no message need lie in memory whole.
"""

from __future__ import annotations

import struct

from albertkit.fileformats.protobuf.messages import FIXED32, RECORD, SIGN, VARINT, record, varint


def head(number: int, length: int) -> bytes:
    """The beginning of a record of `length` bytes, which are to follow."""
    return varint(number << 3 | RECORD) + varint(length)


def text(number: int, value: str) -> bytes:
    return record(number, value.encode())


def whole(number: int, value: int) -> bytes:
    """An int32, int64 or enum; below zero it is its 64-bit two's complement."""
    return varint(number << 3 | VARINT) + varint(value % (2 * SIGN))


def fraction(number: int, value: float) -> bytes:
    """A float of 32 bits."""
    return varint(number << 3 | FIXED32) + struct.pack("<f", value)
