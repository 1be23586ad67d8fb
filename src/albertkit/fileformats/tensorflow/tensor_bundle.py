"""Read and write TensorFlow's tensor bundles: checkpoints, and the variables of SavedModels.

`PREFIX.index` gives the shard and offset of each tensor, the shards `PREFIX.data-…` its bytes.
Reading is lazy: float32 tensors are views of the mapped file, and a tensor's checksum is compared
when the tensor is first read. Writing makes one shard, with the same bytes as TensorFlow.
Format: tensorflow/core/protobuf/tensor_bundle.proto, messages BundleHeaderProto, BundleEntryProto.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.protobuf import (
    FIXED32,
    Message,
    encode_int,
    encode_record,
    encode_varint,
)
from albertkit.fileformats.reader import ByteReader, format_error, map_file
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.sstable import (
    check_checksum,
    encode_sstable,
    has_sstable_ending,
    read_sstable,
)
from albertkit.fileformats.tensors import LAYOUTS, FloatKind, Tensors, convert_to_float32, is_shape

INDEX_SUFFIX = ".index"
HEADER = b""  # the header's key
SLICE = b"\0"  # how the key of a variable's slice begins: its name and extents follow, packed
KIND = "the index of a tensor bundle"
ONE_SHARD = bytes.fromhex("08011a020801")  # the header: one shard, version 1

FLOAT32, STRING = 1, 7
# TensorFlow's number of a type → its layout. Source: tensorflow/core/framework/types.proto
FLOATS: Mapping[int, FloatKind] = MappingProxyType(
    {1: "float32", 2: "float64", 14: "bfloat16", 19: "float16"}
)
WHOLE_NUMBERS: Mapping[int, str] = MappingProxyType(
    {3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 17: "<u2", 22: "<u4", 23: "<u8"}
)
BYTES_OF: Mapping[int, int] = MappingProxyType(
    {
        **{number: np.dtype(LAYOUTS[kind]).itemsize for number, kind in FLOATS.items()},
        **{number: np.dtype(layout).itemsize for number, layout in WHOLE_NUMBERS.items()},
    }
)


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """The location of one tensor: `size` bytes of shard number `shard`, from `offset` on."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int  # masked

    @property
    def kind(self) -> str:
        """The type's name, for messages."""
        if self.dtype in WHOLE_NUMBERS:
            return np.dtype(WHOLE_NUMBERS[self.dtype]).name
        names = {**FLOATS, STRING: "string"}
        return names.get(self.dtype, f"number {self.dtype}")


class TensorBundle(Tensors):
    """The tensors of one bundle, name → read-only float32 array, read on access.

    Access raises FormatError [file-wrong-format] for a tensor of another type and
    [checksum-mismatch] for changed bytes; so do `numbers` and `strings`.
    """

    def __init__(
        self, name: str, entries: Mapping[str, BundleEntry], shards: Mapping[int, memoryview]
    ) -> None:
        """Keep what `read_bundle` has checked."""
        self.name = name
        self.entries = entries
        self._shards = shards
        self._checked: set[str] = set()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, whatever its type, without reading any."""
        return {name: entry.shape for name, entry in self.entries.items()}

    def __getitem__(self, name: str) -> FloatArray:
        """Read one tensor."""
        self.check_float(name)
        entry = self.entries[name]
        return convert_to_float32(self._read_checked(name), FLOATS[entry.dtype]).reshape(
            entry.shape
        )

    def check_float(self, name: str) -> None:
        """Raise FormatError [file-wrong-format] for a tensor that does not hold floats."""
        if self.entries[name].dtype not in FLOATS:
            raise self._wrong_type(name, "weights are floats")

    def numbers(self, name: str) -> npt.NDArray[np.generic]:
        """Read a tensor of whole numbers or truth values, in its own type."""
        entry = self.entries[name]
        if entry.dtype not in WHOLE_NUMBERS:
            raise self._wrong_type(name, "whole numbers were expected")
        data = self._read_checked(name)
        return np.frombuffer(data, WHOLE_NUMBERS[entry.dtype]).reshape(entry.shape)

    def strings(self, name: str) -> tuple[bytes, ...]:
        """Read a tensor of strings, in row-major order.

        Layout: the length of each, as a varint; a checksum of the lengths; the strings.
        """
        entry = self.entries[name]
        if entry.dtype != STRING:
            raise self._wrong_type(name, "strings were expected")
        reader = ByteReader(self._bytes(entry), self.name, kind=KIND)
        lengths = [reader.take_varint() for _ in range(math.prod(entry.shape))]
        words = b"".join(n.to_bytes(4 if n < 2**32 else 8, "little") for n in lengths)
        checksum = bytes(reader.take(4))
        texts = bytes(reader.take(reader.remaining))
        where = f"{self.name}, {name}"
        check_checksum(
            words, int.from_bytes(checksum, "little"), "the lengths of its strings", where
        )
        check_checksum(words + checksum + texts, entry.checksum, "its strings", where)
        if sum(lengths) != len(texts):
            raise _format_error(f"strings of {sum(lengths)} bytes are in {len(texts)} bytes", where)
        ends = np.cumsum(lengths).tolist()
        return tuple(texts[end - length : end] for end, length in zip(ends, lengths, strict=True))

    def _bytes(self, entry: BundleEntry) -> memoryview:
        shard = self._shards.get(entry.shard, memoryview(b""))
        return shard[entry.offset : entry.offset + entry.size]

    def _read_checked(self, name: str) -> memoryview:
        """Return a tensor's bytes, compared with their checksum at the first access."""
        entry = self.entries[name]
        data = self._bytes(entry)
        if name not in self._checked:
            check_checksum(data, entry.checksum, f"{name}'s data", self.name)
            self._checked.add(name)
        return data

    def _wrong_type(self, name: str, why: str) -> FormatError:
        return FormatError(
            "file-wrong-format",
            f"{name} is of type {self.entries[name].kind}",
            why=why,
            fix="Give a checkpoint that stores it so",
            where=self.name,
        )


