"""Objects of an HDF5 file: the messages of a header, and what datasets and attributes they make.

In: the address of an object's header. Out: for a group, where its links are; for a dataset, kind,
shape and the place of its bytes; for both, those attributes that are one text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from albertkit.fileformats.hdf5.structures import NOWHERE, FileParts, Part, malformed, unknown

# Kinds of messages. Source: HDF5 File Format Specification 3.0, section IV.A.2.
SPACE, TYPE, LAYOUT, ATTRIBUTE, CONTINUATION, LINKS = 0x01, 0x03, 0x08, 0x0C, 0x10, 0x11
REFUSED = {
    0x02: "a group in the form of newer releases",
    0x06: "a group in the form of newer releases",
    0x07: "a dataset whose bytes lie in other files",
    0x0B: "a compressed dataset",
    0x15: "attributes in the form of newer releases",
}
SHARED = 0x02  # a message's flag: its body is elsewhere

FIXED_POINT, FLOATING_POINT, TEXT, OPAQUE, VARIABLE_LENGTH = 0, 1, 3, 5, 9
KINDS = (
    *("whole numbers", "floats", "times", "texts", "bits", "opaque bytes"),
    *("records", "references", "enumerations", "lists", "arrays"),
)
# precision, exponent's place and size, mantissa's place and size, bias; byte of the sign
IEEE: dict[tuple[int, ...], str] = {
    (16, 10, 5, 0, 10, 15, 15): "float16",
    (16, 7, 8, 0, 7, 127, 15): "bfloat16",
    (32, 23, 8, 0, 23, 127, 31): "float32",
    (64, 52, 11, 0, 52, 1023, 63): "float64",
}
MOST_AXES = 32  # Source: HDF5's H5S_MAX_RANK
MOST_NUMBERS = 2**40  # also of an empty array, whose other axes no byte of the file bears out
LITTLE_ENDIAN_NORMALISED = 0x20  # the first bit is implied, no padding


@dataclass(frozen=True, slots=True)
class Kind:
    """What one element is: its size in bytes, and its name; float32 and its like for floats."""

    name: str
    size: int
    number: int  # the class of the type


@dataclass(frozen=True, slots=True)
class Dataset:
    """An array that lies in one piece at bytes [start, start + size) of the file."""

    kind: str
    shape: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """One object. links: the addresses of a group's tree and heap; None for a dataset."""

    links: tuple[int, int] | None
    dataset: Dataset | None
    attributes: dict[str, str]


@dataclass(slots=True)
class Objects:
    """Reads objects of one file; texts of several attributes lie in one heap, read once."""

    parts: FileParts
    heaps: dict[int, dict[int, Part]] = field(default_factory=dict)

    def read(self, address: int, name: str) -> Found:
        """The object at `address`.

        Raises FormatError [file-truncated], [file-malformed], [hdf5-feature-unsupported].
        """
        bodies: dict[int, list[Part]] = {}
        for message, body in _messages(self.parts, address):
            bodies.setdefault(message, []).append(body)
        attributes = dict(filter(None, map(self._text_attribute, bodies.get(ATTRIBUTE, []))))
        if LINKS in bodies:
            tree, heap = bodies[LINKS][0].numbers("QQ")
            return Found((tree, heap), None, attributes)
        if not bodies.keys() >= {SPACE, TYPE, LAYOUT}:
            raise unknown(self.parts.file, f"{name or 'its root'} is neither a group nor an array")
        kind = _kind(bodies[TYPE][0])
        if kind == Kind(KINDS[OPAQUE], 2, OPAQUE) and attributes.get("dtype") == "bfloat16":
            kind = Kind("bfloat16", 2, FLOATING_POINT)  # so Keras marks it
        dataset = _dataset(kind, bodies[SPACE][0], bodies[LAYOUT][0], name)
        return Found(None, dataset, attributes)

    def _text_attribute(self, body: Part) -> tuple[str, str] | None:
        """Name and value of an attribute that is one text; None for any other."""
        version, flags, name_size, type_size, space_size = body.numbers("BBHHH")
        if version not in (1, 2, 3):
            raise unknown(body.file, f"it has an attribute of version {version}")
        step = 8 if version == 1 else 1
        if version == 3:
            body.take(1)  # the name's encoding: ASCII is UTF-8
        name = _text(body.take(_up(name_size, step))[:name_size], body)
        kind_part = Part(body.take(_up(type_size, step)), body.what, body.file)
        space_part = Part(body.take(_up(space_size, step)), body.what, body.file)
        if version > 1 and flags:
            return None  # its type is that of another object
        kind = _kind(kind_part)
        if _shape(space_part) != ():
            return None
        if kind.number == TEXT:
            return name, _text(body.take(kind.size), body)
        if kind.name == "text":
            length, heap, index = body.numbers("IQI")
            found = self._heap(heap).get(index)
            if found is None or found.left < length:
                raise malformed(body.file, f"the text of attribute {name!r} is not in its heap")
            return name, _text(found.data[:length], body)
        return None

    def _heap(self, address: int) -> dict[int, Part]:
        """The pieces of a global heap by their numbers."""
        if address in self.heaps:
            return self.heaps[address]
        head = self.parts.part(address, 16, "heap of texts")
        head.expect(b"GCOL")
        version, size = head.numbers("B3xQ")
        if version != 1 or size < 16:
            raise malformed(head.file, f"a heap of texts has version {version}, {size} bytes")
        rest = self.parts.part(address + 16, size - 16, "heap of texts")
        found = {}
        while rest.left >= 16:
            number, count = rest.numbers("H6xQ")
            if number == 0:  # what is left is free
                break
            found[number] = Part(rest.take(_up(count, 8))[:count], rest.what, rest.file)
        self.heaps[address] = found
        return found


