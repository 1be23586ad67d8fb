"""The checksum, by the library and by the table, against published values."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.fileformats.tensorflow import crc32c as module
from albertkit.fileformats.tensorflow.crc32c import COPIED_BYTES, crc32c, crc32c_by_table

Checksum = Callable[[bytes | memoryview], int]
by_both = pytest.mark.parametrize("compute", [crc32c, crc32c_by_table])


# Source: RFC 3720, appendix B.4; "123456789" is the check value of the catalogue of CRCs
@by_both
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
def test_published_checksums(compute: Checksum, data: bytes, checksum: int) -> None:
    assert compute(data) == checksum
    assert compute(memoryview(data)) == checksum


@given(st.binary(max_size=2000), st.integers(0, 2000))
def test_both_ways_agree_and_bytes_may_be_summed_in_parts(data: bytes, cut: int) -> None:
    whole = crc32c_by_table(data)
    assert crc32c(data) == whole
    assert crc32c(data[cut:], crc32c(data[:cut])) == whole
    assert crc32c_by_table(data[cut:], crc32c_by_table(data[:cut])) == whole


def test_data_longer_than_a_chunk_is_summed_to_its_end() -> None:
    data = os.urandom(COPIED_BYTES + 1000)
    assert crc32c(memoryview(data)) == crc32c_by_table(data)


def test_without_the_library_the_table_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "extend", None)
    assert crc32c(b"123456789") == 0xE306_9283
