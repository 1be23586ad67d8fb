"""Protocol buffers: what was written is read, and damage is one of our errors."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albertkit.errors import FormatError
from albertkit.fileformats.protobuf import HIGHEST, Message, encode_record, encode_varint

ENTRY = encode_record(1, b"heads") + encode_record(2, b"\x08\x0c")  # of a map: "heads" → {1: 12}
SMALL = (
    b"\x08\x96\x01"
    + encode_record(2, b"name")
    + encode_record(7, ENTRY)
    + encode_record(9, encode_record(9, b""))
)


def message(data: bytes) -> Message:
    return Message(data, "small.pb", "a test")


def test_fields_are_found_by_their_numbers() -> None:
    parsed = message(SMALL)
    assert parsed.count(1) == 150
    assert parsed.text(2) == "name"
    assert [(key, value.count(1)) for key, value in parsed.entries(7)] == [("heads", 12)]
    assert 9 in parsed
    assert 3 not in parsed


def test_what_is_absent_is_zero_or_empty() -> None:
    parsed = message(b"")
    assert (parsed.count(1), parsed.text(2), parsed.record(3), parsed.texts(4)) == (0, "", b"", ())
    assert list(parsed.messages(5)) == []
    assert parsed.message(6).count(1) == 0


def test_of_a_field_given_twice_the_last_counts_and_messages_are_merged() -> None:
    twice = b"\x08\x01\x08\x02" + encode_record(2, b"\x08\x01") + encode_record(2, b"\x10\x05")
    parsed = message(twice)
    assert parsed.count(1) == 2
    assert (parsed.message(2).count(1), parsed.message(2).count(2)) == (1, 5)
    assert [each.count(1) for each in parsed.messages(2)] == [1, 0]


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers_below_zero_come_back(value: int) -> None:
    assert message(b"\x08" + encode_varint(value % (1 << 64))).int64(1) == value


@given(st.binary(max_size=300))
def test_records_of_any_length_come_back(value: bytes) -> None:
    assert message(encode_record(HIGHEST, value)).record(HIGHEST) == value


def test_fields_with_high_numbers_are_skipped() -> None:
    parsed = message(encode_record(HIGHEST + 1, b"x") + encode_record(1, b"y"))
    assert HIGHEST + 1 not in parsed
    assert parsed.record(1) == b"y"


def test_a_message_costs_no_more_than_some_times_its_size() -> None:
    smallest = b"\x08\x01" * 20_000
    tracemalloc.start()
    parsed = message(smallest)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert parsed.count(1) == 1
    assert used < 12 * len(smallest)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x0a\x7fab", "needs 127 bytes and has 2.*file-truncated"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "and has 0.*file-truncated"),
        (b"\x08", "file-truncated"),
        (b"\x08" + b"\xff" * 11, "longer than 10 bytes.*file-malformed"),
        (b"\x00\x01", "the number 0.*file-malformed"),
        (b"\x0b", "wire form 3.*not valid in a test.*file-malformed"),
    ],
)
def test_what_is_broken_is_named(data: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        message(data)


def test_a_field_of_another_kind_is_refused() -> None:
    parsed = message(b"\x08\x01" + encode_record(2, b"\xff"))
    with pytest.raises(FormatError, match="number where text belongs"):
        parsed.text(1)
    with pytest.raises(FormatError, match="number where bytes belong"):
        list(parsed.messages(1))
    with pytest.raises(FormatError, match="bytes where a number belongs"):
        parsed.count(2)
    with pytest.raises(FormatError, match="not UTF-8"):
        parsed.text(2)


def test_an_error_inside_a_nested_message_says_its_place_in_the_file() -> None:
    broken = encode_record(1, b"x" * 50) + encode_record(2, encode_record(3, b"\x08"))
    inner = next(message(broken).messages(2))
    with pytest.raises(FormatError, match="at byte 57 it needs 1 byte"):
        inner.message(3)


@settings(max_examples=300)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parsed = message(data)
        for number in range(1, 10):
            parsed.texts(number)
            list(parsed.entries(number))
    except FormatError:
        pass
