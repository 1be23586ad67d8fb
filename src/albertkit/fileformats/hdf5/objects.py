"""Objects of an HDF5 file: the messages of an object header, and the object that they describe.

A group has the addresses of its links; a dataset has a type, a shape and the offset of its bytes;
both may have attributes, of which those with one text are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from albertkit.fileformats.hdf5.structures import NOWHERE, Structures, feature_error
from albertkit.fileformats.reader import ByteReader

# Kinds of messages. Source: HDF5 File Format Specification 3.0, section IV.A.2.
SPACE, TYPE, LAYOUT, ATTRIBUTE, CONTINUATION, LINKS = 0x01, 0x03, 0x08, 0x0C, 0x10, 0x11
REFUSED = {
    0x02: "a group in the form of newer releases",
    0x06: "a group in the form of newer releases",
    0x07: "a dataset whose bytes are in other files",
    0x0B: "a compressed dataset",
    0x15: "attributes in the form of newer releases",
}
SHARED = 0x02  # a message's flag: its body is elsewhere

FIXED_POINT, FLOATING_POINT, TEXT, OPAQUE, VARIABLE_LENGTH = 0, 1, 3, 5, 9
CLASSES = (
    *("whole numbers", "floats", "times", "texts", "bits", "opaque bytes"),
    *("records", "references", "enumerations", "lists", "arrays"),
)
# precision, exponent's first bit and size, mantissa's first bit and size, bias; bit of the sign
IEEE: dict[tuple[int, ...], str] = {
    (16, 10, 5, 0, 10, 15, 15): "float16",
    (16, 7, 8, 0, 7, 127, 15): "bfloat16",
    (32, 23, 8, 0, 23, 127, 31): "float32",
    (64, 52, 11, 0, 52, 1023, 63): "float64",
}
MAX_RANK = 32  # Source: HDF5's H5S_MAX_RANK
MAX_NUMBERS = 2**40  # also of an empty array, whose other axes need no byte of the file
LITTLE_ENDIAN_NORMALIZED = 0x20  # the first bit is implied, no padding


@dataclass(frozen=True, slots=True)
class ElementType:
    """The type of one element; `number` is HDF5's class, `size` is in bytes."""

    name: str  # "float32" and its like for floats
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A contiguous array at bytes [start, start + size) of the file."""

    kind: str
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Hdf5Object:
    """A group (`links`: addresses of its tree and heap) or a dataset, with its text attributes."""

    links: tuple[int, int] | None
    dataset: Dataset | None
    attributes: dict[str, str]


@dataclass(slots=True)
class ObjectReader:
    """Reads the objects of one file; a heap of texts serves several attributes and is read once."""

    structures: Structures
    heaps: dict[int, dict[int, ByteReader]] = field(default_factory=dict)

    def read(self, address: int, name: str) -> Hdf5Object:
        """Read one object.

        Args:
            address: Of its header.
            name: Its path, for messages.

        Returns:
            The object.

        Raises:
            FormatError: [file-truncated], [file-malformed], [hdf5-feature-unsupported].
        """
        bodies: dict[int, list[ByteReader]] = {}
        for message, body in _read_messages(self.structures, address):
            bodies.setdefault(message, []).append(body)
        attributes = dict(filter(None, map(self._read_text_attribute, bodies.get(ATTRIBUTE, []))))
        if LINKS in bodies:
            tree, heap = bodies[LINKS][0].unpack("QQ")
            return Hdf5Object((tree, heap), None, attributes)
        if not bodies.keys() >= {SPACE, TYPE, LAYOUT}:
            raise feature_error(
                self.structures.name, f"{name or 'its root'} is neither a group nor an array"
            )
        kind = _read_type(bodies[TYPE][0])
        is_two_bytes = kind == ElementType(CLASSES[OPAQUE], 2, OPAQUE)
        if is_two_bytes and attributes.get("dtype") == "bfloat16":  # how Keras marks it
            kind = ElementType("bfloat16", 2, FLOATING_POINT)
        dataset = _read_dataset(kind, bodies[SPACE][0], bodies[LAYOUT][0], name)
        return Hdf5Object(None, dataset, attributes)

    def _read_text_attribute(self, body: ByteReader) -> tuple[str, str] | None:
        """Read name and value of an attribute that is one text; None for any other."""
        version, flags, name_size, type_size, space_size = body.unpack("BBHHH")
        if version not in (1, 2, 3):
            raise feature_error(body.name, f"it has an attribute of version {version}")
        step = 8 if version == 1 else 1
        if version == 3:
            body.take(1)  # the name's encoding: ASCII is UTF-8
        name = _decode(body.take(_round_up(name_size, step))[:name_size], body)
        type_body = body.take_part(_round_up(type_size, step))
        space_body = body.take_part(_round_up(space_size, step))
        if version > 1 and flags:
            return None  # its type is that of another object
        kind = _read_type(type_body)
        if _read_shape(space_body) != ():
            return None
        if kind.number == TEXT:
            return name, _decode(body.take(kind.size), body)
        if kind.name == "text":
            length, heap, index = body.unpack("IQI")
            item = self._read_heap(heap).get(index)
            if item is None or item.remaining < length:
                raise body.format_error(f"the text of attribute {name!r} is not in its heap")
            return name, _decode(item.data[:length], body)
        return None

    def _read_heap(self, address: int) -> dict[int, ByteReader]:
        """Read the items of a global heap by their numbers."""
        if address in self.heaps:
            return self.heaps[address]
        head = self.structures.open(address, 16, "heap of texts")
        head.expect(b"GCOL")
        version, size = head.unpack("B3xQ")
        if version != 1 or size < 16:
            raise head.format_error(f"a heap of texts has version {version}, {size} bytes")
        rest = self.structures.open(address + 16, size - 16, "heap of texts")
        items = {}
        while rest.remaining >= 16:
            number, count = rest.unpack("H6xQ")
            if number == 0:  # the remaining bytes are free
                break
            items[number] = rest.take_part(count)
            rest.take(-count % 8)
        self.heaps[address] = items
        return items


def _read_messages(structures: Structures, address: int) -> list[tuple[int, ByteReader]]:
    """Read kind and body of every message of a header, which may continue elsewhere."""
    head = structures.open(address, 16, "object header")
    if bytes(head.data[:4]) == b"OHDR":
        raise feature_error(
            structures.name, "it has objects in the form of newer releases (libver='latest')"
        )
    version, count, size = head.unpack("BxHxxxxI4x")
    if version != 1:
        raise feature_error(structures.name, f"it has an object header of version {version}")
    messages: list[tuple[int, ByteReader]] = []
    blocks = [structures.open(address + 16, size, "object header")]
    for block in blocks:  # grows while a message says that the header continues
        while block.remaining >= 8 and len(messages) < count:
            kind, length, flags = block.unpack("HHB3x")
            body = block.take_part(length, f"message of kind {kind}")
            if kind in REFUSED or (flags & SHARED and kind in (SPACE, TYPE, LAYOUT)):
                raise feature_error(
                    structures.name, f"it has {REFUSED.get(kind, 'a type with a name of its own')}"
                )
            if kind == CONTINUATION:
                next_address, size = body.unpack("QQ")
                part = "continuation of an object header"
                blocks.append(structures.open(next_address, size, part))
            messages.append((kind, body))
    return messages


def _read_dataset(kind: ElementType, space: ByteReader, layout: ByteReader, name: str) -> Dataset:
    """Check that a dataset is contiguous and that shape × size = bytes."""
    shape = _read_shape(space)
    if shape is None:
        raise feature_error(space.name, f"{name} has no shape")
    if len(shape) > MAX_RANK or math.prod(max(1, length) for length in shape) > MAX_NUMBERS:
        raise space.format_error(f"{name} has the shape {list(shape[:8])} …")
    version, storage = layout.unpack("BB")
    if version != 3 or storage != 1:
        form = {0: "in its header", 2: "in chunks"}.get(storage, f"in form {version}.{storage}")
        raise feature_error(layout.name, f"{name} is stored {form}, not in one piece")
    start, size = layout.unpack("QQ")
    needed = math.prod(shape) * kind.size
    if size != needed:
        raise layout.format_error(
            f"{name} has {size:,} bytes, its shape {list(shape)} needs {needed:,}"
        )
    if start == NOWHERE:
        if size:
            raise feature_error(layout.name, f"{name} was made and never filled")
        start = 0
    return Dataset(kind.name, shape, start, size)


def _read_shape(reader: ByteReader) -> tuple[int, ...] | None:
    """Read the lengths of the axes, () for a single value; None for a space that holds nothing."""
    version, rank, _flags, kind = reader.unpack("BBBB")
    if version == 1:
        reader.take(4)
    elif version != 2:
        raise feature_error(reader.name, f"it has a shape of version {version}")
    elif kind == 2:
        return None
    return reader.unpack(f"{rank}Q")


def _read_type(reader: ByteReader) -> ElementType:
    """Read the type of an array's elements."""
    number_and_version, bits, sign, _more, size = reader.unpack("BBBBI")
    number = number_and_version & 0x0F
    if number >= len(CLASSES):
        raise reader.format_error(f"it has elements of the unknown class {number}")
    if number == FLOATING_POINT:
        first_bit, precision, *form = reader.unpack("HHBBBBI")
        known = IEEE.get((precision, *form, sign))
        plain = bits == LITTLE_ENDIAN_NORMALIZED and first_bit == 0 and precision == size * 8
        if known and plain:
            return ElementType(known, size, number)
    if number == FIXED_POINT:
        return ElementType(f"int{size * 8}", size, number)
    if number == VARIABLE_LENGTH and bits & 0x0F == 1:
        return ElementType("text", size, number)
    return ElementType(CLASSES[number], size, number)


def _decode(raw: memoryview, reader: ByteReader) -> str:
    try:
        return bytes(raw).rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise reader.format_error(f"the text {bytes(raw[:40])!r} is not UTF-8") from error


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step
