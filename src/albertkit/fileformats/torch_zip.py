"""Read the files that torch saves (`pytorch_model.bin`), from torch 0.1 to today.

Since torch 1.6 they are zip files: `data.pkl` pickles a dict of tensors, each with a storage, a
shape and strides; the members `data/0`, `data/1` … are the storages, uncompressed. Before, they
were four pickled objects one after another, the names of the storages, and then the storages.
Nothing is unpickled: pickle_reader.py gives names and numbers as data. float32 tensors are views of
the mapped file.
Format: torch/serialization.py, torch/_utils.py (`_rebuild_tensor_v2`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.archives.zip_directory import STORED, is_zip, read_zip_directory
from albertkit.fileformats.pickle_reader import Called, Named, Reference, Value, read_pickled
from albertkit.fileformats.reader import ByteReader, format_error, map_file
from albertkit.fileformats.tensors import (
    BYTES_OF,
    Tensors,
    convert_to_float32,
    get_float_kind,
    is_shape,
)

STORAGES = MappingProxyType(
    {
        "torch.FloatStorage": "F32",
        "torch.HalfStorage": "F16",
        "torch.BFloat16Storage": "BF16",
        "torch.DoubleStorage": "F64",
        "torch.LongStorage": "I64",
        "torch.IntStorage": "I32",
        "torch.ShortStorage": "I16",
        "torch.CharStorage": "I8",
        "torch.ByteStorage": "U8",
        "torch.BoolStorage": "BOOL",
    }
)
REBUILT = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
PARAMETER = "torch._utils._rebuild_parameter"
EXPECTED = frozenset((*STORAGES, *REBUILT, PARAMETER))
OBJECTS = "data.pkl"  # the member with the dict of tensors
KIND = "a file that torch saved"

# The older form. Source: torch/serialization.py, MAGIC_NUMBER and PROTOCOL_VERSION.
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
PICKLED, TAR = b"\x80\x02", b"ustar"

StorageTypes: TypeAlias = dict[str, tuple[str, int]]  # storage → its type and count of numbers


@dataclass(frozen=True, slots=True)
class TorchTensor:
    """One tensor: numbers [offset, end) of its storage, with strides in numbers."""

    dtype: str
    storage: str
    offset: int
    end: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchFile(Tensors):
    """The tensors of one file that torch saved."""

    def __init__(
        self, name: str, entries: Mapping[str, TorchTensor], storages: Mapping[str, memoryview]
    ) -> None:
        """Keep what `read_torch` has checked."""
        self.name = name
        self.entries = entries
        self._storages = storages

    def __getitem__(self, name: str) -> FloatArray:
        """Read one tensor."""
        entry = self.entries[name]
        size = BYTES_OF[entry.dtype]
        span = self._storages[entry.storage][entry.offset * size : entry.end * size]
        numbers = convert_to_float32(span, get_float_kind(entry.dtype, name, self.name))
        strides = [step * numbers.itemsize for step in entry.strides]
        return np.lib.stride_tricks.as_strided(numbers, entry.shape, strides, writeable=False)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, without reading any."""
        return {name: entry.shape for name, entry in self.entries.items()}


def read_torch(path: Path) -> TorchFile:
    """Open a file and check all names, shapes and bounds.

    Args:
        path: The file.

    Returns:
        Its tensors.

    Raises:
        InputError: [file-not-found].
        FormatError: [file-truncated], [file-wrong-format], [file-malformed]; [file-with-code] if
            it pickles more than tensors.
    """
    data, name = map_file(path), str(path)
    if is_zip(data):
        return _read_zip(data, name)
    if bytes(data[:2]) == PICKLED:
        return _read_older(data, name)
    raise FormatError(
        "file-wrong-format",
        "this is a tar archive, as torch wrote it before 2017"
        if bytes(data[257:262]) == TAR
        else f"torch did not save this file: it begins with {bytes(data[:12])!r}",
        why="torch's files are zip files since version 1.6, and were pickled objects before",
        fix="Take the model's .safetensors file, or save this one again with a newer torch",
        where=name,
    )


def is_torch_zip(data: memoryview, name: str) -> bool:
    """Check whether torch saved this zip file; raises as `read_zip_directory` does."""
    return is_zip(data) and any(map(_is_objects, (m.name for m in read_zip_directory(data, name))))


def _is_objects(member: str) -> bool:
    return member.count("/") == 1 and member.endswith(f"/{OBJECTS}")


