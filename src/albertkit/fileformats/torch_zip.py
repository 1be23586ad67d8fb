"""Read the files that torch saves: `pytorch_model.bin`, of 2016 or of today.

In: a file. Out: a lazy mapping name → float32 array; float32 tensors are views of the mapped file.
Since torch 1.6 it is a zip file: `data.pkl` pickles a dict of tensors, each of which names a
storage, a shape and strides; `data/0`, `data/1` … are the storages, stored as they are. Before, it
was four pickled objects one after another, the names of the storages, and then the storages.
Nothing is unpickled: `pickled.py` gives names and numbers as data.
Format: torch/serialization.py, torch/_utils.py (`_rebuild_tensor_v2`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.archives.zip_directory import STORED, is_zip, read_zip_directory
from albertkit.fileformats.floats import as_float32
from albertkit.fileformats.pickle_reader import Called, Named, Reference, Value, read_pickled
from albertkit.fileformats.reader import ByteReader, map_file
from albertkit.fileformats.tensors import BYTES_OF, Tensors, float_kind, is_shape

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
OBJECTS = "data.pkl"  # the member that the others lie beside

# The older form. Source: torch/serialization.py, MAGIC_NUMBER and PROTOCOL_VERSION.
MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
PICKLED, TAR = b"\x80\x02", b"ustar"

Keys: TypeAlias = dict[str, tuple[str, int]]  # storage → its type and how many numbers it has


@dataclass(frozen=True, slots=True)
class TorchTensor:
    """Where one tensor lies: numbers [offset, end) of its storage, with strides in numbers."""

    dtype: str
    storage: str
    offset: int
    end: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchFile(Tensors):
    """The tensors of one file of torch's."""

    def __init__(
        self, name: str, entries: Mapping[str, TorchTensor], storages: Mapping[str, memoryview]
    ) -> None:
        self.name = name
        self.entries = entries
        self._storages = storages

    def __getitem__(self, name: str) -> FloatArray:
        entry = self.entries[name]
        size = BYTES_OF[entry.dtype]
        span = self._storages[entry.storage][entry.offset * size : entry.end * size]
        numbers = as_float32(span, float_kind(entry.dtype, name, self.name))
        strides = [step * numbers.itemsize for step in entry.strides]
        return np.lib.stride_tricks.as_strided(numbers, entry.shape, strides, writeable=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """name → shape, without reading any tensor."""
        return {name: entry.shape for name, entry in self.entries.items()}


def read_torch(path: Path) -> TorchFile:
    """Check a whole file's names, shapes and bounds, and give its tensors.

    Raises InputError [file-not-found]; FormatError [file-truncated], [file-wrong-format],
    [file-malformed]; [file-with-code] for a file that pickles more than tensors.
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
        else f"this is no file of torch's: it begins with {bytes(data[:12])!r}",
        why="torch's files are zip files since version 1.6, and were pickled objects before",
        fix="Take the model's .safetensors file, or save this one again with a newer torch",
        where=name,
    )


def is_torch_zip(data: memoryview, name: str) -> bool:
    """Whether a zip file is one of torch's; raises as `read_zip_directory` does."""
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
            why=f"a file of torch's has a member {OBJECTS}",
            fix="Give the model's weights; an archive of a whole model is given by its own name",
            where=name,
        )
    root = objects.removesuffix(OBJECTS)
    for each in members.values():
        if each.method != STORED:
            raise _malformed(name, f"its member {each.name!r} is compressed")
    order = members.get(f"{root}byteorder")
    if order and bytes(data[order.start : order.end]) != b"little":
        raise _malformed(name, "its numbers are in big-endian order")
    within = members[objects]
    found = read_pickled(ByteReader(data[: within.end], name, within.start), EXPECTED)
    entries, keys = _tensors(found, name)
    storages = {}
    for key, (dtype, count) in keys.items():
        member = members.get(f"{root}data/{key}")
        if member is None or member.size != count * BYTES_OF[dtype]:
            size = "is not there" if member is None else f"has {member.size:,} bytes"
            raise _malformed(name, f"storage {key!r} of {count:,} {dtype} {size}")
        storages[key] = data[member.start : member.end]
    return TorchFile(name, entries, storages)


