"""The records of a TensorBoard event file that hold scalars.

An event file is a TFRecord file: each record has its length, the length's checksum, the bytes, and
their checksum. The bytes are a protobuf message Event with a time, a step, and a list of scalars.
Source: tensorflow/core/util/event.proto, summary.proto and lib/io/record_writer.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from albertkit.fileformats.protobuf import (
    FIXED64,
    encode_float32,
    encode_int,
    encode_record,
    encode_text,
    encode_varint,
)
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum

FILE_VERSION = "brain.Event:2"  # what the first record says
WALL_TIME, STEP, VERSION, SUMMARY = 1, 2, 3, 5  # fields of Event
VALUE, TAG, SIMPLE_VALUE = 1, 1, 2  # fields of Summary and of its values


def encode_version(wall_time: float) -> bytes:
    """The first record of an event file; `wall_time` is in seconds since 1970."""
    return _encode_record(_encode_time(wall_time) + encode_text(VERSION, FILE_VERSION))


def encode_scalars(wall_time: float, step: int, scalars: Mapping[str, float]) -> bytes:
    """The record of a step.

    Args:
        wall_time: in seconds since 1970.
        step: of the run.
        scalars: by the names of their charts.
    """
    values = b"".join(
        encode_record(VALUE, encode_text(TAG, name) + encode_float32(SIMPLE_VALUE, value))
        for name, value in scalars.items()
    )
    event = _encode_time(wall_time) + encode_int(STEP, step) + encode_record(SUMMARY, values)
    return _encode_record(event)


def _encode_time(wall_time: float) -> bytes:
    return encode_varint(WALL_TIME << 3 | FIXED64) + struct.pack("<d", wall_time)


def _encode_record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _encode_checksum(length) + event + _encode_checksum(event)


def _encode_checksum(data: bytes) -> bytes:
    return struct.pack("<I", mask_checksum(crc32c(data)))