def find_bundle_prefixes(directory: Path) -> tuple[str, ...]:
    """Find the bundles of a directory.

    An index counts if it ends as a table or if there is data with its prefix: other programs also
    write files called `.index`, and a damaged index must not be overlooked.

    Args:
        directory: Not searched recursively.

    Returns:
        The prefixes without the directory, sorted.
    """
    indexes = directory.glob(f"*{INDEX_SUFFIX}")
    prefixes = sorted(path.name.removesuffix(INDEX_SUFFIX) for path in indexes)
    shards = [path.name for path in directory.glob("*.data-*-of-*")]
    return tuple(
        name
        for name in prefixes
        if any(shard.startswith(f"{name}.data-") for shard in shards)
        or _has_index_ending(_index_path(directory / name))
    )


def _has_index_ending(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0 and has_sstable_ending(map_file(path))


def read_bundle(prefix: Path) -> TensorBundle:
    """Open a bundle and check its index.

    Args:
        prefix: The path without `.index`: `model.ckpt-best`, `variables/variables`.

    Returns:
        The tensors.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-truncated], [file-wrong-format], [file-malformed], [checksum-mismatch],
            [compression-unknown], [checkpoint-shards-broken].
    """
    index = _index_path(prefix)
    name = str(index)
    if not index.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {name!r}",
            why="it gives the offset of each tensor in the data",
            fix="Download or copy that file too",
        )
    pairs = dict(read_sstable(map_file(index), name))
    header = pairs.pop(HEADER, None)
    if header is None:
        raise _format_error("the header (the entry with an empty key) is missing", name)
    count = _read_shard_count(Message(header, name, KIND), name)
    # slices last: a partitioned variable is then refused by its name
    keys = sorted(pairs, key=lambda key: (key.startswith(SLICE), key))
    entries = dict(_read_entry(key, pairs[key], count, name) for key in keys)
    # a shard of empty tensors alone is an empty file, which cannot be mapped
    numbers = sorted({entry.shard for entry in entries.values() if entry.size})
    shards = {number: _map_shard(prefix, number, count) for number in numbers}
    for number, data in shards.items():
        own = {key: entry for key, entry in entries.items() if entry.shard == number}
        _check_offsets(own, len(data), str(_make_shard_path(prefix, number, count)))
    return TensorBundle(str(prefix), MappingProxyType(entries), shards)


def write_bundle(prefix: Path, arrays: Mapping[str, FloatArray]) -> None:
    """Write float32 arrays as a bundle of one shard, with one of them in memory at a time.

    The write is not atomic: the outermost caller uses `atomic.create_directory`.

    Args:
        prefix: The path without `.index`. The index is written last: without it there is no bundle.
        arrays: They are asked for one at a time, so that lazy ones stay lazy.

    Raises:
        OSError: A file could not be written.
    """
    pairs = [(HEADER, ONE_SHARD)]
    offset = 0
    with _make_shard_path(prefix, 0, 1).open("wb") as file:
        for name in sorted(arrays, key=str.encode):
            array = np.asarray(arrays[name], "<f4")
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            file.write(data)
            checksum = mask_checksum(crc32c(data))
            entry = BundleEntry(FLOAT32, array.shape, 0, offset, len(data), checksum)
            pairs.append((name.encode(), _encode_entry(entry)))
            offset += len(data)
    _index_path(prefix).write_bytes(encode_sstable(pairs))


