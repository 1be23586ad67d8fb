"""ONNX files: nodes that compute, and the tensors that they compute with, in one message.

In: a Graph, whose tensors are fetched one at a time while the file is written. Out: the file; and
back, its tensors as views of the mapped bytes. Only files of our own are read: they keep every
tensor's name and bytes in one place.
Format: onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (the fields' numbers).
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
from albertkit.fileformats.protobuf.encoding import fraction, head, text, whole
from albertkit.fileformats.protobuf.messages import (
    LONGEST_VARINT,
    RECORD,
    VARINT,
    Message,
    Wire,
    record,
)
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.tensors import Tensors

IR_VERSION = 8  # of ONNX 1.12, which brought opset 17
OPSET = 17  # the first with LayerNormalization; ONNX Runtime runs it since 1.12 (2022)
PRODUCER = "albertkit"
LARGEST = 2**31 - 1  # Source: protobuf's limit for one message; readers refuse more
KIND = "an ONNX file"
READ = MappingProxyType({"float32": "<f4", "int8": "i1"})  # the kinds that parameters have
MOST_AXES = 2  # of a parameter
NO_BYTES = memoryview(b"")

Array: TypeAlias = npt.NDArray[np.generic]
Attribute: TypeAlias = int | float | tuple[int, ...]
# Source: TensorProto.DataType
CODES: Mapping[str, int] = MappingProxyType(
    {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
)


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: named values in, named values out."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that the file holds; `fetch` makes its array of this dtype and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    fetch: Callable[[], Array]

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the whole graph; an axis that is a name may have any length."""

    name: str
    dtype: str
    axes: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a file computes. The nodes stand in an order in which they can run."""

    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def write_onnx(path: Path, graph: Graph, metadata: Mapping[str, str]) -> None:
    """Write a file, with one tensor in memory at a time.

    The write is not atomic. The outermost caller uses `atomic.new_directory`.

    Args:
        path: the file.
        graph: nodes, inputs, outputs and tensors.
        metadata: texts that ONNX Runtime and Netron show.

    Raises:
        InputError: [unsupported-by-format] for more than a protobuf message can hold, before
            anything is written.
        OSError: the file could not be written.
    """
    nodes = b"".join(
        [
            *(record(1, _node(node)) for node in graph.nodes),
            text(2, "albert"),
            *(record(11, _port(port)) for port in graph.inputs),
            *(record(12, _port(port)) for port in graph.outputs),
        ]
    )
    heads = [_tensor_head(tensor) for tensor in graph.tensors]
    size = len(nodes) + sum(
        len(before) + tensor.size for before, tensor in zip(heads, graph.tensors, strict=True)
    )
    before = _model_head(metadata) + head(7, size)
    _check_size(len(before) + size, path)
    with path.open("wb") as file:
        file.write(before + nodes)
        for start, tensor in zip(heads, graph.tensors, strict=True):
            file.write(start)
            file.write(np.ascontiguousarray(tensor.fetch(), np.dtype(tensor.dtype)).data)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a file: shape × size of its numbers = bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview


class OnnxTensors(Tensors):
    """The tensors of float32 and int8 of a checked file, by their names there.

    Those of float32 are views of the mapped file, those of int8 are converted when asked for.
    """

    def __init__(self, found: Mapping[str, StoredTensor], metadata: Mapping[str, str]) -> None:
        self._found = found
        self.metadata = metadata

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tensor.shape for name, tensor in self._found.items()}

    def __getitem__(self, name: str) -> FloatArray:
        tensor = self._found[name]
        numbers = np.frombuffer(tensor.data, READ[tensor.dtype])
        return numbers.astype(np.float32, copy=False).reshape(tensor.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def read_onnx(path: Path) -> OnnxTensors:
    """The tensors of float32 and int8 of a file that `write_onnx` wrote.

    Raises InputError [file-not-found]; FormatError [file-wrong-format] for the file of another
    program, [file-truncated], [file-malformed].
    """
    name = str(path)
    model = list(_fields(map_file(path), name))
    producer = b"".join(_record(value, name) for number, value in model if number == 2)
    if producer != PRODUCER.encode():
        raise FormatError(
            "file-wrong-format",
            f"this ONNX file was written by {bytes(producer[:40]).decode(errors='replace')!r}",
            why="exporters rename, fold and split a model's tensors; only our own files keep them",
            fix="Give the checkpoint that it was exported from, or run the file in ONNX Runtime",
            where=name,
        )
    metadata = dict(_entry(_record(value, name), name) for number, value in model if number == 14)
    found: dict[str, StoredTensor] = {}
    for graph in (_record(value, name) for number, value in model if number == 7):
        for number, value in _fields(graph, name):
            if number == 5:
                _take_tensor(_record(value, name), name, found)
    return OnnxTensors(MappingProxyType(found), MappingProxyType(metadata))


def _model_head(metadata: Mapping[str, str]) -> bytes:
    opset = text(1, "") + whole(2, OPSET)  # the empty domain is ONNX's own
    entries = (record(14, text(1, key) + text(2, value)) for key, value in metadata.items())
    return b"".join([whole(1, IR_VERSION), text(2, PRODUCER), record(8, opset), *entries])


def _node(node: Node) -> bytes:
    return b"".join(
        [
            *(text(1, name) for name in node.inputs),
            *(text(2, name) for name in node.outputs),
            text(3, node.name),
            text(4, node.kind),
            *(record(5, text(1, key) + _value(value)) for key, value in node.attributes.items()),
        ]
    )


def _value(value: Attribute) -> bytes:
    """The value of an attribute, and which of the fields it stands in."""
    match value:
        case float():
            return fraction(2, value) + whole(20, 1)
        case int():
            return whole(3, value) + whole(20, 2)
        case tuple():
            return b"".join(whole(8, number) for number in value) + whole(20, 7)


def _port(port: Port) -> bytes:
    axes = b"".join(
        record(1, whole(1, axis) if isinstance(axis, int) else text(2, axis)) for axis in port.axes
    )
    return text(1, port.name) + record(2, record(1, whole(1, CODES[port.dtype]) + record(2, axes)))


def _tensor_head(tensor: Tensor) -> bytes:
    """All of a tensor that stands before its numbers."""
    own = b"".join(
        [
            *(whole(1, axis) for axis in tensor.shape),
            whole(2, CODES[tensor.dtype]),
            text(8, tensor.name),
            head(9, tensor.size),
        ]
    )
    return head(5, len(own) + tensor.size) + own


def _check_size(size: int, path: Path) -> None:
    if size > LARGEST:
        raise InputError(
            "unsupported-by-format",
            f"{path.name} would have {size:,} bytes",
            why=f"an ONNX file is one protobuf message, and those end at {LARGEST:,}",
            fix="Write int8, or another format",
        )


def _fields(data: memoryview, name: str) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message by number: numbers, and views of its records, of any length."""
    at = 0
    while at < len(data):
        wire = Wire(bytes(data[at : at + 2 * LONGEST_VARINT]), name, KIND, at)
        number, form = divmod(wire.varint(), 8)
        value = wire.varint()
        at += wire.at
        if form == VARINT:
            yield number, value
        elif form != RECORD:
            raise wire.malformed(f"a field has the wire form {form}")
        elif value > len(data) - at:
            raise wire.truncated(f"a record promises {value} bytes and {len(data) - at} are left")
        else:
            yield number, data[at : at + value]
            at += value


