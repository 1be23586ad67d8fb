"""Write ONNX files, and read the tensors of those that were written here.

A file is one protobuf message: nodes that compute, and the tensors that they use. While a Graph is
written, one tensor at a time is in memory; tensors that are read are views of the mapped file.
Files of other programs are refused: they rename, fold and split a model's tensors.
Format: onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (the field numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.protobuf import (
    RECORD,
    VARINT,
    Message,
    encode_float32,
    encode_int,
    encode_record,
    encode_record_head,
    encode_text,
)
from albertkit.fileformats.reader import ByteReader, format_error, map_file
from albertkit.fileformats.tensors import Tensors

IR_VERSION = 8  # of ONNX 1.12, the first with opset 17
OPSET = 17  # the first with LayerNormalization; ONNX Runtime runs it since 1.12 (2022)
PRODUCER = "albertkit"
LARGEST_MESSAGE = 2**31 - 1  # Source: protobuf's limit for one message; readers refuse more
KIND = "an ONNX file"
READ = MappingProxyType({"float32": "<f4", "int8": "i1"})  # the types of parameters
MOST_PARAMETER_AXES = 2  # of a parameter
NO_BYTES = memoryview(b"")

Array: TypeAlias = npt.NDArray[np.generic]
Attribute: TypeAlias = int | float | tuple[int, ...]
# Source: TensorProto.DataType
CODES: Mapping[str, int] = MappingProxyType(
    {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
)


@dataclass(frozen=True, slots=True)
class Node:
    """One operation `kind`: from named values to named values."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant of the graph; `fetch` makes its array, of this dtype and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    fetch: Callable[[], Array]

    @property
    def size(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the graph; an axis with a name may have any length."""

    name: str
    dtype: str
    axes: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a file computes; the nodes are in an order in which they can run."""

    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def write_onnx(path: Path, graph: Graph, metadata: Mapping[str, str]) -> None:
    """Write a file, with one tensor in memory at a time.

    The write is not atomic: the outermost caller uses `atomic.create_directory`.

    Args:
        path: The file.
        graph: What it computes.
        metadata: Texts that ONNX Runtime and Netron show.

    Raises:
        InputError: [unsupported-by-format] for more than a protobuf message can hold, before
            anything is written.
        OSError: The file could not be written.
    """
    nodes = b"".join(
        [
            *(encode_record(1, _encode_node(node)) for node in graph.nodes),
            encode_text(2, "albert"),
            *(encode_record(11, _encode_port(port)) for port in graph.inputs),
            *(encode_record(12, _encode_port(port)) for port in graph.outputs),
        ]
    )
    heads = [_encode_tensor_head(tensor) for tensor in graph.tensors]
    size = len(nodes) + sum(
        len(before) + tensor.size for before, tensor in zip(heads, graph.tensors, strict=True)
    )
    before = _encode_model_head(metadata) + encode_record_head(7, size)
    _check_size(len(before) + size, path)
    with path.open("wb") as file:
        file.write(before + nodes)
        for start, tensor in zip(heads, graph.tensors, strict=True):
            file.write(start)
            file.write(np.ascontiguousarray(tensor.fetch(), np.dtype(tensor.dtype)).data)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a checked file: shape × bytes of a number = bytes of data."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview


class OnnxTensors(Tensors):
    """The float32 and int8 tensors of a checked file, by their names in the file.

    float32 tensors are views of the mapped file, int8 tensors are converted on access.
    """

    def __init__(self, stored: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> None:
        """Keep what `read_onnx` has checked."""
        self._stored = stored
        self.metadata = metadata

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, without reading any."""
        return {name: tensor.shape for name, tensor in self._stored.items()}

    def __getitem__(self, name: str) -> FloatArray:
        """Read one tensor."""
        tensor = self._stored[name]
        numbers = np.frombuffer(tensor.data, READ[tensor.dtype])
        return numbers.astype(np.float32, copy=False).reshape(tensor.shape)


def read_onnx(path: Path) -> OnnxTensors:
    """Open a file that `write_onnx` wrote.

    Args:
        path: The file.

    Returns:
        Its float32 and int8 tensors and its metadata.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-wrong-format] for a file of another program, [file-truncated],
            [file-malformed].
    """
    name = str(path)
    model = list(read_message_fields(map_file(path), name))
    producer = b"".join(read_record(value, name) for number, value in model if number == 2)
    if producer != PRODUCER.encode():
        raise FormatError(
            "file-wrong-format",
            f"this ONNX file was written by {bytes(producer[:40]).decode(errors='replace')!r}",
            why="exporters rename, fold and split a model's tensors; only our own files keep them",
            fix="Give the checkpoint that it was exported from, or run the file in ONNX Runtime",
            where=name,
        )
    metadata = dict(
        _read_entry(read_record(value, name), name) for number, value in model if number == 14
    )
    stored: dict[str, StoredTensor] = {}
    for graph in (read_record(value, name) for number, value in model if number == 7):
        for number, value in read_message_fields(graph, name):
            if number == 5:
                _read_tensor(read_record(value, name), name, stored)
    return OnnxTensors(MappingProxyType(stored), MappingProxyType(metadata))


def _encode_model_head(metadata: Mapping[str, str]) -> bytes:
    opset = encode_text(1, "") + encode_int(2, OPSET)  # the empty domain is ONNX's own
    entries = (
        encode_record(14, encode_text(1, key) + encode_text(2, value))
        for key, value in metadata.items()
    )
    return b"".join(
        [encode_int(1, IR_VERSION), encode_text(2, PRODUCER), encode_record(8, opset), *entries]
    )


def _encode_node(node: Node) -> bytes:
    return b"".join(
        [
            *(encode_text(1, name) for name in node.inputs),
            *(encode_text(2, name) for name in node.outputs),
            encode_text(3, node.name),
            encode_text(4, node.kind),
            *(
                encode_record(5, encode_text(1, key) + _encode_value(value))
                for key, value in node.attributes.items()
            ),
        ]
    )


def _encode_value(value: Attribute) -> bytes:
    """Encode an attribute's value, and the type that says in which field it is."""
    match value:
        case float():
            return encode_float32(2, value) + encode_int(20, 1)
        case int():
            return encode_int(3, value) + encode_int(20, 2)
        case tuple():
            return b"".join(encode_int(8, number) for number in value) + encode_int(20, 7)


def _encode_port(port: Port) -> bytes:
    axes = b"".join(
        encode_record(1, encode_int(1, axis) if isinstance(axis, int) else encode_text(2, axis))
        for axis in port.axes
    )
    return encode_text(1, port.name) + encode_record(
        2, encode_record(1, encode_int(1, CODES[port.dtype]) + encode_record(2, axes))
    )


def _encode_tensor_head(tensor: Tensor) -> bytes:
    """Encode all of a tensor that precedes its numbers."""
    own = b"".join(
        [
            *(encode_int(1, axis) for axis in tensor.shape),
            encode_int(2, CODES[tensor.dtype]),
            encode_text(8, tensor.name),
            encode_record_head(9, tensor.size),
        ]
    )
    return encode_record_head(5, len(own) + tensor.size) + own


def _check_size(size: int, path: Path) -> None:
    if size > LARGEST_MESSAGE:
        raise InputError(
            "unsupported-by-format",
            f"{path.name} would have {size:,} bytes",
            why=f"an ONNX file is one protobuf message, which has at most {LARGEST_MESSAGE:,}",
            fix="Write int8, or another format",
        )


def read_message_fields(data: memoryview, name: str) -> Iterator[tuple[int, int | memoryview]]:
    """Read the fields of a message: numbers, and views of its records, which may be gigabytes."""
    reader = ByteReader(data, name, kind=KIND)
    while reader.remaining:
        number, form = divmod(reader.take_varint(), 8)
        if number == 0:  # zeros would be read to the end, as billions of fields
            raise reader.format_error("a field has the number 0")
        value = reader.take_varint()
        if form == VARINT:
            yield number, value
        elif form == RECORD:
            yield number, reader.take(value, "records")
        else:
            raise reader.format_error(f"a field has the wire form {form}")


def read_record(value: int | memoryview, name: str) -> memoryview:
    """Return a field's value, which must be bytes; `name` is the file's, for the error."""
    if isinstance(value, int):
        raise _format_error("a field is a number where bytes belong", name)
    return value


def _read_entry(data: memoryview, name: str) -> tuple[str, str]:
    message = Message(bytes(data), name, KIND)
    return message.text(1), message.text(2)


def _read_tensor(data: memoryview, name: str, stored: dict[str, StoredTensor]) -> None:
    """Add a tensor to `stored` if it is of a parameter's type."""
    fields = list(read_message_fields(data, name))
    shape = tuple(value for number, value in fields if number == 1 and isinstance(value, int))
    encoded = b"".join(read_record(value, name) for number, value in fields if number == 8)
    raw = next((read_record(value, name) for number, value in fields if number == 9), NO_BYTES)
    key = encoded.decode(errors="replace")
    if key in stored:
        raise _format_error(f"the tensor {key[:80]!r} occurs twice", name)
    dtype = next((own for own in READ if (2, CODES[own]) in fields), None)
    if dtype is None:
        return
    size = np.dtype(dtype).itemsize
    if len(shape) > MOST_PARAMETER_AXES or not all(shape) or math.prod(shape) * size != len(raw):
        raise _format_error(
            f"the tensor {key[:80]!r} of shape {list(shape[:4])} has {len(raw):,} bytes", name
        )
    stored[key] = StoredTensor(dtype, shape, raw)


def _format_error(what: str, name: str) -> FormatError:
    return format_error(what, why="no file that was written here has this", where=name)
