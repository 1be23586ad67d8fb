"""The numpy emitter that rounds as an int8 ONNX file does: what such a file will answer.

The sums of whole numbers are made in float32, so the last places may differ from a runtime's.
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
    """ALBERT's operations on matrices of int8, each rounded at its first use."""

    def __init__(self, config: AlbertConfig, arrays: Mapping[str, FloatArray]) -> None:
        super().__init__(config, arrays)
        self._rounded: dict[str, tuple[Int8Array, FloatArray]] = {}

    def lookup(self, table: str, indices: Int32Array) -> FloatArray:
        rows = self.arrays[table][indices.reshape(-1)]
        found: FloatArray = quantize_rows(rows) * compute_row_scales(rows)[:, None]
        return found.reshape(*indices.shape, -1)

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        if weight not in self._rounded:
            matrix = self.arrays[weight]
            self._rounded[weight] = quantize_rows(matrix), compute_row_scales(matrix)
        whole, worth = self._rounded[weight]
        steps, step = quantize_activation(x.reshape(-1, x.shape[-1]))
        y: FloatArray = steps @ whole.T.astype(np.float32)
        y *= worth * step
        y += self.arrays[bias]
        return y.reshape(*x.shape[:-1], y.shape[-1])
