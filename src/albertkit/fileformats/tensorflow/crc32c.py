"""CRC-32C (Castagnoli): the checksum beside each tensor and block of TensorFlow's files.

In: bytes. Out: their checksum, at the speed of numpy's XOR. The bits of a message are the
coefficients of a polynomial over GF(2), the first bit the highest; its checksum is what is left
of it modulo P. Where x^6777 + x^484 + x^100 + 1 is a multiple of P, x^6777 is the same as
x^484 + x^100 + 1, so the first bit may be dropped if it is added (XOR) to the bits 6293, 6677 and
6777 places later. Squaring (a + b)² = a² + b² keeps such a multiple sparse: the same holds for
bits 8 · 6293 … places later, so for whole bytes, and for any power of two of them. A long message
thus shrinks to its end by a few XORs of arrays, and only that end passes the usual table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

ByteArray: TypeAlias = npt.NDArray[np.uint8]

ALL_ONES = 0xFFFF_FFFF
REVERSED_POLYNOMIAL = 0x82F6_3B78  # Source: RFC 3720, section 12.1: 0x11EDC6F41, bits reversed
MASK_DELTA = 0xA282_EAD8  # Source: leveldb, util/crc32c.h
CHUNK = 2**18  # bytes that are worked on at a time: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Fold:
    """A sparse multiple of P, x^d + x^a + … + 1, applied to units of bytes.

    exponents: d, a, …, 0, falling. unit: a power of two of bytes.
    """

    exponents: tuple[int, ...]
    unit: int

    @property
    def distances(self) -> tuple[int, ...]:
        """How many bytes later a dropped byte is added, the nearest first."""
        highest = self.exponents[0]
        return tuple((highest - exponent) * self.unit for exponent in self.exponents[1:])


# Found by search: no multiple of four terms has a degree below 5275, and of those below 9000 this
# one lets the most bytes be dropped at a time; the one of six terms shortens what that one leaves.
FOUR_TERMS = (6777, 484, 100, 0)
SIX_TERMS = (290, 136, 113, 107, 32, 0)
FOLDS = (Fold(FOUR_TERMS, 4), Fold(FOUR_TERMS, 1), Fold(SIX_TERMS, 1))


def crc32c(data: bytes | memoryview, before: int = 0) -> int:
    """The checksum of `data`; `before` is the checksum of what stands in front of it."""
    message: ByteArray = np.frombuffer(data, np.uint8)
    register = before ^ ALL_ONES
    for fold in FOLDS:
        if len(message) > fold.distances[-1]:
            message = _folded(message, register, fold.distances)
            register = 0
    return _by_table(message.tobytes(), register) ^ ALL_ONES


def masked(checksum: int) -> int:
    """A checksum as it stands in a file: changed, so that it may lie among summed bytes."""
    return ((checksum >> 15 | checksum << 17) + MASK_DELTA) & ALL_ONES


def _folded(message: ByteArray, register: int, distances: tuple[int, ...]) -> ByteArray:
    """The end of a message, `distances[-1]` bytes, changed so that the remainder is the same.

    register: what the bytes before have left; it is added to the first four.
    """
    block, last = distances[0], distances[-1]
    dropped = len(message) - last
    carried = np.zeros(last, np.uint8)
    carried[:4] = np.frombuffer(register.to_bytes(4, "little"), np.uint8)
    for start in range(0, dropped, CHUNK):
        size = min(CHUNK, dropped - start)
        work = np.zeros(size + last, np.uint8)
        work[:size] = message[start : start + size]
        work[:last] ^= carried
        for at in range(0, size, block):
            front = work[at : min(at + block, size)]
            for distance in distances:
                work[at + distance : at + distance + len(front)] ^= front
        carried = work[size:]
    return message[dropped:] ^ carried


def _by_table(data: Iterable[int], register: int) -> int:
    for byte in data:
        register = TABLE[(register ^ byte) & 0xFF] ^ register >> 8
    return register


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (REVERSED_POLYNOMIAL if byte & 1 else 0)
    return byte


TABLE = tuple(_table_entry(byte) for byte in range(256))
