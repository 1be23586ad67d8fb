"""What the readers of weight files share: tensors by name, given as float32 arrays."""

from __future__ import annotations

import math
import mmap
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError

FloatKind = Literal["float16", "bfloat16", "float32", "float64"]

LAYOUTS: Mapping[str, str] = MappingProxyType(
    {"float16": "<f2", "bfloat16": "<u2", "float32": "<f4", "float64": "<f8"}
)
# Bytes of each number type, by the names that safetensors gives the types.
BYTES_OF: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
        **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
        **dict.fromkeys(("I32", "U32", "F32"), 4),
        **dict.fromkeys(("I64", "U64", "F64"), 8),
    }
)
FLOATS: Mapping[str, FloatKind] = MappingProxyType(
    {"F32": "float32", "F16": "float16", "F64": "float64", "BF16": "bfloat16"}
)
MOST_AXES, MOST_NUMBERS = 32, 2**48  # numpy makes no larger array, not even an empty one


class Tensors(Mapping[str, FloatArray]):
    """The tensors of checked files, name → read-only float32 array, read on access.

    Access to a tensor of another type raises FormatError [file-wrong-format].
    """

    @property
    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor, without reading any."""

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of the file."""
        return iter(self.shapes)

    def __len__(self) -> int:
        """Count the tensors."""
        return len(self.shapes)

    def __contains__(self, name: object) -> bool:
        """Check a name; a Mapping would read the tensor for that."""
        return name in self.shapes


def convert_to_float32(data: memoryview, kind: FloatKind) -> FloatArray:
    """Read floats as float32.

    Args:
        data: Little-endian numbers, one after another.
        kind: Their type; float64 is rounded.

    Returns:
        [numbers] A view of the bytes if they are float32 and aligned, else a copy.
    """
    raw = np.frombuffer(data, LAYOUTS[kind])
    if kind == "bfloat16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if raw.dtype == np.float32 and raw.flags.aligned:
        return raw.view(np.float32)
    return raw.astype(np.float32)


def release_pages(array: FloatArray) -> None:
    """Return the memory of a mapped file's pages to the system; they are read again when used.

    Args:
        array: One of `Tensors`. Only a view of a file's bytes has pages to return; any other array,
            and a system without madvise, keeps its memory.
    """
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    file = base.obj if isinstance(base, memoryview) else None
    if not isinstance(file, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    begin = array.ctypes.data - np.frombuffer(file, np.uint8).ctypes.data
    first = -(-begin // mmap.PAGESIZE)  # the pages at both ends may hold other tensors
    last = (begin + array.nbytes) // mmap.PAGESIZE
    if last > first:
        file.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def get_float_kind(dtype: str, tensor: str, name: str) -> FloatKind:
    """Translate safetensors' name of a float type.

    Args:
        dtype: A key of BYTES_OF.
        tensor: The tensor's name, for the message.
        name: The file's name, for the message.

    Returns:
        The float type.

    Raises:
        FormatError: [file-wrong-format] if the type is not one of floats.
    """
    if dtype not in FLOATS:
        raise FormatError(
            "file-wrong-format",
            f"{tensor} is of type {dtype}",
            why="weights are F32, F16, BF16 or F64",
            fix="Convert the file to one of these",
            where=name,
        )
    return FLOATS[dtype]


def is_shape(sizes: Sequence[int]) -> bool:
    """Check whether numpy can make an array of this shape, if there is memory for it."""
    lengths = [max(size, 1) for size in sizes]
    return (
        min(sizes, default=0) >= 0
        and len(lengths) <= MOST_AXES
        and math.prod(lengths) < MOST_NUMBERS
    )