def _record(value: int | memoryview, name: str) -> memoryview:
    if isinstance(value, int):
        raise _malformed(name, "a number stands where bytes belong")
    return value


def _entry(data: memoryview, name: str) -> tuple[str, str]:
    message = Message(bytes(data), name, KIND)
    return message.text(1), message.text(2)


def _take_tensor(data: memoryview, name: str, found: dict[str, StoredTensor]) -> None:
    """Add a tensor to `found` where it is of a kind that parameters have."""
    fields = list(_fields(data, name))
    shape = tuple(value for number, value in fields if number == 1 and isinstance(value, int))
    called = b"".join(_record(value, name) for number, value in fields if number == 8)
    raw = next((_record(value, name) for number, value in fields if number == 9), NO_BYTES)
    key = called.decode(errors="replace")
    if key in found:
        raise _malformed(name, f"the tensor {key[:80]!r} stands there twice")
    dtype = next((each for each in READ if (2, CODES[each]) in fields), None)
    if dtype is None:
        return
    size = np.dtype(dtype).itemsize
    if len(shape) > MOST_AXES or not all(shape) or math.prod(shape) * size != len(raw):
        raise _malformed(
            name, f"the tensor {key[:80]!r} of shape {list(shape[:4])} has {len(raw):,} bytes"
        )
    found[key] = StoredTensor(dtype, shape, raw)


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="a file that was written here never does so",
        fix="Copy the file again, or write it anew",
        where=name,
    )
