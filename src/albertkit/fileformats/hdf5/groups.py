"""Groups of an HDF5 file in their older form: a B-tree of symbol tables and a heap of names."""

from __future__ import annotations

from collections.abc import Iterator

from albertkit.fileformats.hdf5.structures import Structures, feature_error
from albertkit.fileformats.reader import ByteReader

# Source: HDF5 File Format Specification 3.0, sections III.A.1, III.B, III.C and III.D.
GROUP_NODE = 0  # a B-tree's type: its leaves are symbol tables
SOFT_LINK = 2  # an entry's cache type: it holds a path, no address
ENTRY_SIZE = 40
NAME_CAP = 255  # bytes; the longest that Keras makes of a class has 40


def read_links(structures: Structures, tree: int, heap: int) -> dict[str, int]:
    """Read the members of a group.

    Args:
        structures: Of the file.
        tree: The address of the group's B-tree.
        heap: The address of its heap of names.

    Returns:
        Name → address of the object's header.

    Raises:
        FormatError: [file-truncated], [file-malformed], [hdf5-feature-unsupported].
    """
    names = _read_heap(structures, heap)
    links: dict[str, int] = {}
    for table in _find_tables(structures, tree):
        for name_offset, address in _read_entries(structures, table):
            name = _read_name(structures, names, name_offset)
            if name in links:
                raise structures.format_error(f"two objects of a group have the name {name!r}")
            links[name] = address
    return links


def _read_heap(structures: Structures, heap: int) -> tuple[int, int]:
    """Read the address of a group's names and their size in bytes."""
    head = structures.open(heap, 32, "heap of names")
    head.expect(b"HEAP")
    version, size, _free, segment = head.unpack("B3xQQQ")
    _check_version(head, version, 0)
    return segment, size


def _find_tables(structures: Structures, tree: int) -> Iterator[int]:
    """Find the addresses of a B-tree's leaves; the level falls at each step, so that this ends."""
    nodes: list[tuple[int, int | None]] = [(tree, None)]
    while nodes:
        address, expected = nodes.pop()
        node = structures.open(address, 24, "tree of a group")
        node.expect(b"TREE")
        kind, level, count, _left, _right = node.unpack("BBHQQ")
        if kind != GROUP_NODE or expected not in (None, level):
            raise structures.format_error(
                f"the tree of a group has a node of type {kind}, level {level}"
            )
        pairs = structures.open(address + 24, 16 * count, "tree of a group")
        children = [pairs.unpack("QQ")[1] for _ in range(count)]  # each after its key
        if level == 0:
            yield from children
        else:
            nodes += [(child, level - 1) for child in children]


def _read_entries(structures: Structures, table: int) -> Iterator[tuple[int, int]]:
    """Read the entries of a symbol table: the name's offset in the heap, the object's address."""
    head = structures.open(table, 8, "symbol table")
    head.expect(b"SNOD")
    version, count = head.unpack("BxH")
    _check_version(head, version, 1)
    entries = structures.open(table + 8, ENTRY_SIZE * count, "symbol table")
    for _ in range(count):
        name_offset, address, cached = entries.unpack("QQI20x")
        if cached == SOFT_LINK:
            raise feature_error(structures.name, "it has a link by path to another object")
        yield name_offset, address


def _read_name(structures: Structures, names: tuple[int, int], offset: int) -> str:
    """Read the name at an offset of the heap, which a NUL ends."""
    start, size = names
    begin = start + offset
    window = bytes(structures.data[begin : start + min(size, offset + NAME_CAP + 1)])
    raw, end, _ = window.partition(b"\0")
    if not raw or not end:
        raise structures.format_error(f"the name at byte {begin:,} is empty, or does not end")
    structures.open(begin, len(raw) + 1, "name of an object")
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise structures.format_error(f"the name {raw!r} is not UTF-8") from error
    if "/" in name:
        raise structures.format_error(f"an object has the name {name!r}")
    return name


def _check_version(reader: ByteReader, version: int, supported: int) -> None:
    if version != supported:
        raise feature_error(
            reader.name, f"its {reader.part} is of version {version}, not {supported}"
        )
