"""TensorFlow's tensor bundles: `PREFIX.index` says where in `PREFIX.data-…` each tensor lies.

In: a prefix. Out: a lazy mapping name → float32 array, and by name the tensors of other kinds
(numbers, strings); float32 tensors are views of the mapped file. A tensor's checksum is looked
at when the tensor is first read. And back: float32 arrays become a bundle of one shard, byte by
byte as TensorFlow writes it. Checkpoints of TensorFlow 1 and 2 and the variables of a SavedModel
are such bundles.
Format: tensorflow/core/protobuf/tensor_bundle.proto, messages BundleHeaderProto, BundleEntryProto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.floats import LAYOUTS, FloatKind, as_float32
from albertkit.fileformats.protobuf.encoding import whole
from albertkit.fileformats.protobuf.messages import FIXED32, Message, Wire, record, varint
from albertkit.fileformats.reader import map_file
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.fileformats.tensorflow.sstable import check, ends_as_sstable, read_sstable, sstable
from albertkit.fileformats.tensors import Tensors, is_shape

INDEX_ENDING = ".index"
HEADER = b""  # the key under which the header stands
SLICE = b"\0"  # how the key of a variable's slice begins: its name and extents follow, packed
KIND = "the index of a tensor bundle"
ONE_SHARD = bytes.fromhex("08011a020801")  # the header: one shard, version 1

FLOAT32, STRING = 1, 7
# TensorFlow's number of a type → how its bytes lie.
# Source: tensorflow/core/framework/types.proto
FLOATS: Mapping[int, FloatKind] = MappingProxyType(
    {1: "float32", 2: "float64", 14: "bfloat16", 19: "float16"}
)
WHOLE_NUMBERS = MappingProxyType(
    {3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 17: "<u2", 22: "<u4", 23: "<u8"}
)
BYTES_OF = MappingProxyType(
    {
        **{number: np.dtype(LAYOUTS[kind]).itemsize for number, kind in FLOATS.items()},
        **{number: np.dtype(layout).itemsize for number, layout in WHOLE_NUMBERS.items()},
    }
)


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """Where one tensor lies: `size` bytes of shard number `shard`, from `offset` on."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int  # masked

    @property
    def kind(self) -> str:
        """The type's name, as messages say it."""
        if self.dtype in WHOLE_NUMBERS:
            return np.dtype(WHOLE_NUMBERS[self.dtype]).name
        names = {**FLOATS, STRING: "string"}
        return names.get(self.dtype, f"number {self.dtype}")


