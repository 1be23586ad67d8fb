"""Tables of keys and values: an obvious writer in the test against the reader, and damage."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.errors import FormatError
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.sstable import MAGIC, encode_sstable, read_sstable

Pairs = Sequence[tuple[bytes, bytes]]
NAMES: Pairs = [(name.encode(), name.upper().encode() * 3) for name in string.ascii_lowercase]


def read(data: bytes) -> list[tuple[bytes, bytes]]:
    return list(read_sstable(memoryview(data), "table"))


def small(*numbers: int) -> bytes:
    """Numbers below 128 as varints."""
    return bytes(numbers)


def number(value: int) -> bytes:
    """Any number as a varint of two bytes."""
    return bytes([value & 0x7F | 0x80, value >> 7])


def plain_block(pairs: Pairs) -> bytes:
    """A block in which every key is written whole."""
    entries = [small(0, len(key), len(value)) + key + value for key, value in pairs]
    return b"".join(entries) + bytes(4) + (1).to_bytes(4, "little")


def trailer(block: bytes, compression: int = 0) -> bytes:
    return bytes([compression]) + mask_checksum(crc32c(block + bytes([compression]))).to_bytes(
        4, "little"
    )


def table_of(blocks: Sequence[bytes], compression: int = 0) -> bytes:
    """A table of blocks that are made already, in this order."""
    written = b""
    handles: list[tuple[bytes, bytes]] = []
    for block in blocks:
        handles.append((b"~%d" % len(handles), number(len(written)) + number(len(block))))
        written += block + trailer(block, compression)
    index = plain_block(handles)
    footer = number(0) + number(0) + number(len(written)) + number(len(index))
    return written + index + trailer(index) + footer.ljust(40, b"\0") + MAGIC


def test_what_is_written_is_read() -> None:
    assert read(encode_sstable(NAMES)) == NAMES


@given(st.dictionaries(st.binary(max_size=40), st.binary(max_size=300), min_size=1))
def test_any_pairs_come_back(pairs: dict[bytes, bytes]) -> None:
    assert read(encode_sstable(sorted(pairs.items()))) == sorted(pairs.items())


def test_every_block_is_walked() -> None:
    assert read(table_of([plain_block([pair]) for pair in NAMES])) == NAMES


def test_a_key_may_begin_as_the_one_before_it() -> None:
    block = small(0, 3, 1) + b"abcX" + small(2, 1, 1) + b"dY" + bytes(4) + bytes([1, 0, 0, 0])
    assert read(table_of([block])) == [(b"abc", b"X"), (b"abd", b"Y")]


def test_a_file_cut_anywhere_is_refused() -> None:
    whole = encode_sstable(NAMES)
    for length in range(len(whole)):
        with pytest.raises(FormatError, match=r"\[file-(wrong-format|truncated|malformed)\]"):
            read(whole[:length])


def test_a_changed_byte_is_seen_wherever_it_counts() -> None:
    whole = bytearray(encode_sstable(NAMES))
    directory = whole.index(bytes(4) + bytes([1, 0, 0, 0]), len(whole) - 100)  # nothing reads it
    counts = [n for n in range(len(whole) - 48) if not directory <= n < directory + 13]
    for offset in counts:
        whole[offset] ^= 0x40
        with pytest.raises(FormatError, match=r"\[checksum-mismatch\]"):
            read(bytes(whole))
        whole[offset] ^= 0x40
    assert len(counts) == len(whole) - 48 - 13


def with_restarts(block: bytes, count: int) -> bytes:
    return block[:-4] + count.to_bytes(4, "little")


GOOD = plain_block([(b"key", b"value")])
BROKEN: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "no magic number": (
        lambda: encode_sstable(NAMES)[:-1] + b"\0",
        "ends with 57 fb",
        "file-wrong-format",
    ),
    "compressed with Snappy": (lambda: table_of([GOOD], 1), "Snappy", "compression-unknown"),
    "compressed otherwise": (lambda: table_of([GOOD], 9), "by method 9", "compression-unknown"),
    "keys that fall": (
        lambda: table_of([plain_block([(b"b", b""), (b"a", b"")])]),
        "the key b'a' follows b'b'",
        "file-malformed",
    ),
    "keys that fall from block to block": (
        lambda: table_of([plain_block([(b"b", b"")]), plain_block([(b"a", b"")])]),
        "the key b'a' follows b'b'",
        "file-malformed",
    ),
    "a key that repeats more than there was": (
        lambda: table_of([small(9, 1, 0) + b"a" + GOOD[-8:]]),
        "repeats 9 bytes of a key of 0 bytes",
        "file-malformed",
    ),
    "a value longer than its block": (
        lambda: table_of([small(0, 1, 100) + b"a" + GOOD[-8:]]),
        "needs 100 bytes",
        "file-truncated",
    ),
    "more restarts than the block holds": (
        lambda: table_of([with_restarts(GOOD, 1000)]),
        "cannot hold 1000 restarts",
        "file-malformed",
    ),
    "a block too short for its restarts": (
        lambda: table_of([b"abc"]),
        "a block of 3 bytes",
        "file-malformed",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_of_being_broken_has_its_line(name: str) -> None:
    make, words, code = BROKEN[name]
    with pytest.raises(FormatError) as caught:
        read(make())
    assert words in str(caught.value)
    assert caught.value.diagnostic.code == code


def test_an_index_cannot_have_one_block_read_again_and_again() -> None:
    block = plain_block([])
    pointers = [(b"~%03d" % n, number(0) + number(len(block))) for n in range(100)]
    index = plain_block(pointers)
    start = len(block) + 5
    footer = number(0) + number(0) + number(start) + number(len(index))
    data = block + trailer(block) + index + trailer(index) + footer.ljust(40, b"\0") + MAGIC
    with pytest.raises(FormatError, match=r"inside another.*\[file-malformed\]"):
        read(data)


def test_keys_cannot_become_longer_than_their_block_could_hold() -> None:
    first = small(0) + number(2000) + small(0) + b"a" * 2000
    more = b"".join(number(2000 + n) + small(1, 0) + b"a" for n in range(2000))
    with pytest.raises(FormatError, match=r"longer than their block.*\[file-malformed\]"):
        read(table_of([first + more + GOOD[-8:]]))


@settings(max_examples=200)
@given(st.data())
def test_changed_blocks_under_right_checksums_give_our_error_or_rising_keys(
    data: st.DataObject,
) -> None:
    block = bytearray(plain_block(NAMES[:5]))
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    try:
        keys = [key for key, _ in read(table_of([bytes(block)]))]
    except FormatError:
        return
    assert keys == sorted(set(keys))
