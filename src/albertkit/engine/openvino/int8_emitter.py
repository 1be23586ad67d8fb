"""The OpenVINO emitter whose layers multiply in int8, as an Int8Scheme says.

OpenVINO recognises two patterns in the graph and uses its int8 products for them: FakeQuantize
with 256 levels for the input, and Constant (int8) → Convert → Multiply (a scale an output) for the
matrix. That chain exists once for all layers: with one chain each, OpenVINO 2026.4 keeps as many
packed copies (163 MB more at albert-base's shape, benchmarks/one_copy.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.int8_scheme import LEVELS, Int8Scheme, Range
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.graph.quantization import compute_row_scales, quantize_rows
from albertkit.spec import AlbertConfig

if TYPE_CHECKING:
    from openvino import Node


class OpenVinoInt8Emitter(OpenVinoEmitter):
    """ALBERT's operations as nodes of one encoder graph; it counts the uses of each matrix."""

    def __init__(
        self, config: AlbertConfig, arrays: Mapping[str, FloatArray], scheme: Int8Scheme
    ) -> None:
        """Create an emitter; `arrays` are the float32 parameters."""
        super().__init__(config, arrays)
        self.scheme = scheme
        self._uses: Counter[str] = Counter()
        self._matrices: dict[str, Node] = {}
        self._inputs: dict[tuple[str, Range], Node] = {}

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        """As Emitter.linear, in int8 if the scheme has a range for this use."""
        value_range = self._next_range(weight)
        if value_range is None:
            return super().linear(x, weight, bias)
        quantized = self._quantize_input(x, weight, value_range)
        product = self.op.matmul(quantized, self._int8_matrix(weight), False, True)
        return self.op.add(product, self._constant(bias))

    def _next_range(self, weight: str) -> Range | None:
        """The range of the input of this use of the matrix."""
        use = self._uses[weight]
        self._uses[weight] += 1
        return self.scheme.ranges[weight][use] if weight in self.scheme.ranges else None

    def _quantize_input(self, x: Node, weight: str, value_range: Range) -> Node:
        """Quantize x; once if several matrices read it."""
        key = x.get_friendly_name(), value_range
        if key not in self._inputs:
            low, high = map(np.float32, value_range)
            if weight in self.scheme.smoothing:
                self._inputs[key] = self._smooth(x, self.scheme.smoothing[weight], low, high)
            else:
                self._inputs[key] = self.op.fake_quantize(x, low, high, low, high, LEVELS)
        return self._inputs[key]

    def _smooth(self, x: Node, factors: FloatArray, low: np.float32, high: np.float32) -> Node:
        """Quantize x / factors in one node: each channel has a range of its own.

        On two axes: OpenVINO 2026.4 has such ranges for the second axis only. A division before
        one range is no alternative: it is fused into such ranges, and wrongly, if x is a product
        with two readers.
        """
        flat = self.op.reshape(x, np.array([-1, len(factors)], np.int64), False)  # [R·W, in]
        ranges = low * factors[None], high * factors[None]  # [1, in]
        quantized = self.op.fake_quantize(flat, *map(self.op.constant, ranges), low, high, LEVELS)
        return self.op.reshape(quantized, self.op.shape_of(x), False)

    def _int8_matrix(self, weight: str) -> Node:
        """The int8 matrix [out, in] times its scales."""
        if weight not in self._matrices:
            matrix = self.arrays[weight]
            if weight in self.scheme.smoothing:
                matrix = matrix * self.scheme.smoothing[weight]
            qmax = self.scheme.weight_qmax
            quantized = self.op.convert(self.op.constant(quantize_rows(matrix, qmax)), "f32")
            scales = self.op.constant(compute_row_scales(matrix, qmax)[:, None])
            self._matrices[weight] = self.op.multiply(quantized, scales)
        return self._matrices[weight]