class TensorBundle(Tensors):
    """The tensors of one bundle, name → float32 array, read when asked for.

    Arrays cannot be written to. `bundle[name]` raises FormatError [file-wrong-format] for a tensor
    that is not of floats, [checksum-mismatch] for one whose bytes were changed; so do `numbers`
    and `strings`.
    """

    def __init__(
        self, name: str, entries: Mapping[str, BundleEntry], shards: Mapping[int, memoryview]
    ) -> None:
        self.name = name
        self.entries = entries
        self._shards = shards
        self._checked: set[str] = set()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """name → shape of every tensor, whatever its kind, without reading any."""
        return {name: entry.shape for name, entry in self.entries.items()}

    def __getitem__(self, name: str) -> FloatArray:
        self.check_that_floats(name)
        entry = self.entries[name]
        return as_float32(self._checked_bytes(name), FLOATS[entry.dtype]).reshape(entry.shape)

    def check_that_floats(self, name: str) -> None:
        """Raise FormatError [file-wrong-format] for a tensor that is not of floats."""
        if self.entries[name].dtype not in FLOATS:
            raise self._not_of(name, "weights are floats")

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def numbers(self, name: str) -> npt.NDArray[np.generic]:
        """A tensor of whole numbers or truth values, of the type that the file gives it."""
        entry = self.entries[name]
        if entry.dtype not in WHOLE_NUMBERS:
            raise self._not_of(name, "whole numbers were expected")
        data = self._checked_bytes(name)
        return np.frombuffer(data, WHOLE_NUMBERS[entry.dtype]).reshape(entry.shape)

    def strings(self, name: str) -> tuple[bytes, ...]:
        """A tensor of strings, in row-major order.

        Layout: the length of each, as a varint; a checksum of the lengths; the strings.
        """
        entry = self.entries[name]
        if entry.dtype != STRING:
            raise self._not_of(name, "strings were expected")
        data = self._bytes(entry)
        wire = Wire(bytes(data), self.name, KIND)
        lengths = [wire.varint() for _ in range(math.prod(entry.shape))]
        words = b"".join(n.to_bytes(4 if n < 2**32 else 8, "little") for n in lengths)
        checksum = bytes(wire.take(4))
        texts = bytes(wire.take(len(data) - wire.at))
        where = f"{self.name}, {name}"
        check(words, int.from_bytes(checksum, "little"), "the lengths of its strings", where)
        check(words + checksum + texts, entry.checksum, "its strings", where)
        if sum(lengths) != len(texts):
            raise _malformed(where, f"strings of {sum(lengths)} bytes lie in {len(texts)} bytes")
        ends = np.cumsum(lengths).tolist()
        return tuple(texts[end - length : end] for end, length in zip(ends, lengths, strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _bytes(self, entry: BundleEntry) -> memoryview:
        shard = self._shards.get(entry.shard, memoryview(b""))
        return shard[entry.offset : entry.offset + entry.size]

    def _checked_bytes(self, name: str) -> memoryview:
        entry = self.entries[name]
        data = self._bytes(entry)
        if name not in self._checked:
            check(data, entry.checksum, f"{name}'s data", self.name)
            self._checked.add(name)
        return data

    def _not_of(self, name: str, why: str) -> FormatError:
        return FormatError(
            "file-wrong-format",
            f"{name} is of type {self.entries[name].kind}",
            why=why,
            fix="Give a checkpoint that holds it so",
            where=self.name,
        )


def bundle_prefixes(folder: Path) -> tuple[str, ...]:
    """The prefixes in a folder that have an index of TensorFlow's kind, or data.

    Other programs call files `.index` too. A cut index with its data beside it is meant here.
    """
    found = sorted(path.name.removesuffix(INDEX_ENDING) for path in folder.glob(f"*{INDEX_ENDING}"))
    shards = [path.name for path in folder.glob("*.data-*-of-*")]
    return tuple(
        name
        for name in found
        if any(shard.startswith(f"{name}.data-") for shard in shards)
        or _ends_as_index(_index_path(folder / name))
    )


def _ends_as_index(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0 and ends_as_sstable(map_file(path))


def read_bundle(prefix: Path) -> TensorBundle:
    """Open the bundle of a prefix (`model.ckpt-best`, `variables/variables`).

    Raises InputError [file-not-found]; FormatError [file-truncated], [file-wrong-format],
    [file-malformed], [checksum-mismatch], [compression-unknown], [checkpoint-shards-broken].
    """
    index = _index_path(prefix)
    name = str(index)
    if not index.is_file():
        raise InputError(
            "file-not-found",
            f"there is no file {name!r}",
            why="it says where in the data each tensor lies",
            fix="Download or copy that file too",
        )
    pairs = dict(read_sstable(map_file(index), name))
    header = pairs.pop(HEADER, None)
    if header is None:
        raise _malformed(name, "there is no header, whose key is empty")
    count = _shard_count(Message(header, name, KIND), name)
    # the names first, so that a variable in slices is refused by its own
    keys = sorted(pairs, key=lambda key: (key.startswith(SLICE), key))
    entries = dict(_entry(key, pairs[key], count, name) for key in keys)
    # a shard of empty tensors alone is an empty file, which cannot be mapped
    numbers = sorted({entry.shard for entry in entries.values() if entry.size})
    shards = {number: _map_shard(prefix, number, count) for number in numbers}
    for number, data in shards.items():
        own = {key: entry for key, entry in entries.items() if entry.shard == number}
        _check_places(own, len(data), str(_shard_path(prefix, number, count)))
    return TensorBundle(str(prefix), MappingProxyType(entries), shards)


def write_bundle(prefix: Path, arrays: Mapping[str, FloatArray]) -> None:
    """Write float32 arrays as the bundle of a prefix, with one of them in memory at a time.

    The index is written last: without it there is no bundle. The write is not atomic. The
    outermost caller uses `atomic.new_directory`.

    Raises:
        OSError: a file could not be written.
    """
    pairs = [(HEADER, ONE_SHARD)]
    offset = 0
    with _shard_path(prefix, 0, 1).open("wb") as file:
        for name in sorted(arrays, key=str.encode):
            array = np.asarray(arrays[name], "<f4")
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            file.write(data)
            entry = BundleEntry(
                FLOAT32, array.shape, 0, offset, len(data), mask_checksum(crc32c(data))
            )
            pairs.append((name.encode(), _packed(entry)))
            offset += len(data)
    _index_path(prefix).write_bytes(sstable(pairs))


def _packed(entry: BundleEntry) -> bytes:
    """A tensor's record; as in protobuf, what is zero is left out."""
    dims = b"".join(record(2, _number(1, dim)) for dim in entry.shape)
    return (
        _number(1, entry.dtype)
        + record(2, dims)
        + _number(3, entry.shard)
        + _number(4, entry.offset)
        + _number(5, entry.size)
        + varint(6 << 3 | FIXED32)
        + entry.checksum.to_bytes(4, "little")
    )


def _number(field: int, value: int) -> bytes:
    return whole(field, value) if value else b""


def _shard_count(header: Message, name: str) -> int:
    if header.count(2) != 0:
        raise FormatError(
            "file-wrong-format",
            "the tensors lie with their highest byte first",
            why="only files of machines that put the lowest byte first are read",
            fix="Save the checkpoint on such a machine",
            where=name,
        )
    return header.count(1)


def _entry(key: bytes, value: bytes, shards: int, name: str) -> tuple[str, BundleEntry]:
    """Check one tensor's own record: kind, shard, shape × size = bytes."""
    try:
        called = key.decode()
    except UnicodeDecodeError as error:
        raise _malformed(name, f"the tensor name {key!r} is not UTF-8") from error
    # dtype 1, shape 2 (dims 2, of each the size 1), shard 3, offset 4, size 5, crc32c 6, slices 7
    found = Message(value, name, KIND)
    if 7 in found:
        raise FormatError(
            "file-wrong-format",
            f"{called} is a partitioned variable, stored in slices",
            why="no ALBERT was published so, and only whole tensors are read",
            fix="Save the checkpoint without a partitioner",
            where=name,
        )
    dims = tuple(dim.signed(1) for dim in found.message(2).messages(2))
    entry = BundleEntry(
        found.count(1),
        dims,
        found.count(3),
        found.count(4),
        found.count(5),
        int.from_bytes(found.record(6), "little"),
    )
    if not is_shape(dims) or entry.shard >= shards:
        raise _malformed(
            name, f"{called} has the shape {list(dims[:8])}, in shard {entry.shard} of {shards}"
        )
    needed = math.prod(dims) * BYTES_OF.get(entry.dtype, 0)
    if entry.dtype in BYTES_OF and needed != entry.size:
        raise _malformed(
            name,
            f"{called} has {entry.size} bytes, {list(dims)} of {entry.kind} needs {needed}",
        )
    if entry.dtype == STRING and math.prod(dims) > entry.size:
        raise _malformed(name, f"{called} has {entry.size} bytes for {math.prod(dims)} strings")
    return called, entry


def _check_places(entries: Mapping[str, BundleEntry], length: int, name: str) -> None:
    """Each tensor lies inside its shard, and no byte is used twice.

    Gaps are allowed: a writer may align its tensors.
    """
    end = 0
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].offset, item[1].size)):
        if entry.offset < end:
            raise _malformed(name, f"{key} begins at byte {entry.offset}, inside another tensor")
        end = entry.offset + entry.size
        if end > length:
            raise FormatError(
                "file-truncated",
                f"the file ends {end - length:,} bytes before {key} does",
                why=f"it has {length:,} bytes, and its index promises that tensor",
                fix="Copy or download it again",
                where=name,
            )


def _index_path(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + INDEX_ENDING)


def _shard_path(prefix: Path, number: int, count: int) -> Path:
    return prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{count:05d}")


def _map_shard(prefix: Path, number: int, count: int) -> memoryview:
    path = _shard_path(prefix, number, count)
    if not path.is_file():
        raise FormatError(
            "checkpoint-shards-broken",
            f"there is no {path.name!r} beside it",
            why="the tensors lie there, the index only says where",
            fix="Download or copy that file too",
            where=str(_index_path(prefix)),
        )
    return map_file(path)


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why=f"{KIND} never says so",
        fix="Copy or download the file again",
        where=name,
    )
