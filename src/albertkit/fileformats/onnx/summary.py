"""What an ONNX file of any program holds: producer, opset, inputs, copies of tensors.

The file is mapped and nothing of it is run. Format: onnx.proto; the field numbers are in comments.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from albertkit.fileformats.onnx.model_file import read_message_fields, read_record
from albertkit.fileformats.reader import map_file

BATCH_SCALE = b"DynamicQuantizeLinear"
LARGE = 4096  # bytes; smaller tensors are shapes and constants, which repeat by chance


@dataclass(frozen=True, slots=True)
class OnnxSummary:
    """An ONNX file in figures.

    Attributes:
        producer: the program that wrote it.
        opset: of ONNX's own operations; 0 if the file does not say.
        inputs: name → axes; an axis with a name may have any length.
        stored: bytes of all large tensors.
        unique: bytes of the different ones.
        most_copies: how often the most frequent large tensor is stored.
        batch_scales: nodes that quantize their input by the largest number in it.
    """

    producer: str
    opset: int
    inputs: dict[str, tuple[int | str, ...]]
    stored: int
    unique: int
    most_copies: int
    batch_scales: int


def summarize_onnx(path: Path) -> OnnxSummary:
    """Read the structure of an ONNX file.

    Args:
        path: the file.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-truncated], [file-malformed].
    """
    name = str(path)
    producer, opset, batch_scales = "", 0, 0
    inputs: dict[str, tuple[int | str, ...]] = {}
    copies: dict[bytes, int] = {}
    sizes: dict[bytes, int] = {}
    for number, value in read_message_fields(map_file(path), name):
        if number == 2:  # ModelProto.producer_name
            producer = bytes(read_record(value, name)).decode(errors="replace")
        elif number == 8:  # ModelProto.opset_import
            opset = max(opset, _read_opset(read_record(value, name), name))
        elif number == 7:  # ModelProto.graph
            for field, part in read_message_fields(read_record(value, name), name):
                if field == 1:  # GraphProto.node
                    batch_scales += _read_operation(read_record(part, name), name) == BATCH_SCALE
                elif field == 5:  # GraphProto.initializer
                    _count_tensor(read_record(part, name), name, copies, sizes)
                elif field == 11:  # GraphProto.input
                    port, axes = _read_port(read_record(part, name), name)
                    inputs[port] = axes
    return OnnxSummary(
        producer,
        opset,
        inputs,
        sum(copies[digest] * sizes[digest] for digest in copies),
        sum(sizes.values()),
        max(copies.values(), default=0),
        batch_scales,
    )


def _read_opset(data: memoryview, name: str) -> int:
    """The version of an OperatorSetIdProto, if it is of ONNX's own domain."""
    domain, version = b"", 0
    for number, value in read_message_fields(data, name):
        if number == 1:
            domain = bytes(read_record(value, name))
        elif number == 2 and isinstance(value, int):
            version = value
    return version if domain in (b"", b"ai.onnx") else 0


def _read_operation(data: memoryview, name: str) -> bytes:
    """A NodeProto's op_type (4)."""
    types = (read_record(value, name) for n, value in read_message_fields(data, name) if n == 4)
    return bytes(next(types, b""))


def _count_tensor(
    data: memoryview, name: str, copies: dict[bytes, int], sizes: dict[bytes, int]
) -> None:
    """Count a TensorProto by its contents: raw_data (9), float_data (4)."""
    for number, value in read_message_fields(data, name):
        if number in (4, 9) and not isinstance(value, int) and len(value) >= LARGE:
            digest = hashlib.blake2b(value, digest_size=16).digest()
            copies[digest] = copies.get(digest, 0) + 1
            sizes[digest] = len(value)


def _read_port(data: memoryview, name: str) -> tuple[str, tuple[int | str, ...]]:
    """A ValueInfoProto's name (1), and its axes: type (2), tensor_type (1), shape (2), dim (1)."""
    port = ""
    axes: list[int | str] = []
    for number, value in read_message_fields(data, name):
        if number == 1:
            port = bytes(read_record(value, name)).decode(errors="replace")
        elif number == 2:
            for dim in _walk(read_record(value, name), name, (1, 2, 1)):
                axes.append(_read_axis(dim, name))
    return port, tuple(axes)


def _walk(data: memoryview, name: str, path: tuple[int, ...]) -> list[memoryview]:
    """The nested messages at a path of field numbers."""
    messages = [data]
    for step in path:
        messages = [
            read_record(value, name)
            for message in messages
            for number, value in read_message_fields(message, name)
            if number == step
        ]
    return messages


def _read_axis(data: memoryview, name: str) -> int | str:
    """A dimension: dim_value (1) or dim_param (2)."""
    for number, value in read_message_fields(data, name):
        if number == 1 and isinstance(value, int):
            return value
        if number == 2 and not isinstance(value, int):
            return bytes(value).decode(errors="replace")
    return "?"
