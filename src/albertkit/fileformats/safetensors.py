"""Read and write safetensors files: a header of JSON, then the bytes of the tensors.

In: a file. Out: a lazy mapping name → float32 array; float32 tensors are views of the mapped
file, float16, bfloat16 and float64 ones are converted when they are asked for.
Format: https://huggingface.co/docs/safetensors (8 bytes header length, JSON, data).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.floats import as_float32
from albertkit.fileformats.reader import ByteReader, JsonValue, map_file, parse_json
from albertkit.fileformats.tensors import BYTES_OF, Tensors, float_kind, is_shape

SavedDtype = Literal["float32", "float16"]

HEADER_CAP = 100_000_000  # Source: safetensors/src/tensor.rs, MAX_HEADER_SIZE
METADATA = "__metadata__"
# What people give instead: its first bytes, and what it is.
OTHER_KINDS = (
    (b"PK\x03\x04", "a zip archive, as torch's .bin and .pt files are"),
    (b"\x80", "a file of Python objects, as torch's older .bin and .pt files are"),
    (b"\x89HDF", "an HDF5 file, as Keras writes it"),
    (b"\x1f\x8b", "a gzip archive"),
)
SAVED = MappingProxyType({"float32": ("F32", "<f4"), "float16": ("F16", "<f2")})


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where one tensor lies: bytes [start, end) of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class TensorFile(Tensors):
    """The tensors of one safetensors file."""

    def __init__(
        self,
        name: str,
        data: memoryview,
        entries: Mapping[str, TensorEntry],
        metadata: Mapping[str, str],
    ) -> None:
        self.name = name
        self.entries = entries
        self.metadata = metadata
        self._data = data

    def __getitem__(self, name: str) -> FloatArray:
        entry = self.entries[name]
        kind = float_kind(entry.dtype, name, self.name)
        return as_float32(self._data[entry.start : entry.end], kind).reshape(entry.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """name → shape, without reading any tensor."""
        return {name: entry.shape for name, entry in self.entries.items()}


def read_safetensors(path: Path) -> TensorFile:
    """Check a whole file's header and give its tensors.

    Raises InputError [file-not-found]; FormatError [file-truncated], [file-wrong-format],
    [file-malformed] or [json-malformed].
    """
    data, name = map_file(path), str(path)
    reader = ByteReader(data, name)
    length = reader.take_u64("header length")
    _refuse_other_kinds(data, name)
    if length > HEADER_CAP:
        raise FormatError(
            "file-wrong-format",
            f"the first eight bytes announce a header of {length:,} bytes",
            why=f"safetensors allows {HEADER_CAP:,}: this is a file of another kind",
            fix="Give a .safetensors file",
            where=name,
        )
    header = parse_json(bytes(reader.take(length, "header")), name)
    metadata = _metadata(header.pop(METADATA, {}), name)
    entries = {key: _entry(key, value, reader, name) for key, value in header.items()}
    _check_that_every_byte_is_owned(entries, reader.at, len(data), name)
    return TensorFile(name, data, MappingProxyType(entries), MappingProxyType(metadata))


def write_safetensors(
    path: Path,
    arrays: Mapping[str, FloatArray],
    *,
    dtype: SavedDtype = "float32",
    metadata: Mapping[str, str] = MappingProxyType({"format": "pt"}),
) -> None:
    """Write arrays, with one of them in memory at a time.

    The write is not atomic. The outermost caller uses `atomic.new_directory`.

    Args:
        path: the file.
        arrays: the tensors by name; lazy ones are read one at a time.
        dtype: the type in the file.
        metadata: `{"format": "pt"}` is what transformers needs.

    Raises:
        InputError: [float16-overflow], before anything is written.
        OSError: the file could not be written.
    """
    code, layout = SAVED[dtype]
    header: dict[str, object] = {METADATA: dict(metadata)}
    end = 0
    for name, array in arrays.items():
        _check_that_it_fits(name, array, dtype)
        start, end = end, end + array.size * BYTES_OF[code]
        header[name] = {"dtype": code, "shape": array.shape, "data_offsets": (start, end)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors lie aligned in the file
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, dtype=layout).data)


def _refuse_other_kinds(data: memoryview, name: str) -> None:
    """After the eight bytes of its length, a header is JSON and begins with a brace."""
    if bytes(data[8:9]) in (b"{", b""):
        return
    begins = bytes(data[:12])
    kinds = (kind for first, kind in OTHER_KINDS if begins.startswith(first))
    raise FormatError(
        "file-wrong-format",
        f"this is {next(kinds, f'no safetensors file: it begins with {begins!r}')}",
        why="weights are read from safetensors files, in which no code can hide",
        fix="Download the model's .safetensors file, or convert this one where you trust it",
        where=name,
    )


def _metadata(found: JsonValue, name: str) -> dict[str, str]:
    if not isinstance(found, dict):
        raise _malformed(name, f"{METADATA} is no object")
    for key, value in found.items():
        if not isinstance(value, str):
            raise _malformed(name, f"{METADATA}[{key!r}] is {value!r}, not a text")
    return {key: str(value) for key, value in found.items()}


def _entry(key: str, found: JsonValue, reader: ByteReader, name: str) -> TensorEntry:
    """Check one tensor's own row of the header: kind, bounds, shape × size = bytes."""
    if not isinstance(found, dict) or found.keys() != {"dtype", "shape", "data_offsets"}:
        raise _malformed(name, f"{key} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = found["dtype"], found["shape"], found["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES_OF:
        raise _malformed(name, f"{key} has the unknown dtype {dtype!r}")
    sizes, (start, end) = _counts(shape, key, name), _span(offsets, key, name)
    if not is_shape(sizes) or end - start != math.prod(sizes) * BYTES_OF[dtype]:
        raise _malformed(
            name, f"{key} has {end - start} bytes, its shape {list(sizes)} in {dtype} needs others"
        )
    if end > reader.left:
        raise FormatError(
            "file-truncated",
            f"the file ends {end - reader.left:,} bytes before {key} does",
            why="its header promises that tensor",
            fix="Download or copy it again",
            where=name,
        )
    return TensorEntry(dtype, sizes, reader.at + start, reader.at + end)


def _span(found: JsonValue, key: str, name: str) -> tuple[int, int]:
    offsets = _counts(found, key, name)
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _malformed(name, f"{key} has the data_offsets {list(offsets)}")
    return offsets[0], offsets[1]


def _counts(found: JsonValue, key: str, name: str) -> tuple[int, ...]:
    if not isinstance(found, list):
        raise _malformed(name, f"{key} has {found!r} where a list of numbers should be")
    numbers = [n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    if len(numbers) != len(found):
        raise _malformed(name, f"{key} has {found!r} where whole numbers should be")
    return tuple(numbers)


def _check_that_every_byte_is_owned(
    entries: Mapping[str, TensorEntry], first: int, last: int, name: str
) -> None:
    """Nothing overlaps, nothing lies between: no byte of the file is hidden or used twice."""
    at = first
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != at:
            raise _malformed(name, f"{key} begins at byte {entry.start}, expected was {at}")
        at = entry.end
    if at != last:
        raise _malformed(name, f"{last - at:,} bytes at its end belong to no tensor")


def _check_that_it_fits(name: str, array: FloatArray, dtype: SavedDtype) -> None:
    limit = float(np.finfo(dtype).max)
    if dtype == "float32" or not array.size:
        return
    largest = float(np.max(np.abs(array)))
    if largest > limit:
        raise InputError(
            "float16-overflow",
            f"{name} holds a value of size {largest:g}",
            why=f"float16 ends at {limit:g}",
            fix='Save with dtype="float32"',
        )


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="a safetensors header must describe every byte exactly once",
        fix="Download or write the file again",
        where=name,
    )
