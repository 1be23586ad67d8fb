"""What the readers of weight files have in common: tensors by name, given as float32 arrays."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from albertkit.arrays import FloatArray
from albertkit.errors import FormatError
from albertkit.fileformats.floats import FloatKind

# Types of numbers, by the names that safetensors gives them.
BYTES_OF = MappingProxyType(
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
    """The tensors of checked files, name → float32 array, read when asked for.

    Arrays cannot be written to. Asking for a tensor of whole numbers raises FormatError
    [file-wrong-format].
    """

    @property
    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """name → shape, without reading any tensor."""

    def __contains__(self, name: object) -> bool:
        return name in self.shapes  # a Mapping would read the tensor to know


def float_kind(dtype: str, tensor: str, where: str) -> FloatKind:
    """The kind of floats in a tensor; raises FormatError [file-wrong-format] for whole numbers."""
    if dtype not in FLOATS:
        raise FormatError(
            "file-wrong-format",
            f"{tensor} is of type {dtype}",
            why="weights are F32, F16, BF16 or F64",
            fix="Convert the file to one of these",
            where=where,
        )
    return FLOATS[dtype]


def is_shape(found: Sequence[int]) -> bool:
    """Whether an array can have this shape, apart from the bytes that it needs."""
    sizes = [max(size, 1) for size in found]
    return (
        min(found, default=0) >= 0 and len(sizes) <= MOST_AXES and math.prod(sizes) < MOST_NUMBERS
    )
