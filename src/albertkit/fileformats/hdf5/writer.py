"""Write HDF5 files in the form that h5py writes by default, so that every HDF5 library opens them.

Layout: the superblock, the arrays, the texts, then every object after those to which it leads.
h5py is not used: the plain install then writes Keras Hub presets too, the same weights give the
same bytes, and one array at a time is in memory.
Format: HDF5 File Format Specification 3.0, support.hdfgroup.org. The reader is file.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.fileformats.hdf5.file import SIGNATURE
from albertkit.fileformats.hdf5.objects import ATTRIBUTE, LAYOUT, LINKS, SPACE, TYPE
from albertkit.fileformats.hdf5.structures import NOWHERE

SUPERBLOCK_SIZE = 96
FILL_VALUE = 0x05
# The most entries of a node; the superblock holds half of each. Source: h5py's default.
ENTRIES, CHILDREN = 8, 32
TABLE_SIZE = 8 + 40 * ENTRIES
NODE_SIZE = 24 + 8 * (2 * CHILDREN + 1)
NO_FREE_BLOCK = 1  # Source: HDF5's H5HL_FREE_NULL; the library refuses the undefined address
TEXT_HEAP_SIZE = 4096  # bytes, the least that the library accepts

# Class and version, bits, size; then how the bits are divided.
TYPES = {
    np.dtype("<f4"): struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127),
    np.dtype("<i8"): struct.pack("<BBBBIHH", 0x10, 0x08, 0, 0, 8, 0, 64),
}
TEXT_TYPE = struct.pack("<BBBBI", 0x19, 1, 1, 0, 16) + struct.pack(  # UTF-8 of any length
    "<BBBBIHH", 0x10, 0, 0, 0, 1, 0, 8
)
NO_FILL_VALUE = bytes([2, 2, 2, 1, 0, 0, 0, 0])  # space is allocated late, filled if one is set

Item = TypeVar("Item")
Array: TypeAlias = FloatArray | Int64Array
Tree: TypeAlias = "dict[str, Tree | Array]"


def write_hdf5(
    path: Path,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Mapping[str, str]],
) -> None:
    """Write arrays, with one of them in memory at a time.

    The write is not atomic: the outermost caller uses `atomic.create_directory`.

    Args:
        path: The file.
        arrays: float32 or int64 arrays by paths with `/`.
        attributes: Path of a group → name → text; a group that only has attributes is made too.

    Raises:
        OSError: The file could not be written.
    """
    offsets, end = _place_arrays(arrays)
    image = _Image(end, offsets, attributes)
    root = image.add_group(_make_tree(arrays, attributes), "")
    with path.open("wb") as file:
        file.write(_make_superblock(root, image.end))
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).data)
            file.write(bytes(-array.nbytes % 8))
        file.write(image.data)


@dataclass(frozen=True, slots=True)
class _Group:
    """The addresses of a group: its header, its tree and its heap of names."""

    header: int
    tree: int
    heap: int

    def encode_entry(self, name_offset: int) -> bytes:
        """Write its row of a symbol table."""
        return struct.pack("<QQIIQQ", name_offset, self.header, 1, 0, self.tree, self.heap)


@dataclass(slots=True)
class _Image:
    """The bytes after the arrays, from address `start` on."""

    start: int
    offsets: Mapping[str, int]  # of the arrays
    attributes: Mapping[str, Mapping[str, str]]
    data: bytearray = field(default_factory=bytearray)
    texts: dict[str, tuple[int, int]] = field(default_factory=dict)  # text → heap and number

    def __post_init__(self) -> None:
        texts = {text for named in self.attributes.values() for text in named.values()}
        for heap in _make_text_heaps(sorted(texts)):
            address = self.append(heap.data)
            self.texts |= {text: (address, number) for text, number in heap.numbers.items()}

    @property
    def end(self) -> int:
        """The address after the last byte."""
        return self.start + len(self.data)

    def append(self, structure: bytes) -> int:
        """Append one structure; return its address, a multiple of eight."""
        address = self.end
        self.data += _pad(structure)
        return address

    def add_group(self, tree: Tree, path: str) -> _Group:
        """Append a group after all its members."""
        names, entries = bytearray(8), []  # the name at offset 0 is empty
        for name in sorted(tree, key=str.encode):
            name_offset, below = len(names), f"{path}/{name}" if path else name
            names += _pad(name.encode() + b"\0")
            child = tree[name]
            if isinstance(child, dict):
                entry = self.add_group(child, below).encode_entry(name_offset)
            else:
                entry = struct.pack("<QQ24x", name_offset, self.add_dataset(child, below))
            entries.append((name_offset, entry))
        segment = self.append(bytes(names))
        head = struct.pack("<4sB3xQQQ", b"HEAP", 0, len(names), NO_FREE_BLOCK, segment)
        heap = self.append(head)
        root = self.add_tree(entries)
        messages = [(LINKS, struct.pack("<QQ", root, heap))]
        for item in self.attributes.get(path, {}).items():
            messages.append((ATTRIBUTE, self.encode_attribute(*item)))
        return _Group(self.append(_make_header(messages)), root, heap)

    def add_tree(self, entries: list[tuple[int, bytes]]) -> int:
        """Append the symbol tables of a group and the B-tree over them; return the root's address.

        entries: the offset of each name and its row, in the order of the names.
        """
        children = []  # the last name below each, and its address
        for rows in _split(entries, ENTRIES):
            table = struct.pack("<4sBxH", b"SNOD", 1, len(rows)) + b"".join(row for _, row in rows)
            children.append((rows[-1][0], self.append(table.ljust(TABLE_SIZE, b"\0"))))
        level = 0
        while True:
            children = self.add_nodes(children, level)
            if len(children) == 1:
                return children[0][1]
            level += 1

    def add_nodes(self, children: list[tuple[int, int]], level: int) -> list[tuple[int, int]]:
        """Append one level of a B-tree; return the last name below each node, and its address."""
        nodes, previous = [], 0  # a key separates two children; the first is the empty name
        runs = _split(children, CHILDREN) or [[]]
        for number, run in enumerate(runs):
            left = self.end - NODE_SIZE if number else NOWHERE
            right = self.end + NODE_SIZE if number + 1 < len(runs) else NOWHERE
            node = struct.pack("<4sBBHQQ", b"TREE", 0, level, len(run), left, right)
            node += struct.pack("<Q", previous)
            for last, address in run:
                node += struct.pack("<QQ", address, last)
                previous = last
            nodes.append((previous, self.append(node.ljust(NODE_SIZE, b"\0"))))
        return nodes

    def add_dataset(self, array: Array, path: str) -> int:
        """Append the header of an array; return its address."""
        shape, address = array.shape, self.offsets[path] if array.size else NOWHERE
        return self.append(
            _make_header(
                [
                    (SPACE, struct.pack(f"<BB6x{len(shape)}Q", 1, len(shape), *shape)),
                    (TYPE, TYPES[array.dtype]),
                    (FILL_VALUE, NO_FILL_VALUE),
                    (LAYOUT, struct.pack("<BBQQ", 3, 1, address, array.nbytes)),
                ]
            )
        )

    def encode_attribute(self, name: str, text: str) -> bytes:
        """Write the message of one attribute: its name, type, shape (a single value) and value."""
        raw, shape = name.encode() + b"\0", struct.pack("<BB6x", 1, 0)
        sizes = struct.pack("<BxHHH", 1, len(raw), len(TEXT_TYPE), len(shape))
        heap, number = self.texts[text]
        value = struct.pack("<IQI", len(text.encode()), heap, number)
        return sizes + _pad(raw) + _pad(TEXT_TYPE) + shape + value


@dataclass(slots=True)
class _Heap:
    """The bytes of one heap of texts, and the number of each text in it."""

    data: bytes = b""
    numbers: dict[str, int] = field(default_factory=dict)


def _make_text_heaps(texts: list[str]) -> Iterator[_Heap]:
    """Distribute texts over heaps; a text that is longer than one gets a heap of its own."""
    waiting = [(text, _pad(text.encode())) for text in texts]
    while waiting:
        heap, head = _Heap(), 16
        while waiting:
            text, raw = waiting[0]
            if heap.numbers and head + len(heap.data) + 16 + len(raw) > TEXT_HEAP_SIZE:
                break
            number = heap.numbers[text] = len(heap.numbers) + 1
            heap.data += struct.pack("<HHIQ", number, 0, 0, len(text.encode())) + raw
            waiting.pop(0)
        size = max(TEXT_HEAP_SIZE, head + len(heap.data))
        free = size - head - len(heap.data)
        rest = struct.pack("<HHIQ", 0, 0, 0, free) if free >= 16 else b""
        whole = struct.pack("<4sB3xQ", b"GCOL", 1, size) + heap.data + rest
        heap.data = whole.ljust(size, b"\0")
        yield heap


def _place_arrays(arrays: Mapping[str, Array]) -> tuple[dict[str, int], int]:
    """Choose the offset of each array, a multiple of eight, and the end of all."""
    offsets, offset = {}, SUPERBLOCK_SIZE
    for name, array in arrays.items():
        offsets[name] = offset
        offset += -(-array.nbytes // 8) * 8
    return offsets, offset


def _make_tree(arrays: Mapping[str, Array], attributes: Mapping[str, Mapping[str, str]]) -> Tree:
    root: Tree = {}
    for path in attributes:
        _get_group(root, path.split("/") if path else [])
    for path, array in arrays.items():
        *above, name = path.split("/")
        _get_group(root, above)[name] = array
    return root


def _get_group(tree: Tree, names: list[str]) -> Tree:
    """Return the group at a path; make it and its parents if they do not exist."""
    for name in names:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            raise ValueError(f"{name} is a group and an array")
        tree = below
    return tree


def _make_header(messages: list[tuple[int, bytes]]) -> bytes:
    """Write an object header of version 1."""
    body = b""
    for kind, message in messages:
        padded = _pad(message)
        constant = 1 if kind == TYPE else 0  # as h5py marks what never changes
        body += struct.pack("<HHB3x", kind, len(padded), constant) + padded
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body


def _make_superblock(root: _Group, end: int) -> bytes:
    versions, widths = (0, 0, 0, 0, 0), (8, 8, 0)
    fills = (ENTRIES // 2, CHILDREN // 2, 0)
    addresses = (0, NOWHERE, end, NOWHERE)  # base, free space, end of file, driver
    start = struct.pack("<8s5B3BHHI4Q", SIGNATURE, *versions, *widths, *fills, *addresses)
    return start + root.encode_entry(0)


def _split(items: list[Item], longest: int) -> list[list[Item]]:
    return [items[start : start + longest] for start in range(0, len(items), longest)]


def _pad(data: bytes) -> bytes:
    """Fill up to a multiple of eight bytes."""
    return data + bytes(-len(data) % 8)
