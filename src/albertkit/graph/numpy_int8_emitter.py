"""The numpy emitter that quantizes as an int8 ONNX file does: it predicts such a file's results.

Sums of integers are computed in float32, so the last digits may differ from a runtime's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from albertkit.arrays import FloatArray, Int32Array
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.graph.quantization import (
    Int8Array,
    compute_row_scales,
    quantize_activation,
    quantize_rows,
)
from albertkit.spec import AlbertConfig


class NumpyInt8Emitter(NumpyEmitter):
    """ALBERT's operations on int8 matrices, each quantized at its first use."""

    def __init__(self, config: AlbertConfig, arrays: Mapping[str, FloatArray]) -> None:
        """Create an emitter; `arrays` are the float32 parameters."""
        super().__init__(config, arrays)
        self._quantized: dict[str, tuple[Int8Array, FloatArray]] = {}

    def lookup(self, table: str, indices: Int32Array) -> FloatArray:
        """As Emitter.lookup, of a quantized table."""
        rows = self.arrays[table][indices.reshape(-1)]
        dequantized: FloatArray = quantize_rows(rows) * compute_row_scales(rows)[:, None]
        return dequantized.reshape(*indices.shape, -1)

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        """As Emitter.linear, of a quantized matrix and a quantized input."""
        if weight not in self._quantized:
            matrix = self.arrays[weight]
            self._quantized[weight] = quantize_rows(matrix), compute_row_scales(matrix)
        quantized, scales = self._quantized[weight]
        activation, scale = quantize_activation(x.reshape(-1, x.shape[-1]))
        y: FloatArray = activation @ quantized.T.astype(np.float32)
        y *= scales * scale
        y += self.arrays[bias]
        return y.reshape(*x.shape[:-1], y.shape[-1])