def _encode_entry(entry: BundleEntry) -> bytes:
    """Write a tensor's record; as in protobuf, zeros are left out."""
    dims = b"".join(encode_record(2, _encode_number(1, dim)) for dim in entry.shape)
    return (
        _encode_number(1, entry.dtype)
        + encode_record(2, dims)
        + _encode_number(3, entry.shard)
        + _encode_number(4, entry.offset)
        + _encode_number(5, entry.size)
        + encode_varint(6 << 3 | FIXED32)
        + entry.checksum.to_bytes(4, "little")
    )


def _encode_number(field: int, value: int) -> bytes:
    return encode_int(field, value) if value else b""


def _read_shard_count(header: Message, name: str) -> int:
    if header.count(2) != 0:
        raise FormatError(
            "file-wrong-format",
            "the tensors are big-endian",
            why="only little-endian files are read",
            fix="Save the checkpoint on a little-endian machine",
            where=name,
        )
    return header.count(1)


def _read_entry(key: bytes, value: bytes, shards: int, name: str) -> tuple[str, BundleEntry]:
    """Check one tensor's record: type, shard, shape × size = bytes."""
    try:
        tensor = key.decode()
    except UnicodeDecodeError as error:
        raise _format_error(f"the tensor name {key!r} is not UTF-8", name) from error
    # dtype 1, shape 2 (dims 2, of each the size 1), shard 3, offset 4, size 5, crc32c 6, slices 7
    message = Message(value, name, KIND)
    if 7 in message:
        raise FormatError(
            "file-wrong-format",
            f"{tensor} is a partitioned variable, stored in slices",
            why="only whole tensors are read; no known ALBERT was published in slices",
            fix="Save the checkpoint without a partitioner",
            where=name,
        )
    dims = tuple(dim.int64(1) for dim in message.message(2).messages(2))
    entry = BundleEntry(
        message.count(1),
        dims,
        message.count(3),
        message.count(4),
        message.count(5),
        int.from_bytes(message.record(6), "little"),
    )
    if not is_shape(dims) or entry.shard >= shards:
        raise _format_error(
            f"{tensor} has the shape {list(dims[:8])}, in shard {entry.shard} of {shards}", name
        )
    needed = math.prod(dims) * BYTES_OF.get(entry.dtype, 0)
    if entry.dtype in BYTES_OF and needed != entry.size:
        raise _format_error(
            f"{tensor} has {entry.size} bytes, {list(dims)} of {entry.kind} needs {needed}", name
        )
    if entry.dtype == STRING and math.prod(dims) > entry.size:
        raise _format_error(f"{tensor} has {entry.size} bytes for {math.prod(dims)} strings", name)
    return tensor, entry


def _check_offsets(entries: Mapping[str, BundleEntry], length: int, name: str) -> None:
    """Check that each tensor is inside its shard and that no byte is used twice.

    Gaps are allowed: a writer may align its tensors.
    """
    end = 0
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].offset, item[1].size)):
        if entry.offset < end:
            raise _format_error(f"{key} begins at byte {entry.offset}, inside another tensor", name)
        end = entry.offset + entry.size
        if end > length:
            raise FormatError(
                "file-truncated",
                f"the file ends {end - length:,} bytes before {key} does",
                why=f"it has {length:,} bytes",
                fix="Copy or download it again",
                where=name,
            )


def _index_path(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + INDEX_SUFFIX)


def _make_shard_path(prefix: Path, number: int, count: int) -> Path:
    return prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{count:05d}")


def _map_shard(prefix: Path, number: int, count: int) -> memoryview:
    path = _make_shard_path(prefix, number, count)
    if not path.is_file():
        raise FormatError(
            "checkpoint-shards-broken",
            f"there is no {path.name!r} in the same directory",
            why="it holds the tensors that the index lists",
            fix="Download or copy that file too",
            where=str(_index_path(prefix)),
        )
    return map_file(path)


def _format_error(what: str, name: str) -> FormatError:
    return format_error(what, why=f"this is not valid in {KIND}", where=name)
