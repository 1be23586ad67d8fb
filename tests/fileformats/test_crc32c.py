"""The checksum against the definition, bit by bit, and against values that others published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.fileformats.tensorflow.crc32c import CHUNK, FOLDS, crc32c

POLYNOMIAL = 0x1_1EDC_6F41  # x^32 is its highest bit


def slow_crc32c(data: bytes) -> int:
    """One bit after another."""
    register = 0xFFFF_FFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F6_3B78 if register & 1 else 0)
    return register ^ 0xFFFF_FFFF


def random_bytes(count: int) -> bytes:
    return np.random.default_rng(count).integers(0, 256, count, dtype=np.uint8).tobytes()


# Source: RFC 3720, appendix B.4
@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (bytes(32), 0x8A91_36AA),
        (b"\xff" * 32, 0x62A8_AB43),
        (bytes(range(32)), 0x46DD_794E),
        (bytes(range(31, -1, -1)), 0x113F_DB5C),
        (b"123456789", 0xE306_9283),
        (b"", 0),
    ],
)
def test_published_checksums(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_every_fold_is_a_multiple_of_the_polynomial() -> None:
    for fold in FOLDS:
        left = sum(1 << exponent for exponent in fold.exponents)
        while left.bit_length() > 32:
            left ^= POLYNOMIAL << left.bit_length() - 33
        assert left == 0


# Around the lengths at which a fold begins to be used.
EDGES = sorted({fold.distances[-1] + more for fold in FOLDS for more in (-1, 0, 1, 2, 3, 4, 5)})


@pytest.mark.parametrize("count", [1, 3, 4, *EDGES, 50_000])
def test_long_messages_have_the_checksum_of_the_definition(count: int) -> None:
    data = random_bytes(count)
    assert crc32c(data) == slow_crc32c(data)


def test_a_message_longer_than_the_part_that_is_worked_on_at_a_time() -> None:
    data = random_bytes(CHUNK + 40_000)
    assert crc32c(data) == slow_crc32c(data)


@given(st.binary(max_size=2000), st.integers(0, 2000))
def test_a_message_may_be_summed_in_parts(data: bytes, cut: int) -> None:
    assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data) == slow_crc32c(data)


def test_a_changed_bit_is_seen_wherever_it_is() -> None:
    data = bytearray(random_bytes(70_000))
    whole = crc32c(bytes(data))
    for place in range(0, len(data), 997):
        data[place] ^= 1
        assert crc32c(bytes(data)) != whole
        data[place] ^= 1
