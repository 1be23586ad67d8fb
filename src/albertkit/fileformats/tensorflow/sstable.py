"""Read and write sorted tables of LevelDB's kind: keys and values in blocks with checksums.

TensorFlow keeps the index of a tensor bundle in such a table.
Format: leveldb, doc/table_format.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import encode_varint
from albertkit.fileformats.reader import ByteReader, format_error
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum

MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER = 48  # bytes: two handles, zeros, the magic number
TRAILER = 5  # bytes after a block: its compression, its checksum
PLAIN, SNAPPY = 0, 1  # compressions
RESTART_EVERY = 16  # entries after which a key is written whole
KIND = "a table of keys and values"


@dataclass(frozen=True, slots=True)
class Handle:
    """The offset and size of a block in the file, in bytes."""

    offset: int
    size: int

    def encode(self) -> bytes:
        """Write both numbers as varints."""
        return encode_varint(self.offset) + encode_varint(self.size)


def read_sstable(data: memoryview, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Read the pairs of a table.

    Args:
        data: The file's bytes.
        name: The file's name, for messages.

    Yields:
        Key and value, in the order of the keys.

    Raises:
        FormatError: [file-wrong-format], [file-truncated], [file-malformed], [checksum-mismatch],
            [compression-unknown].
    """
    previous: bytes | None = None
    end = 0
    for _, encoded in _read_entries(_read_block(data, _read_index_handle(data, name), name), name):
        handle = _read_handle(ByteReader(encoded, name, kind=KIND))
        if handle.offset < end:  # a small file could otherwise have one block read without end
            raise _format_error(f"a block begins at byte {handle.offset}, inside another", name)
        end = handle.offset + handle.size + TRAILER
        for key, value in _read_entries(_read_block(data, handle, name), name):
            if previous is not None and key <= previous:
                raise _format_error(f"the key {key!r} follows {previous!r}", name)
            previous = key
            yield key, value


def has_sstable_ending(data: memoryview) -> bool:
    """Check whether a file's last bytes are those of a table."""
    return bytes(data[-len(MAGIC) :]) == MAGIC


def encode_sstable(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write a table of one block.

    Args:
        pairs: At least one; the keys must rise.

    Returns:
        The file's bytes.
    """
    pairs = tuple(pairs)
    blocks = bytearray()
    data = _append_block(blocks, _encode_block(pairs))
    directory = _append_block(blocks, _encode_block(()))  # of other blocks, such as filters: empty
    index = _append_block(blocks, _encode_block([(_make_successor(pairs[-1][0]), data.encode())]))
    handles = directory.encode() + index.encode()
    return bytes(blocks) + handles.ljust(FOOTER - len(MAGIC), b"\0") + MAGIC


def check_checksum(data: bytes | memoryview, stored: int, what: str, name: str) -> None:
    """Compare bytes with their stored checksum.

    Args:
        data: The bytes.
        stored: The checksum in the file, masked.
        what: What the bytes are, for the message.
        name: The file's name, for the message.

    Raises:
        FormatError: [checksum-mismatch].
    """
    computed = mask_checksum(crc32c(data))
    if computed != stored:
        raise FormatError(
            "checksum-mismatch",
            f"the checksum of {what} is {computed:08x}, the file says {stored:08x}",
            why="bytes were changed after it was written",
            fix="Copy or download the file again",
            where=name,
        )


def _read_index_handle(data: memoryview, name: str) -> Handle:
    """Read the footer: where the block is that lists the other blocks."""
    footer = bytes(data[-FOOTER:])
    if len(footer) < FOOTER or not has_sstable_ending(data):
        raise FormatError(
            "file-wrong-format",
            f"the last bytes of this file are {footer[-len(MAGIC) :].hex(' ')}",
            why=f"a table ends with {MAGIC.hex(' ')}: this one is cut off, or is another format",
            fix="Copy or download the file again",
            where=name,
        )
    reader = ByteReader(footer[: -len(MAGIC)], name, kind=KIND, start=len(data) - FOOTER)
    _read_handle(reader)  # of the directory of other blocks
    return _read_handle(reader)


def _read_handle(reader: ByteReader) -> Handle:
    return Handle(reader.take_varint(), reader.take_varint())


def _read_block(data: memoryview, handle: Handle, name: str) -> bytes:
    """Read one block and compare it with its checksum."""
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
    check_checksum(summed, stored, f"the block at byte {handle.offset:,}", name)
    compression = summed[-1]
    if compression != PLAIN:
        kind = "with Snappy" if compression == SNAPPY else f"by method {compression}"
        raise FormatError(
            "compression-unknown",
            f"the block at byte {handle.offset:,} is compressed {kind}",
            why="only plain blocks are read; TensorFlow writes no others in a checkpoint",
            fix="Open and save the checkpoint with TensorFlow",
            where=name,
        )
    return bytes(summed[:-1])


def _read_entries(block: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Read the entries of a block; each key repeats some first bytes of the one before it."""
    reader = ByteReader(_cut_restarts(block, name), name, kind=KIND)
    key = b""
    total = 0
    while reader.remaining:
        shared, own, size = reader.take_varint(), reader.take_varint(), reader.take_varint()
        if shared > len(key):
            raise reader.format_error(f"a key repeats {shared} bytes of a key of {len(key)} bytes")
        key = key[:shared] + bytes(reader.take(own, "keys"))
        total += len(key)
        if total > RESTART_EVERY * len(block):  # every restart has a whole key
            raise reader.format_error("the keys are longer than their block can hold")
        yield key, bytes(reader.take(size, "values"))


def _cut_restarts(block: bytes, name: str) -> bytes:
    """Return the entries' bytes; after them come the restarts, 4 bytes each, and their number."""
    count = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (count + 1)
    if len(block) < 4 or end < 0:
        raise _format_error(f"a block of {len(block)} bytes cannot hold {count} restarts", name)
    return block[:end]


def _encode_block(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    encoded, restarts, previous = bytearray(), [0], b""
    for number, (key, value) in enumerate(pairs):
        shared = _count_shared(previous, key)
        if number and number % RESTART_EVERY == 0:
            restarts.append(len(encoded))
            shared = 0
        encoded += encode_varint(shared) + encode_varint(len(key) - shared)
        encoded += encode_varint(len(value)) + key[shared:] + value
        previous = key
    for number in (*restarts, len(restarts)):
        encoded += number.to_bytes(4, "little")
    return bytes(encoded)


def _append_block(blocks: bytearray, block: bytes) -> Handle:
    """Append a block with its trailer to the others."""
    handle = Handle(len(blocks), len(block))
    summed = block + bytes([PLAIN])
    blocks += summed + mask_checksum(crc32c(summed)).to_bytes(4, "little")
    return handle


def _count_shared(first: bytes, second: bytes) -> int:
    """Count the bytes with which both begin."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _make_successor(key: bytes) -> bytes:
    """Make a short key above this one: raise the first byte that can be, drop the rest."""
    for index, byte in enumerate(key):
        if byte != 0xFF:
            return key[:index] + bytes([byte + 1])
    return key


def _format_error(what: str, name: str) -> FormatError:
    return format_error(what, why=f"this is not valid in {KIND}", where=name)
