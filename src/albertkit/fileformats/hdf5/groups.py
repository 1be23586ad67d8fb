"""Groups of an HDF5 file in their older form: a B-tree of symbol tables, a heap of names.

In: the two addresses that a group's header gives. Out: name → address of an object's header.
"""

from __future__ import annotations

from collections.abc import Iterator

from albertkit.fileformats.hdf5.structures import FileParts, Part, malformed, unknown

# Source: HDF5 File Format Specification 3.0, sections III.A.1, III.B, III.C and III.D.
GROUP_NODE = 0  # a B-tree's type: its leaves are symbol tables
SOFT_LINK = 2  # an entry's cache type: it holds a path, no address
ENTRY_SIZE = 40
NAME_CAP = 255  # bytes; the longest that Keras makes of a class has 40


def links_of(parts: FileParts, tree: int, heap: int) -> dict[str, int]:
    """Name → address of each object in a group.

    Raises FormatError [file-truncated], [file-malformed], [hdf5-feature-unsupported].
    """
    names = _heap_segment(parts, heap)
    found: dict[str, int] = {}
    for table in _symbol_tables(parts, tree):
        for name_at, address in _entries(parts, table):
            name = _name(parts, names, name_at)
            if name in found:
                raise malformed(parts.file, f"two objects of a group are called {name!r}")
            found[name] = address
    return found


def _heap_segment(parts: FileParts, heap: int) -> tuple[int, int]:
    """Where the names of a group begin, and how many bytes they are."""
    head = parts.part(heap, 32, "heap of names")
    head.expect(b"HEAP")
    version, size, _free, segment = head.numbers("B3xQQQ")
    _check_version(head, version, 0)
    return segment, size


def _symbol_tables(parts: FileParts, tree: int) -> Iterator[int]:
    """The addresses of a B-tree's leaves; levels go down by one, so that it ends."""
    nodes: list[tuple[int, int | None]] = [(tree, None)]
    while nodes:
        address, wanted = nodes.pop()
        node = parts.part(address, 24, "tree of a group")
        node.expect(b"TREE")
        kind, level, count, _left, _right = node.numbers("BBHQQ")
        if kind != GROUP_NODE or wanted not in (None, level):
            raise malformed(
                parts.file, f"the tree of a group has a node of type {kind}, level {level}"
            )
        pairs = parts.part(address + 24, 16 * count, "tree of a group")
        children = [pairs.numbers("QQ")[1] for _ in range(count)]  # each after its key
        if level == 0:
            yield from children
        else:
            nodes += [(child, level - 1) for child in children]


def _entries(parts: FileParts, table: int) -> Iterator[tuple[int, int]]:
    """Where each name lies in the heap, and the object's address."""
    head = parts.part(table, 8, "symbol table")
    head.expect(b"SNOD")
    version, count = head.numbers("BxH")
    _check_version(head, version, 1)
    entries = parts.part(table + 8, ENTRY_SIZE * count, "symbol table")
    for _ in range(count):
        name_at, address, cached = entries.numbers("QQI20x")
        if cached == SOFT_LINK:
            raise unknown(parts.file, "it has a link by path to another object")
        yield name_at, address


def _name(parts: FileParts, names: tuple[int, int], at: int) -> str:
    start, size = names
    seen = bytes(parts.data[start + at : start + min(size, at + NAME_CAP + 1)])
    raw, end, _ = seen.partition(b"\0")
    if not raw or not end:
        raise malformed(parts.file, f"the name at {start + at:,} is empty, or does not end")
    parts.part(start + at, len(raw) + 1, "name of an object")
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise malformed(parts.file, f"the name {raw!r} is not UTF-8") from error
    if "/" in name:
        raise malformed(parts.file, f"an object is called {name!r}")
    return name


def _check_version(part: Part, found: int, wanted: int) -> None:
    if found != wanted:
        raise unknown(part.file, f"its {part.what} is of version {found}, not {wanted}")
