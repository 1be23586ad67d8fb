"""Protocol buffers on the wire: fields, varints and nested messages, without a schema compiler.

In: the bytes of a message. Out: a Message, asked for its fields by the numbers that the .proto
file gives them; nested messages are parsed when they are asked for. Nothing is allocated by a
number from the bytes: a record that promises more than is left is refused.
Format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from albertkit.errors import FormatError

VARINT, FIXED64, RECORD, FIXED32 = 0, 1, 2, 5  # the wire forms; 3 and 4 were groups
LONGEST_VARINT = 10  # bytes
HIGHEST = 2047  # field number; what stands above it no reader here asks for, and it is passed over
SIGN = 1 << 63  # a negative int64 is written as its 64-bit two's complement


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number and its value, a number or a stretch of bytes."""

    number: int
    value: int | bytes

    def text(self, reader: Wire) -> str:
        """The value as text."""
        if not isinstance(self.value, bytes):
            raise reader.malformed(f"field {self.number} is a number where text belongs")
        try:
            return self.value.decode()
        except UnicodeDecodeError as error:
            raise reader.malformed(f"field {self.number} is not UTF-8") from error

    def record(self, reader: Wire) -> bytes:
        """The value as bytes."""
        if not isinstance(self.value, bytes):
            raise reader.malformed(f"field {self.number} is a number where bytes belong")
        return self.value

    def count(self, reader: Wire) -> int:
        """The value as a whole number."""
        if not isinstance(self.value, int):
            raise reader.malformed(f"field {self.number} is bytes where a number belongs")
        return self.value


class Wire:
    """A cursor over one message that knows where it ends.

    name: of the file, for messages. kind: what the file should be, as "a SavedModel". start:
    where data begins in the file.
    """

    __slots__ = ("at", "data", "kind", "name", "start")

    def __init__(self, data: bytes, name: str, kind: str, start: int = 0) -> None:
        self.data = data
        self.name = name
        self.kind = kind
        self.start = start
        self.at = 0

    def fields(self) -> Iterator[Field]:
        """All fields in order; FormatError where one is cut off or has no lawful form."""
        while self.at < len(self.data):
            yield self.field()

    def field(self) -> Field:
        tag = self.varint()
        number, form = tag >> 3, tag & 7
        if number == 0:
            raise self.malformed("a field has the number 0")
        if form == VARINT:
            return Field(number, self.varint())
        if form == FIXED64:
            return Field(number, self.take(8))
        if form == RECORD:
            return Field(number, self.take(self.varint()))
        if form == FIXED32:
            return Field(number, self.take(4))
        raise self.malformed(f"a field has the wire form {form}")

    def varint(self) -> int:
        value = 0
        for shift in range(0, 7 * LONGEST_VARINT, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise self.malformed(f"a number is longer than {LONGEST_VARINT} bytes")

    def take(self, count: int) -> bytes:
        left = len(self.data) - self.at
        if count > left:
            raise self.truncated(f"a record promises {count} bytes and {left} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def truncated(self, what: str) -> FormatError:
        return FormatError(
            "file-truncated",
            what,
            why=f"the cut is at byte {self.start + self.at}",
            fix="Copy or download the file again",
            where=self.name,
        )

    def malformed(self, what: str) -> FormatError:
        return FormatError(
            "file-malformed",
            f"{what} (near byte {self.start + self.at})",
            why=f"{self.kind} never does",
            fix="Copy or download the file again",
            where=self.name,
        )


class Message:
    """The fields of one message by their numbers; as in protobuf, an absent one is zero or empty.

    Raises FormatError [file-truncated], [file-malformed] when made, and [file-malformed] where a
    field is asked for as something that it isn't.
    """

    __slots__ = ("_ends", "_values", "_wire")

    def __init__(self, data: bytes, name: str, kind: str, start: int = 0) -> None:
        # Values as they are and places in an array: a message of two-byte fields would cost a
        # hundred times its size as Fields.
        self._wire = Wire(data, name, kind, start)
        self._values: dict[int, list[int | bytes]] = {}
        self._ends: dict[int, array[int]] = {}  # where each value ends in data
        for field in self._wire.fields():
            if field.number <= HIGHEST:
                self._values.setdefault(field.number, []).append(field.value)
                self._ends.setdefault(field.number, array("Q")).append(self._wire.at)

    def __contains__(self, number: int) -> bool:
        return number in self._values

    def count(self, number: int) -> int:
        """A whole number; the last one counts."""
        found = self._last(number)
        return found.count(self._wire) if found else 0

    def signed(self, number: int) -> int:
        """An int32 or int64 that may be below zero."""
        value = self.count(number)
        return value - 2 * SIGN if value >= SIGN else value

    def text(self, number: int) -> str:
        """A string; the last one counts."""
        found = self._last(number)
        return found.text(self._wire) if found else ""

    def texts(self, number: int) -> tuple[str, ...]:
        """All strings of a repeated field."""
        return tuple(field.text(self._wire) for field in self._all(number))

    def record(self, number: int) -> bytes:
        """Bytes; the last ones count."""
        found = self._last(number)
        return found.record(self._wire) if found else b""

    def message(self, number: int) -> Message:
        """A nested message; one that is given in parts is merged, as protobuf says."""
        parts = [field.record(self._wire) for field in self._all(number)]
        start = self._ends[number][0] - len(parts[0]) if parts else 0
        return self._nested(b"".join(parts), start)

    def messages(self, number: int) -> Iterator[Message]:
        """The messages of a repeated field, each parsed when its turn comes."""
        for field, end in zip(self._all(number), self._ends.get(number, ()), strict=True):
            data = field.record(self._wire)
            yield self._nested(data, end - len(data))

    def entries(self, number: int) -> Iterator[tuple[str, Message]]:
        """A map from strings to messages."""
        for entry in self.messages(number):
            yield entry.text(1), entry.message(2)

    def malformed(self, what: str) -> FormatError:
        """The error for a message that contradicts itself."""
        return self._wire.malformed(what)

    def _all(self, number: int) -> Iterator[Field]:
        return (Field(number, value) for value in self._values.get(number, ()))

    def _last(self, number: int) -> Field | None:
        values = self._values.get(number)
        return Field(number, values[-1]) if values else None

    def _nested(self, data: bytes, start: int) -> Message:
        wire = self._wire
        return Message(data, wire.name, wire.kind, wire.start + start)


def record(number: int, value: bytes) -> bytes:
    """A field of the wire form "length, then bytes"."""
    return varint(number << 3 | RECORD) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