def _messages(parts: FileParts, address: int) -> list[tuple[int, Part]]:
    """Kind and body of every message of a header, which may go on elsewhere."""
    head = parts.part(address, 16, "object header")
    if bytes(head.data[:4]) == b"OHDR":
        raise unknown(parts.file, "it has objects in the form of newer releases (libver='latest')")
    version, count, size = head.numbers("BxHxxxxI4x")
    if version != 1:
        raise unknown(parts.file, f"it has an object header of version {version}")
    found: list[tuple[int, Part]] = []
    blocks = [parts.part(address + 16, size, "object header")]
    for block in blocks:  # which grows where one says that the header goes on
        while block.left >= 8 and len(found) < count:
            kind, length, flags = block.numbers("HHB3x")
            body = Part(block.take(length), f"message of kind {kind}", parts.file)
            if kind in REFUSED or (flags & SHARED and kind in (SPACE, TYPE, LAYOUT)):
                raise unknown(parts.file, f"it has {REFUSED.get(kind, 'a type of its own name')}")
            if kind == CONTINUATION:
                there, size = body.numbers("QQ")
                blocks.append(parts.part(there, size, "object header's second part"))
            found.append((kind, body))
    return found


def _dataset(kind: Kind, space: Part, layout: Part, name: str) -> Dataset:
    shape = _shape(space)
    if shape is None:
        raise unknown(space.file, f"{name} has no shape")
    if len(shape) > MOST_AXES or math.prod(max(1, length) for length in shape) > MOST_NUMBERS:
        raise malformed(space.file, f"{name} has the shape {list(shape[:8])} …")
    version, storage = layout.numbers("BB")
    if version != 3 or storage != 1:
        form = {0: "in its header", 2: "in chunks"}.get(storage, f"in form {version}.{storage}")
        raise unknown(layout.file, f"{name} is stored {form}, not in one piece")
    start, size = layout.numbers("QQ")
    wanted = math.prod(shape) * kind.size
    if size != wanted:
        raise malformed(
            layout.file, f"{name} has {size:,} bytes, its shape {list(shape)} needs {wanted:,}"
        )
    if start == NOWHERE:
        if size:
            raise unknown(layout.file, f"{name} was made and never filled")
        start = 0
    return Dataset(kind.name, shape, start, size)


def _shape(part: Part) -> tuple[int, ...] | None:
    """The lengths of the axes, none for a single value; None for a space that holds nothing."""
    version, rank, _flags, kind = part.numbers("BBBB")
    if version == 1:
        part.take(4)
    elif version != 2:
        raise unknown(part.file, f"it has a shape of version {version}")
    elif kind == 2:
        return None
    return part.numbers(f"{rank}Q")


def _kind(part: Part) -> Kind:
    number_and_version, bits, sign, _more, size = part.numbers("BBBBI")
    number = number_and_version & 0x0F
    if number >= len(KINDS):
        raise malformed(part.file, f"it has elements of the unknown class {number}")
    if number == FLOATING_POINT:
        first_bit, precision, *form = part.numbers("HHBBBBI")
        known = IEEE.get((precision, *form, sign))
        plain = bits == LITTLE_ENDIAN_NORMALISED and first_bit == 0 and precision == size * 8
        if known and plain:
            return Kind(known, size, number)
    if number == FIXED_POINT:
        return Kind(f"int{size * 8}", size, number)
    if number == VARIABLE_LENGTH and bits & 0x0F == 1:
        return Kind("text", size, number)
    return Kind(KINDS[number], size, number)


def _text(raw: memoryview, part: Part) -> str:
    try:
        return bytes(raw).rstrip(b"\0").decode()
    except UnicodeDecodeError as error:
        raise malformed(part.file, f"the text {bytes(raw[:40])!r} is not UTF-8") from error


def _up(count: int, step: int) -> int:
    return -(-count // step) * step