def _read_zip(data: memoryview, name: str) -> TorchFile:
    members = {member.name: member for member in read_zip_directory(data, name)}
    objects = next(filter(_is_objects, members), None)
    if objects is None:
        raise FormatError(
            "file-wrong-format",
            f"this zip archive holds {', '.join(list(members)[:3]) or 'nothing'}",
            why=f"{KIND} has a member {OBJECTS}",
            fix="Give the model's weights; for a model in an archive, give the archive's path",
            where=name,
        )
    root = objects.removesuffix(OBJECTS)
    for member in members.values():
        if member.method != STORED:
            raise _format_error(f"its member {member.name!r} is compressed", name)
    order = members.get(f"{root}byteorder")
    if order and bytes(data[order.start : order.end]) != b"little":
        raise _format_error("its numbers are big-endian", name)
    pickled = members[objects]
    reader = ByteReader(data[: pickled.end], name, pickled.start, kind=KIND)
    entries, types = _read_tensors(read_pickled(reader, EXPECTED), name)
    storages = {}
    for key, (dtype, count) in types.items():
        storage = members.get(f"{root}data/{key}")
        if storage is None or storage.size != count * BYTES_OF[dtype]:
            size = "is missing" if storage is None else f"has {storage.size:,} bytes"
            raise _format_error(f"storage {key!r} of {count:,} {dtype} {size}", name)
        storages[key] = data[storage.start : storage.end]
    return TorchFile(name, entries, storages)


def _read_older(data: memoryview, name: str) -> TorchFile:
    reader = ByteReader(data, name, kind=KIND)
    if read_pickled(reader, ()) != MAGIC or read_pickled(reader, ()) != PROTOCOL_VERSION:
        raise FormatError(
            "file-wrong-format",
            "this file holds pickled Python objects, but not as torch saves them",
            why=f"{KIND} begins with the number {MAGIC:#x}",
            fix="Give the model's weights",
            where=name,
        )
    system = read_pickled(reader, ())
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise _format_error("its numbers are big-endian", name)
    entries, types = _read_tensors(read_pickled(reader, EXPECTED), name)
    order = read_pickled(reader, ())
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(types):
        raise _format_error("its list of storages does not match its tensors", name)
    storages = {}
    for key in map(str, order):
        dtype, count = types[key]
        stored = reader.take_u64("storages")
        if stored != count:
            raise _format_error(
                f"storage {key!r} of {count:,} {dtype} has {stored:,} numbers", name
            )
        storages[key] = reader.take(count * BYTES_OF[dtype], "storages")
    return TorchFile(name, entries, storages)


def _read_tensors(state: Value, name: str) -> tuple[dict[str, TorchTensor], StorageTypes]:
    """Check the tensors of a state_dict, and the types of the storages that they need."""
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Called) for key, value in state.items()
    ):
        raise FormatError(
            "file-wrong-format",
            f"the file holds {_describe(state)}",
            why="a model's weights are a dict, name → tensor",
            fix="Save the model's state_dict alone, best as .safetensors",
            where=name,
        )
    entries, types = {}, StorageTypes()
    for key, value in state.items():
        entries[str(key)], own = _read_tensor(value, str(key), name)
        storage = entries[str(key)].storage
        if types.setdefault(storage, own) != own:
            raise _format_error(f"storage {storage!r} is described in two ways", name)
    return entries, types


def _describe(value: Value) -> str:
    """Describe a pickled object without walking through it."""
    if not isinstance(value, dict):
        return f"a {type(value).__name__}"
    kinds = [f"{key!r:.40} ({type(item).__name__})" for key, item in value.items()]
    return f"a dict of {', '.join(kinds[:4])}{' …' if len(kinds) > 4 else ''}"


def _read_tensor(value: Value, key: str, name: str) -> tuple[TorchTensor, tuple[str, int]]:
    """Check one tensor against its storage; return it and the storage's type and length."""
    if isinstance(value, Called) and value.what.name == PARAMETER and value.arguments:
        value = value.arguments[0]  # a parameter is a tensor and a flag
    match value:
        case Called(
            Named(how),
            (
                Reference(("storage", Named(kind), str(storage), _, int(count), *view)),
                int(offset),
                tuple(shape),
                tuple(strides),
                *_,
            ),
        ) if how in REBUILT and kind in STORAGES and not any(view) and len(shape) == len(strides):
            sizes, steps = _read_counts(shape), _read_counts(strides)
        case _:
            raise _format_error(f"{key} is not pickled as a tensor", name)
    # an axis of length 1 may have any stride: no step is taken along it
    steps = tuple(step if n > 1 else 0 for n, step in zip(sizes, steps, strict=True))
    numbers = math.prod(sizes)
    last = sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    end = offset + (last + 1 if numbers else 0)
    # strides of 0 would repeat one number without end
    is_valid = is_shape(sizes) and min(offset, *steps, 0) >= 0
    if not is_valid or end > count or numbers > end - offset:
        raise _format_error(
            f"{key} of shape {list(sizes)} is not within its storage of {count:,}", name
        )
    return TorchTensor(STORAGES[kind], storage, offset, end, sizes, steps), (STORAGES[kind], count)


def _read_counts(values: tuple[Value, ...]) -> tuple[int, ...]:
    """Read sizes or strides; anything else becomes -1."""
    return tuple(n if isinstance(n, int) and n >= 0 else -1 for n in values)


def _format_error(what: str, name: str) -> FormatError:
    return format_error(what, why=f"this is not valid in {KIND}", where=name)
