"""CRC-32C (Castagnoli): the checksum of each tensor and block in TensorFlow's files.

google-crc32c computes it with the processor's own instruction. Where that library is missing, a
table replaces it and gives the same values: 2.3 s instead of 1.5 ms for 12 MB (the word embeddings
of albert-base).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

extend: Callable[[int, bytes], int] | None  # (checksum of the bytes before, bytes) → checksum
try:
    from google_crc32c import extend
except ImportError:  # a platform without a wheel
    extend = None

REVERSED_POLYNOMIAL = 0x82F6_3B78  # Source: RFC 3720, section 12.1: 0x11EDC6F41, bits reversed
MASK_DELTA = 0xA282_EAD8  # Source: leveldb, util/crc32c.h
COPIED_BYTES = 2**20  # bytes


def crc32c(data: bytes | memoryview, previous: int = 0) -> int:
    """Compute the checksum of some bytes.

    Args:
        data: Contiguous bytes.
        previous: The checksum of the bytes before `data`, if they are summed in parts.

    Returns:
        32 bits.
    """
    if extend is None:
        return crc32c_by_table(data, previous)
    checksum = previous
    for start in range(0, len(data), COPIED_BYTES):  # the library needs bytes: a copy of each
        checksum = extend(checksum, bytes(data[start : start + COPIED_BYTES]))
    return checksum


def mask_checksum(checksum: int) -> int:
    """Change a checksum as LevelDB stores it, so that files of checksums can be summed again."""
    return ((checksum >> 15 | checksum << 17) + MASK_DELTA) & 0xFFFF_FFFF


def crc32c_by_table(data: bytes | memoryview, previous: int = 0) -> int:
    """Compute the checksum in Python, byte by byte."""
    table = _make_table()
    register = previous ^ 0xFFFF_FFFF
    for byte in data:
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ 0xFFFF_FFFF


@cache
def _make_table() -> list[int]:
    """List the remainder of each byte."""
    remainders = list(range(256))
    for _ in range(8):
        remainders = [n >> 1 ^ (REVERSED_POLYNOMIAL if n & 1 else 0) for n in remainders]
    return remainders
