"""Sorted tables of LevelDB's kind: keys and values of bytes, in blocks, each with a checksum.

In: a file. Out: its pairs in the order of their keys, every byte that is used checked against a
checksum first. And back: pairs become one block with its index.
Format: leveldb, doc/table_format.md; TensorFlow keeps the contents of its bundles so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf.messages import Wire, varint
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER = 48  # bytes: two handles, zeros, the magic number
TRAILER = 5  # bytes behind a block: how it is compressed, its checksum
PLAIN, SNAPPY = 0, 1
RESTART_EVERY = 16  # entries, by which a writer gives a key whole
KIND = "a table of keys and values"


@dataclass(frozen=True, slots=True)
class Handle:
    """Where a block lies in the file."""

    offset: int
    size: int

    def packed(self) -> bytes:
        return varint(self.offset) + varint(self.size)


def read_sstable(data: memoryview, name: str) -> Iterator[tuple[bytes, bytes]]:
    """The pairs of a table, keys rising; FormatError where the bytes say something unlawful.

    name: what messages call the file. Raises FormatError [file-wrong-format], [file-truncated],
    [file-malformed], [checksum-mismatch], [compression-unknown].
    """
    before: bytes | None = None
    end = 0
    for _, packed in _entries(_block(data, _index_handle(data, name), name), name):
        handle = _handle(Wire(packed, name, KIND))
        if handle.offset < end:  # else a small file could have a large block read without end
            raise _malformed(name, f"a block begins at byte {handle.offset}, inside another")
        end = handle.offset + handle.size + TRAILER
        for key, value in _entries(_block(data, handle, name), name):
            if before is not None and key <= before:
                raise _malformed(name, f"the key {key!r} follows {before!r}")
            before = key
            yield key, value


def ends_as_sstable(data: memoryview) -> bool:
    """Whether these may be a table's bytes."""
    return bytes(data[-len(MAGIC) :]) == MAGIC


def sstable(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a table; the keys must rise."""
    pairs = tuple(pairs)
    blocks = bytearray()
    pieces = _append(blocks, _packed(pairs))
    directory = _append(blocks, _packed(()))  # of further blocks, such as filters: there are none
    index = _append(blocks, _packed([(_successor(pairs[-1][0]), pieces.packed())]))
    handles = directory.packed() + index.packed()
    return bytes(blocks) + handles.ljust(FOOTER - len(MAGIC), b"\0") + MAGIC


def _index_handle(data: memoryview, name: str) -> Handle:
    footer = bytes(data[-FOOTER:])
    if len(footer) < FOOTER or not ends_as_sstable(data):
        raise FormatError(
            "file-wrong-format",
            f"the last bytes of this file are {footer[-len(MAGIC) :].hex(' ')}",
            why=f"a table ends in {MAGIC.hex(' ')}: this one is cut off, or something else",
            fix="Copy or download the file again",
            where=name,
        )
    wire = Wire(footer[: -len(MAGIC)], name, KIND, len(data) - FOOTER)
    _handle(wire)  # of the directory of further blocks
    return _handle(wire)


def _handle(wire: Wire) -> Handle:
    return Handle(wire.varint(), wire.varint())


def _block(data: memoryview, handle: Handle, name: str) -> bytes:
    """One block, checked against its checksum."""
    end = handle.offset + handle.size + TRAILER
    if end > len(data):
        raise FormatError(
            "file-truncated",
            f"the file ends {end - len(data):,} bytes before a block does",
            why=f"it has {len(data):,} bytes",
            fix="Copy or download it again",
            where=name,
        )
    summed = data[handle.offset : end - 4]
    stored = int.from_bytes(data[end - 4 : end], "little")
    check(summed, stored, f"the block at byte {handle.offset:,}", name)
    compression = summed[-1]
    if compression != PLAIN:
        kind = "with Snappy" if compression == SNAPPY else f"in the way number {compression}"
        raise FormatError(
            "compression-unknown",
            f"the block at byte {handle.offset:,} is compressed {kind}",
            why="only plain blocks are read; TensorFlow writes no others in a checkpoint",
            fix="Open and save the checkpoint with TensorFlow",
            where=name,
        )
    return bytes(summed[:-1])


def check(data: bytes | memoryview, stored: int, what: str, name: str) -> None:
    """Raise FormatError [checksum-mismatch] unless `stored` is the masked checksum of `data`."""
    found = mask_checksum(crc32c(data))
    if found != stored:
        raise FormatError(
            "checksum-mismatch",
            f"the checksum of {what} is {found:08x}, the file says {stored:08x}",
            why="bytes were changed since it was written",
            fix="Copy or download the file again",
            where=name,
        )


def _entries(block: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block: each key says how much of the one before it begins with."""
    wire = Wire(_without_restarts(block, name), name, KIND)
    key = b""
    total = 0
    while wire.at < len(wire.data):
        shared, own, size = wire.varint(), wire.varint(), wire.varint()
        if shared > len(key):
            raise wire.malformed(
                f"a key repeats {shared} bytes of one of {len(key)} bytes before it"
            )
        key = key[:shared] + bytes(wire.take(own))
        total += len(key)
        if total > RESTART_EVERY * len(block):  # a key stands whole at every restart
            raise wire.malformed("the keys are longer than their block can hold")
        yield key, bytes(wire.take(size))


def _without_restarts(block: bytes, name: str) -> bytes:
    """The entries' bytes: behind them lie the restarts, 4 bytes each, and their number."""
    count = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (count + 1)
    if len(block) < 4 or end < 0:
        raise _malformed(name, f"a block of {len(block)} bytes promises {count} restarts")
    return block[:end]


def _packed(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    written, restarts, before = bytearray(), [0], b""
    for number, (key, value) in enumerate(pairs):
        shared = _shared(before, key)
        if number and number % RESTART_EVERY == 0:
            restarts.append(len(written))
            shared = 0
        written += varint(shared) + varint(len(key) - shared) + varint(len(value))
        written += key[shared:] + value
        before = key
    for number in (*restarts, len(restarts)):
        written += number.to_bytes(4, "little")
    return bytes(written)


def _append(blocks: bytearray, block: bytes) -> Handle:
    """Put a block behind the others, with its trailer."""
    handle = Handle(len(blocks), len(block))
    summed = block + bytes([PLAIN])
    blocks += summed + mask_checksum(crc32c(summed)).to_bytes(4, "little")
    return handle


def _shared(before: bytes, key: bytes) -> int:
    """How many bytes both begin with."""
    count = 0
    for one, other in zip(before, key, strict=False):
        if one != other:
            break
        count += 1
    return count


def _successor(key: bytes) -> bytes:
    """A short key above this one: the first byte that can be raised is, the rest goes."""
    for place, byte in enumerate(key):
        if byte != 0xFF:
            return key[:place] + bytes([byte + 1])
    return key


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why=f"{KIND} never does",
        fix="Copy or download the file again",
        where=name,
    )
