"""Quantization to eight bits: matrices beforehand, activations when they are computed.

A row of torch's matrix [out, in] is one output, or one piece of the word embeddings; each row has
its own scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray

Int8Array = npt.NDArray[np.int8]
# Processors without VNNI or a similar extension add two products of uint8 and int8 in 16 bits;
# 2·255·64 just fits. Source: onnxruntime's quantization guide, "reduce_range". OpenVINO 2026.4
# does the same: with weights up to 127, products of random numbers are off by up to a tenth of the
# largest, with 64 by nothing (benchmarks/int8_sums.py).
QMAX = 64  # of a weight
ACTIVATION_QMAX = 255  # of an activation: the largest uint8


def compute_row_scales(matrix: FloatArray) -> FloatArray:
    """Compute the scale of each row, so that its largest value becomes QMAX.

    Args:
        matrix: [out, in].

    Returns:
        [out] float32; 1 for a row of zeros.
    """
    largest = np.abs(matrix).max(axis=1)
    return np.where(largest > 0, largest / np.float32(QMAX), np.float32(1))


def quantize_rows(matrix: FloatArray) -> Int8Array:
    """Quantize a matrix with the scales of `compute_row_scales`.

    Args:
        matrix: [out, in].

    Returns:
        [out, in], from -QMAX to QMAX.
    """
    scales = compute_row_scales(matrix)
    quantized: Int8Array = np.rint(matrix / scales[:, None]).astype(np.int8)
    return quantized


def quantize_activation(x: FloatArray) -> tuple[FloatArray, np.float32]:
    """Quantize an activation with one scale for the whole array; zero stays exact.

    Source: ONNX, DynamicQuantizeLinear.

    Args:
        x: Any shape.

    Returns:
        The quantized values minus the zero point, as whole numbers in float32, and the scale.
    """
    low, high = min(np.float32(0), x.min()), max(np.float32(0), x.max())
    scale = np.float32((high - low) / np.float32(ACTIVATION_QMAX)) or np.float32(1)
    zero_point = np.clip(np.rint(-low / scale), 0, ACTIVATION_QMAX)
    quantized = np.clip(np.rint(x / scale) + zero_point, 0, ACTIVATION_QMAX)
    return quantized - zero_point, scale
