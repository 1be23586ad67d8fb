"""Write object-based checkpoints as Model Garden's code does, with any names and shapes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from albertkit.arrays import FloatArray
from albertkit.fileformats.protobuf import encode_record, encode_varint
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.object_graph import OBJECT_GRAPH
from albertkit.fileformats.tensorflow.sstable import encode_sstable, read_sstable
from albertkit.fileformats.tensorflow.tensor_bundle import write_bundle


def write_object_checkpoint(prefix: Path, arrays: Mapping[str, FloatArray]) -> Path:
    """Write a bundle with meaningless keys, and an object graph with each variable's name."""
    keys = {name: f"model/_v/{number}" for number, name in enumerate(arrays)}
    write_bundle(prefix, {keys[name]: array for name, array in arrays.items()})
    graph = b"".join(
        encode_record(
            1,
            encode_record(
                2,
                encode_record(1, b"VARIABLE_VALUE")
                + encode_record(2, name.encode())
                + encode_record(3, key),
            ),
        )
        for name, key in ((name, key.encode()) for name, key in keys.items())
    )
    _append_string(prefix, OBJECT_GRAPH, graph)
    return prefix


def _append_string(prefix: Path, key: str, text: bytes) -> None:
    """Add a tensor of one string to a bundle of one shard."""
    data = prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    index = prefix.with_name(f"{prefix.name}.index")
    offset = data.stat().st_size
    length = struct.pack("<I", len(text))
    lengths = struct.pack("<I", mask_checksum(crc32c(length)))
    with data.open("ab") as file:
        size = file.write(encode_varint(len(text)) + lengths + text)
    checksum = struct.pack("<I", mask_checksum(crc32c(length + lengths + text)))
    fields = (
        b"\x08\x07\x12\x00\x20"
        + encode_varint(offset)
        + b"\x28"
        + encode_varint(size)
        + b"\x35"
        + checksum
    )
    pairs = dict(read_sstable(memoryview(index.read_bytes()), "index"))
    pairs[key.encode()] = fields
    index.write_bytes(encode_sstable(sorted(pairs.items())))
