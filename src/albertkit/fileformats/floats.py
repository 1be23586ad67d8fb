"""Floats as files hold them, in 16, 32 or 64 bits, as float32 arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np

from albertkit.arrays import FloatArray

FloatKind = Literal["float16", "bfloat16", "float32", "float64"]

LAYOUTS = {"float16": "<f2", "bfloat16": "<u2", "float32": "<f4", "float64": "<f8"}


def as_float32(data: memoryview, kind: FloatKind) -> FloatArray:
    """The floats that these little-endian bytes hold, one after another.

    A view of the bytes where they are float32 and aligned, else a copy; rounded from float64.
    """
    raw = np.frombuffer(data, LAYOUTS[kind])
    if kind == "bfloat16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if raw.dtype == np.float32 and raw.flags.aligned:
        return raw.view(np.float32)
    return raw.astype(np.float32)