def _read_older(data: memoryview, name: str) -> TorchFile:
    reader = ByteReader(data, name)
    if read_pickled(reader, ()) != MAGIC or read_pickled(reader, ()) != VERSION:
        raise FormatError(
            "file-wrong-format",
            "these are pickled Python objects, but not as torch saves them",
            why=f"torch's begin with the number {MAGIC:#x}",
            fix="Give the model's weights",
            where=name,
        )
    system = read_pickled(reader, ())
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise _malformed(name, "its numbers are in big-endian order")
    entries, keys = _tensors(read_pickled(reader, EXPECTED), name)
    order = read_pickled(reader, ())
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(keys):
        raise _malformed(name, "its list of storages is not that of its tensors")
    storages = {}
    for key in map(str, order):
        dtype, count = keys[key]
        written = reader.take_u64("storages")
        if written != count:
            raise _malformed(name, f"storage {key!r} of {count:,} {dtype} has {written:,} numbers")
        storages[key] = reader.take(count * BYTES_OF[dtype], "storages")
    return TorchFile(name, entries, storages)


def _tensors(found: Value, name: str) -> tuple[dict[str, TorchTensor], Keys]:
    """Each tensor of a state_dict, and the storages that they need."""
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Called) for key, value in found.items()
    ):
        raise FormatError(
            "file-wrong-format",
            f"the file holds {_outline(found)}",
            why="a model's weights are a dict, name → tensor",
            fix="Save the model's state_dict alone, best as .safetensors",
            where=name,
        )
    entries, keys = {}, Keys()
    for key, value in found.items():
        entries[str(key)], size = _tensor(value, str(key), name)
        storage = entries[str(key)].storage
        if keys.setdefault(storage, size) != size:
            raise _malformed(name, f"storage {storage!r} is described in two ways")
    return entries, keys


def _outline(found: Value) -> str:
    """What a pickled object is, without walking into it."""
    if not isinstance(found, dict):
        return f"a {type(found).__name__}"
    kinds = [f"{key!r:.40} ({type(value).__name__})" for key, value in found.items()]
    return f"a dict of {', '.join(kinds[:4])}{' …' if len(kinds) > 4 else ''}"


def _tensor(value: Value, key: str, name: str) -> tuple[TorchTensor, tuple[str, int]]:
    """Check one tensor against its storage; returns it, and the storage's type and length."""
    if isinstance(value, Called) and value.what.name == PARAMETER and value.arguments:
        value = value.arguments[0]  # a parameter is a tensor, and whether it is trained
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
            sizes, steps = _counts(shape), _counts(strides)
        case _:
            raise _malformed(name, f"{key} is not made in one of the ways in which tensors are")
    # an axis of length 1 may have any stride: no step is taken along it
    steps = tuple(step if n > 1 else 0 for n, step in zip(sizes, steps, strict=True))
    numbers = math.prod(sizes)
    last = sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    end = offset + (last + 1 if numbers else 0)
    # more numbers than lie there: strides of 0 would repeat one without end
    sound = is_shape(sizes) and min(offset, *steps, 0) >= 0
    if not sound or end > count or numbers > end - offset:
        raise _malformed(
            name, f"{key} of shape {list(sizes)} does not lie within its storage of {count:,}"
        )
    return TorchTensor(STORAGES[kind], storage, offset, end, sizes, steps), (STORAGES[kind], count)


def _counts(found: tuple[Value, ...]) -> tuple[int, ...]:
    """Sizes or strides; -1, which none can be, stands for all else."""
    return tuple(n if isinstance(n, int) and n >= 0 else -1 for n in found)


def _malformed(name: str, what: str) -> FormatError:
    return FormatError(
        "file-malformed",
        what,
        why="torch writes no such file",
        fix="Download or write the file again",
        where=name,
    )
