"""Read and write safetensors files: a header of JSON, then the bytes of the tensors.

float32 tensors are views of the mapped file; float16, bfloat16 and float64 tensors are converted
on access.
Format: https://huggingface.co/docs/safetensors (8 bytes header length, JSON, data).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import (
    ByteReader,
    JsonValue,
    format_error,
    map_file,
    parse_json,
)
from albertkit.fileformats.tensors import (
    BYTES_OF,
    Tensors,
    convert_to_float32,
    get_float_kind,
    is_shape,
)

SavedDtype = Literal["float32", "float16"]

HEADER_CAP = 100_000_000  # Source: safetensors/src/tensor.rs, MAX_HEADER_SIZE
METADATA = "__metadata__"
# Other formats of weights, by their first bytes.
OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive, as torch's .bin and .pt files are"),
    (b"\x80", "a file of Python objects, as torch's older .bin and .pt files are"),
    (b"\x89HDF", "an HDF5 file, as Keras writes it"),
    (b"\x1f\x8b", "a gzip archive"),
)
SAVED = MappingProxyType({"float32": ("F32", "<f4"), "float16": ("F16", "<f2")})


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor: bytes [start, end) of the file."""

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
        """Keep what `read_safetensors` has checked."""
        self.name = name
        self.entries = entries
        self.metadata = metadata
        self._data = data

    def __getitem__(self, name: str) -> FloatArray:
        """Read one tensor."""
        entry = self.entries[name]
        kind = get_float_kind(entry.dtype, name, self.name)
        return convert_to_float32(self._data[entry.start : entry.end], kind).reshape(entry.shape)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, without reading any."""
        return {name: entry.shape for name, entry in self.entries.items()}


def read_safetensors(path: Path) -> TensorFile:
    """Open a file and check its whole header.

    Args:
        path: The file.

    Returns:
        Its tensors and metadata.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-truncated], [file-wrong-format], [file-malformed], [json-malformed].
    """
    data, name = map_file(path), str(path)
    reader = ByteReader(data, name)
    length = reader.take_u64("header length")
    _refuse_other_formats(data, name)
    if length > HEADER_CAP:
        raise FormatError(
            "file-wrong-format",
            f"the first eight bytes announce a header of {length:,} bytes",
            why=f"safetensors allows {HEADER_CAP:,}: this is a file of another format",
            fix="Give a .safetensors file",
            where=name,
        )
    header = parse_json(bytes(reader.take(length, "header")), name)
    metadata = _read_metadata(header.pop(METADATA, {}), name)
    entries = {key: _read_entry(key, value, reader, name) for key, value in header.items()}
    _check_coverage(entries, reader.offset, len(data), name)
    return TensorFile(name, data, MappingProxyType(entries), MappingProxyType(metadata))


def write_safetensors(
    path: Path,
    arrays: Mapping[str, FloatArray],
    *,
    dtype: SavedDtype = "float32",
    metadata: Mapping[str, str] = MappingProxyType({"format": "pt"}),
) -> None:
    """Write arrays, with one of them in memory at a time.

    The write is not atomic: the outermost caller uses `atomic.create_directory`.

    Args:
        path: The file.
        arrays: They are asked for one at a time, so that lazy ones stay lazy.
        dtype: How they are stored.
        metadata: Texts; transformers requires `{"format": "pt"}`.

    Raises:
        InputError: [float16-overflow], before anything is written.
        OSError: The file could not be written.
    """
    code, layout = SAVED[dtype]
    header: dict[str, object] = {METADATA: dict(metadata)}
    end = 0
    for name, array in arrays.items():
        _check_range(name, array, dtype)
        start, end = end, end + array.size * BYTES_OF[code]
        header[name] = {"dtype": code, "shape": array.shape, "data_offsets": (start, end)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # aligns the tensors
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, dtype=layout).data)


def _refuse_other_formats(data: memoryview, name: str) -> None:
    """Check that a brace follows the header's length, and name the format if none does."""
    if bytes(data[8:9]) in (b"{", b""):
        return
    prefix = bytes(data[:12])
    formats = (name for first, name in OTHER_FORMATS if prefix.startswith(first))
    raise FormatError(
        "file-wrong-format",
        f"this is {next(formats, f'not a safetensors file: it begins with {prefix!r}')}",
        why="weights are read from safetensors files, which cannot contain code",
        fix="Download the model's .safetensors file, or convert this one if you trust it",
        where=name,
    )


def _read_metadata(value: JsonValue, name: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _format_error(f"{METADATA} is not an object", name)
    for key, text in value.items():
        if not isinstance(text, str):
            raise _format_error(f"{METADATA}[{key!r}] is {text!r}, not a text", name)
    return {key: str(text) for key, text in value.items()}


def _read_entry(key: str, value: JsonValue, reader: ByteReader, name: str) -> TensorEntry:
    """Check one tensor's row of the header: type, bounds, shape × size = bytes."""
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise _format_error(f"{key} does not have exactly dtype, shape and data_offsets", name)
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES_OF:
        raise _format_error(f"{key} has the unknown dtype {dtype!r}", name)
    sizes, (start, end) = _read_counts(shape, key, name), _read_span(offsets, key, name)
    if not is_shape(sizes) or end - start != math.prod(sizes) * BYTES_OF[dtype]:
        raise _format_error(
            f"{key} has {end - start} bytes, its shape {list(sizes)} in {dtype} needs others", name
        )
    if end > reader.remaining:
        raise FormatError(
            "file-truncated",
            f"the file ends {end - reader.remaining:,} bytes before {key} does",
            why="its header promises that tensor",
            fix="Download or copy it again",
            where=name,
        )
    return TensorEntry(dtype, sizes, reader.offset + start, reader.offset + end)


def _read_span(value: JsonValue, key: str, name: str) -> tuple[int, int]:
    offsets = _read_counts(value, key, name)
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _format_error(f"{key} has the data_offsets {list(offsets)}", name)
    return offsets[0], offsets[1]


def _read_counts(value: JsonValue, key: str, name: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise _format_error(f"{key} has {value!r} where a list of numbers should be", name)
    numbers = [n for n in value if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
    if len(numbers) != len(value):
        raise _format_error(f"{key} has {value!r} where whole numbers should be", name)
    return tuple(numbers)


def _check_coverage(entries: Mapping[str, TensorEntry], first: int, last: int, name: str) -> None:
    """Check that the tensors cover every byte once: nothing overlaps, nothing is hidden."""
    offset = first
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != offset:
            raise _format_error(f"{key} begins at byte {entry.start}, expected was {offset}", name)
        offset = entry.end
    if offset != last:
        raise _format_error(f"{last - offset:,} bytes at its end belong to no tensor", name)


def _check_range(name: str, array: FloatArray, dtype: SavedDtype) -> None:
    """Refuse numbers that float16 cannot hold."""
    limit = float(np.finfo(dtype).max)
    if dtype == "float32" or not array.size:
        return
    largest = float(np.max(np.abs(array)))
    if largest > limit:
        raise InputError(
            "float16-overflow",
            f"{name} has a value of magnitude {largest:g}",
            why=f"the largest float16 is {limit:g}",
            fix='Save with dtype="float32"',
        )


def _format_error(what: str, name: str) -> FormatError:
    why = "a safetensors header must describe every byte exactly once"
    return format_error(what, why=why, where=name)
