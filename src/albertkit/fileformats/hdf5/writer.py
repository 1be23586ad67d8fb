"""Write HDF5 files in the form that h5py writes by default, so that every HDF5 library opens them.

In: path → array of float32 or int64, and text attributes of groups. Out: a file of groups in
groups: the superblock, the arrays, the texts, then every object behind those it leads to.
Format: HDF5 File Format Specification 3.0, support.hdfgroup.org. The reader is hdf5.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from albertkit.fileformats.hdf5.file import SIGNATURE
from albertkit.fileformats.hdf5.objects import ATTRIBUTE, LAYOUT, LINKS, SPACE, TYPE
from albertkit.fileformats.hdf5.structures import NOWHERE

SUPERBLOCK_SIZE = 96
FILL_VALUE = 0x05
# How full nodes may be: half of it stands in the superblock. Source: h5py's default.
ENTRIES, CHILDREN = 8, 32
TABLE_SIZE = 8 + 40 * ENTRIES
NODE_SIZE = 24 + 8 * (2 * CHILDREN + 1)
NO_FREE_BLOCK = 1  # Source: HDF5's H5HL_FREE_NULL; the library refuses the undefined address
HEAP_OF_TEXTS = 4096  # bytes, the least that the library takes

# Class and version, bits, size; then how the bits are divided.
TYPES = {
    np.dtype("<f4"): struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127),
    np.dtype("<i8"): struct.pack("<BBBBIHH", 0x10, 0x08, 0, 0, 8, 0, 64),
}
TEXT_TYPE = struct.pack("<BBBBI", 0x19, 1, 1, 0, 16) + struct.pack(  # UTF-8 of any length
    "<BBBBIHH", 0x10, 0, 0, 0, 1, 0, 8
)
NO_FILL_VALUE = bytes([2, 2, 2, 1, 0, 0, 0, 0])  # room is made late, and filled if one is set

Item = TypeVar("Item")
Array: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.int64]
Tree: TypeAlias = "dict[str, Tree | Array]"


def write_hdf5(
    path: Path,
    arrays: Mapping[str, Array],
    attributes: Mapping[str, Mapping[str, str]],
) -> None:
    """Write arrays, with one of them in memory at a time.

    The write is not atomic. The outermost caller uses `atomic.new_directory`.

    Args:
        path: the file.
        arrays: the arrays by paths with `/`.
        attributes: path of a group → name → text; a group that only has attributes is made too.

    Raises:
        OSError: the file could not be written.
    """
    places, end = _places(arrays)
    image = _Image(end, places, attributes)
    root = image.group(_tree(arrays, attributes), "")
    with path.open("wb") as file:
        file.write(_superblock(root, image.end))
        for name, array in arrays.items():
            file.write(bytes(places[name] - file.tell()))
            file.write(np.ascontiguousarray(array).data)
        file.write(bytes(end - file.tell()))
        file.write(image.data)


@dataclass(frozen=True, slots=True)
class _Group:
    """Where a group lies: its header, its tree and its heap of names."""

    header: int
    tree: int
    heap: int

    def entry(self, name_at: int) -> bytes:
        """How a symbol table names it."""
        return struct.pack("<QQIIQQ", name_at, self.header, 1, 0, self.tree, self.heap)


@dataclass(slots=True)
class _Image:
    """The bytes behind the arrays, from address `start` on."""

    start: int
    places: Mapping[str, int]
    attributes: Mapping[str, Mapping[str, str]]
    data: bytearray = field(default_factory=bytearray)
    texts: dict[str, tuple[int, int]] = field(default_factory=dict)  # text → heap and number

    def __post_init__(self) -> None:
        found = {text for named in self.attributes.values() for text in named.values()}
        for heap in _heaps_of_texts(sorted(found)):
            address = self.place(heap.data)
            self.texts |= {text: (address, number) for text, number in heap.numbers.items()}

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def place(self, structure: bytes) -> int:
        """Append one structure; returns its address, a multiple of eight."""
        address = self.end
        self.data += _padded(structure)
        return address

    def group(self, tree: Tree, path: str) -> _Group:
        """Append a group behind all that lies in it."""
        names, entries = bytearray(8), []  # the name at 0 is empty
        for name in sorted(tree, key=str.encode):
            name_at, below = len(names), f"{path}/{name}" if path else name
            names += _padded(name.encode() + b"\0")
            child = tree[name]
            if isinstance(child, dict):
                entries.append((name_at, self.group(child, below).entry(name_at)))
            else:
                header = self.dataset(child, below)
                entries.append((name_at, struct.pack("<QQ24x", name_at, header)))
        segment = self.place(bytes(names))
        heap = self.place(struct.pack("<4sB3xQQQ", b"HEAP", 0, len(names), NO_FREE_BLOCK, segment))
        root = self.tree(entries)
        messages = [(LINKS, struct.pack("<QQ", root, heap))]
        messages += [(ATTRIBUTE, self.attribute(*item)) for item in self.attributes_of(path)]
        return _Group(self.place(_header(messages)), root, heap)

    def attributes_of(self, path: str) -> list[tuple[str, str]]:
        return list(self.attributes.get(path, {}).items())

    def tree(self, entries: list[tuple[int, bytes]]) -> int:
        """Append the symbol tables of a group and the B-tree over them; returns its root.

        entries: where each name lies, and its row, in the order of the names.
        """
        children = []  # the last name below each, and its address
        for rows in _runs(entries, ENTRIES):
            table = struct.pack("<4sBxH", b"SNOD", 1, len(rows)) + b"".join(row for _, row in rows)
            children.append((rows[-1][0], self.place(table.ljust(TABLE_SIZE, b"\0"))))
        level = 0
        while True:
            children = self.nodes(children, level)
            if len(children) == 1:
                return children[0][1]
            level += 1

    def nodes(self, children: list[tuple[int, int]], level: int) -> list[tuple[int, int]]:
        """Append one level of a B-tree; returns the last name below each node, and its address."""
        made, before = [], 0  # a key stands between two children; the first is the empty name
        runs = _runs(children, CHILDREN) or [[]]
        for number, run in enumerate(runs):
            left = self.end - NODE_SIZE if number else NOWHERE
            right = self.end + NODE_SIZE if number + 1 < len(runs) else NOWHERE
            node = struct.pack("<4sBBHQQ", b"TREE", 0, level, len(run), left, right)
            node += struct.pack("<Q", before)
            for last, address in run:
                node += struct.pack("<QQ", address, last)
                before = last
            made.append((before, self.place(node.ljust(NODE_SIZE, b"\0"))))
        return made

    def dataset(self, array: Array, path: str) -> int:
        """Append the header of an array."""
        shape, address = array.shape, self.places[path] if array.size else NOWHERE
        return self.place(
            _header(
                [
                    (SPACE, struct.pack(f"<BB6x{len(shape)}Q", 1, len(shape), *shape)),
                    (TYPE, TYPES[array.dtype]),
                    (FILL_VALUE, NO_FILL_VALUE),
                    (LAYOUT, struct.pack("<BBQQ", 3, 1, address, array.nbytes)),
                ]
            )
        )

    def attribute(self, name: str, text: str) -> bytes:
        """The message of one attribute: its name, type, shape (a single value) and place."""
        raw, shape = name.encode() + b"\0", struct.pack("<BB6x", 1, 0)
        sizes = struct.pack("<BxHHH", 1, len(raw), len(TEXT_TYPE), len(shape))
        heap, number = self.texts[text]
        value = struct.pack("<IQI", len(text.encode()), heap, number)
        return sizes + _padded(raw) + _padded(TEXT_TYPE) + shape + value


@dataclass(slots=True)
class _Heap:
    """Texts by their numbers in one heap."""

    data: bytes = b""
    numbers: dict[str, int] = field(default_factory=dict)


def _heaps_of_texts(texts: list[str]) -> Iterator[_Heap]:
    """As many heaps as the texts need; a text that is longer than one gets its own."""
    waiting = [(text, _padded(text.encode())) for text in texts]
    while waiting:
        heap, head = _Heap(), 16
        while waiting:
            text, raw = waiting[0]
            if heap.numbers and head + len(heap.data) + 16 + len(raw) > HEAP_OF_TEXTS:
                break
            number = heap.numbers[text] = len(heap.numbers) + 1
            heap.data += struct.pack("<HHIQ", number, 0, 0, len(text.encode())) + raw
            waiting.pop(0)
        size = max(HEAP_OF_TEXTS, head + len(heap.data))
        free = size - head - len(heap.data)
        rest = struct.pack("<HHIQ", 0, 0, 0, free) if free >= 16 else b""
        whole = struct.pack("<4sB3xQ", b"GCOL", 1, size) + heap.data + rest
        heap.data = whole.ljust(size, b"\0")
        yield heap


def _places(arrays: Mapping[str, Array]) -> tuple[dict[str, int], int]:
    """Where each array begins, a multiple of eight, and where all of them end."""
    places, at = {}, SUPERBLOCK_SIZE
    for name, array in arrays.items():
        places[name] = at
        at += -(-array.nbytes // 8) * 8
    return places, at


def _tree(arrays: Mapping[str, Array], attributes: Mapping[str, Mapping[str, str]]) -> Tree:
    root: Tree = {}
    for path in attributes:
        _group_at(root, path.split("/") if path else [])
    for path, array in arrays.items():
        *above, name = path.split("/")
        _group_at(root, above)[name] = array
    return root


def _group_at(tree: Tree, names: list[str]) -> Tree:
    for name in names:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            raise ValueError(f"{name} is a group and an array")
        tree = below
    return tree


def _header(messages: list[tuple[int, bytes]]) -> bytes:
    """An object's header, version 1."""
    body = b""
    for kind, message in messages:
        padded = _padded(message)
        constant = 1 if kind == TYPE else 0  # as h5py marks what never changes
        body += struct.pack("<HHB3x", kind, len(padded), constant) + padded
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body


def _superblock(root: _Group, end: int) -> bytes:
    versions, widths = (0, 0, 0, 0, 0), (8, 8, 0)
    fills = (ENTRIES // 2, CHILDREN // 2, 0)
    addresses = (0, NOWHERE, end, NOWHERE)  # base, free space, end of file, driver
    start = struct.pack("<8s5B3BHHI4Q", SIGNATURE, *versions, *widths, *fills, *addresses)
    return start + root.entry(0)


def _runs(items: list[Item], longest: int) -> list[list[Item]]:
    return [items[at : at + longest] for at in range(0, len(items), longest)]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
