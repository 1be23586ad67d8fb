"""Rounding to eight bits: rows of a matrix beforehand, activations as they come.

A row of torch's [out, in] is one output, or one piece of the word table: each has its own scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray

Int8Array = npt.NDArray[np.int8]
QMAX = 127  # levels of a weight on each side of 0
# Processors without VNNI or its like add two products of uint8 and int8 in 16 bits, and 2·255·64
# just fits. Source: onnxruntime's quantization guide, "reduce_range". OpenVINO 2026.4 does so too:
# at 127 levels products of random numbers are off by up to a tenth of the largest, at 64 by nothing
# (benchmarks/int8_sums.py).
REDUCED_QMAX = 64
ACTIVATION_QMAX = 255  # of an activation


def compute_row_scales(matrix: FloatArray, levels: int = REDUCED_QMAX) -> FloatArray:
    """What one of `levels` steps of each row is worth [out]; a row of zeros has 1."""
    largest = np.abs(matrix).max(axis=1)
    return np.where(largest > 0, largest / np.float32(levels), np.float32(1))


def quantize_rows(matrix: FloatArray, levels: int = REDUCED_QMAX) -> Int8Array:
    """A matrix [out, in] in steps of `compute_row_scales`, from -levels to levels."""
    steps: Int8Array = np.rint(matrix / compute_row_scales(matrix, levels)[:, None]).astype(np.int8)
    return steps


def quantize_activation(x: FloatArray) -> tuple[FloatArray, np.float32]:
    """x in whole steps, zero kept exact, and what a step is worth: one scale for the whole array.

    Source: ONNX, DynamicQuantizeLinear.
    """
    low, high = min(np.float32(0), x.min()), max(np.float32(0), x.max())
    scale = np.float32((high - low) / np.float32(ACTIVATION_QMAX)) or np.float32(1)
    zero = np.clip(np.rint(-low / scale), 0, ACTIVATION_QMAX)
    return np.clip(np.rint(x / scale) + zero, 0, ACTIVATION_QMAX) - zero, scale
