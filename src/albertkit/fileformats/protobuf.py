"""Read and write protocol buffers without their schemas: fields by their numbers.

Reading: bytes of a message → its fields; a nested message is parsed when it is asked for. No number
from the bytes allocates memory: a record that is longer than the rest of its message is refused.
Writing: a field's number and value → its bytes. A long record can be announced by
`encode_record_head` and its bytes written afterwards, so that a large message never has to be in
memory as a whole.
Format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader

VARINT, FIXED64, RECORD, FIXED32 = 0, 1, 2, 5  # the wire forms; 3 and 4 were groups
SIGN = 1 << 63  # a negative int64 is written as its 64-bit two's complement
HIGHEST = 2047  # the highest field number that is kept; no reader here asks for a higher one


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number and its value, a number or bytes."""

    number: int
    value: int | bytes

    def text(self, reader: ByteReader) -> str:
        """Decode the value as UTF-8; `reader` makes the error if it is none."""
        if not isinstance(self.value, bytes):
            raise reader.format_error(f"field {self.number} is a number where text belongs")
        try:
            return self.value.decode()
        except UnicodeDecodeError as error:
            raise reader.format_error(f"field {self.number} is not UTF-8") from error

    def record(self, reader: ByteReader) -> bytes:
        """Return the value, which must be bytes."""
        if not isinstance(self.value, bytes):
            raise reader.format_error(f"field {self.number} is a number where bytes belong")
        return self.value

    def count(self, reader: ByteReader) -> int:
        """Return the value, which must be a number."""
        if not isinstance(self.value, int):
            raise reader.format_error(f"field {self.number} is bytes where a number belongs")
        return self.value


def read_fields(reader: ByteReader) -> Iterator[Field]:
    """Read all fields that are left, in order; raises as `read_field`."""
    while reader.remaining:
        yield read_field(reader)


def read_field(reader: ByteReader) -> Field:
    """Read the next field.

    Args:
        reader: At the field's tag; left after its value.

    Returns:
        The field; a value of 4 or 8 bytes stays bytes.

    Raises:
        FormatError: [file-truncated] for a record that is cut off, [file-malformed].
    """
    tag = reader.take_varint()
    number, form = tag >> 3, tag & 7
    if number == 0:
        raise reader.format_error("a field has the number 0")
    if form == VARINT:
        return Field(number, reader.take_varint())
    if form == FIXED64:
        return Field(number, bytes(reader.take(8)))
    if form == RECORD:
        return Field(number, bytes(reader.take(reader.take_varint(), "records")))
    if form == FIXED32:
        return Field(number, bytes(reader.take(4)))
    raise reader.format_error(f"a field has the wire form {form}")


class Message:
    """The fields of one message by their numbers; an absent field is zero or empty.

    Args:
        data: The message's bytes.
        name: The file's name, for messages of errors.
        kind: What the file should be: "a SavedModel".
        start: Offset of the message in the file.

    Raises:
        FormatError: [file-truncated], [file-malformed]; later [file-malformed] for a field that is
            asked for as another type than it has.
    """

    __slots__ = ("_ends", "_reader", "_values")

    def __init__(self, data: bytes, name: str, kind: str, start: int = 0) -> None:
        """Parse all fields, but no nested message."""
        # Plain values, and offsets in an array: a message of two-byte fields would need a hundred
        # times its size as Fields.
        self._reader = ByteReader(data, name, kind=kind, start=start)
        self._values: dict[int, list[int | bytes]] = {}
        self._ends: dict[int, array[int]] = {}  # offset of each value's end in data
        for field in read_fields(self._reader):
            if field.number <= HIGHEST:
                self._values.setdefault(field.number, []).append(field.value)
                self._ends.setdefault(field.number, array("Q")).append(self._reader.offset)

    def __contains__(self, number: int) -> bool:
        """Check whether a field is present."""
        return number in self._values

    def count(self, number: int) -> int:
        """Read a whole number; the last value counts."""
        field = self._last(number)
        return field.count(self._reader) if field else 0

    def int64(self, number: int) -> int:
        """Read an int32 or int64 that may be negative."""
        value = self.count(number)
        return value - 2 * SIGN if value >= SIGN else value

    def text(self, number: int) -> str:
        """Read a string; the last value counts."""
        field = self._last(number)
        return field.text(self._reader) if field else ""

    def texts(self, number: int) -> tuple[str, ...]:
        """Read all strings of a repeated field."""
        return tuple(field.text(self._reader) for field in self._all(number))

    def record(self, number: int) -> bytes:
        """Read bytes; the last value counts."""
        field = self._last(number)
        return field.record(self._reader) if field else b""

    def message(self, number: int) -> Message:
        """Read a nested message; if it is given in parts, they are merged, as protobuf does."""
        parts = [field.record(self._reader) for field in self._all(number)]
        start = self._ends[number][0] - len(parts[0]) if parts else 0
        return self._read_nested(b"".join(parts), start)

    def messages(self, number: int) -> Iterator[Message]:
        """Read the messages of a repeated field, each parsed when its turn comes."""
        for field, end in zip(self._all(number), self._ends.get(number, ()), strict=True):
            data = field.record(self._reader)
            yield self._read_nested(data, end - len(data))

    def entries(self, number: int) -> Iterator[tuple[str, Message]]:
        """Read a map from strings to messages."""
        for entry in self.messages(number):
            yield entry.text(1), entry.message(2)

    def format_error(self, what: str) -> FormatError:
        """Make the error for a message that contradicts itself."""
        return self._reader.format_error(what)

    def _all(self, number: int) -> Iterator[Field]:
        return (Field(number, value) for value in self._values.get(number, ()))

    def _last(self, number: int) -> Field | None:
        values = self._values.get(number)
        return Field(number, values[-1]) if values else None

    def _read_nested(self, data: bytes, start: int) -> Message:
        reader = self._reader
        return Message(data, reader.name, reader.kind, reader.start + start)


def encode_varint(value: int) -> bytes:
    """Encode a number that is not negative: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_record(number: int, value: bytes) -> bytes:
    """Encode a field of bytes: a string, or a nested message."""
    return encode_record_head(number, len(value)) + value


def encode_record_head(number: int, length: int) -> bytes:
    """Encode the beginning of a field of `length` bytes, which are to follow."""
    return encode_varint(number << 3 | RECORD) + encode_varint(length)


def encode_text(number: int, value: str) -> bytes:
    """Encode a field of text."""
    return encode_record(number, value.encode())


def encode_int(number: int, value: int) -> bytes:
    """Encode an int32, int64 or enum field; a negative value by its 64-bit two's complement."""
    return encode_varint(number << 3 | VARINT) + encode_varint(value % (2 * SIGN))


def encode_float32(number: int, value: float) -> bytes:
    """Encode a float field of 32 bits."""
    return encode_varint(number << 3 | FIXED32) + struct.pack("<f", value)
