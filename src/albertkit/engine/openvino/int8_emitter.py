"""The OpenVINO emitter whose layers multiply in int8, as an Int8Scheme says.

OpenVINO finds two patterns in the graph and takes its int8 products for them: FakeQuantize of 256
levels on what enters, and Constant (int8) → Convert → Multiply (a scale an output) as the matrix.
That chain stands once for all repetitions: with a chain for each, OpenVINO 2026.4 holds as many
packed copies (163 MB more at albert-base's shape, benchmarks/one_copy.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.int8_scheme import STEPS, Int8Scheme, Range
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.graph.quantization import compute_row_scales, quantize_rows
from albertkit.spec import AlbertConfig

if TYPE_CHECKING:
    from openvino import Node


class OpenVinoInt8Emitter(OpenVinoEmitter):
    """ALBERT's operations as nodes, for one pass of the encoder: it counts how often each runs."""

    def __init__(
        self, config: AlbertConfig, arrays: Mapping[str, FloatArray], scheme: Int8Scheme
    ) -> None:
        super().__init__(config, arrays)
        self.scheme = scheme
        self._uses: Counter[str] = Counter()
        self._matrices: dict[str, Node] = {}
        self._inputs: dict[tuple[str, Range], Node] = {}

    def linear(self, x: Node, weight: str, bias: str) -> Node:
        spread = self._range(weight)
        if spread is None:
            return super().linear(x, weight, bias)
        product = self.op.matmul(
            self._rounded_input(x, weight, spread), self._matrix(weight), False, True
        )
        return self.op.add(product, self._constant(bias))

    def _range(self, weight: str) -> Range | None:
        """The range of what this use of the matrix is multiplied with."""
        use = self._uses[weight]
        self._uses[weight] += 1
        return self.scheme.ranges[weight][use] if weight in self.scheme.ranges else None

    def _rounded_input(self, x: Node, weight: str, spread: Range) -> Node:
        """x in steps of its range; once where several matrices read it."""
        key = x.get_friendly_name(), spread
        if key not in self._inputs:
            low, high = map(np.float32, spread)
            if weight in self.scheme.smoothing:
                self._inputs[key] = self._smoothed(x, self.scheme.smoothing[weight], low, high)
            else:
                self._inputs[key] = self.op.fake_quantize(x, low, high, low, high, STEPS)
        return self._inputs[key]

    def _smoothed(self, x: Node, factors: FloatArray, low: np.float32, high: np.float32) -> Node:
        """x / factors in steps of its range, in one go: each channel enters by a range of its own.

        On two axes: OpenVINO 2026.4 has such ranges for the second axis only. A division before
        one range is no way around, as it is fused into such ranges, and wrongly, where x is a
        product with two readers.
        """
        flat = self.op.reshape(x, np.array([-1, len(factors)], np.int64), False)  # [R·W, in]
        own = low * factors[None], high * factors[None]  # [1, in]
        steps = self.op.fake_quantize(flat, *map(self.op.constant, own), low, high, STEPS)
        return self.op.reshape(steps, self.op.shape_of(x), False)

    def _matrix(self, weight: str) -> Node:
        """The matrix [out, in] in whole steps, each times what it is worth."""
        if weight not in self._matrices:
            matrix = self.arrays[weight]
            if weight in self.scheme.smoothing:
                matrix = matrix * self.scheme.smoothing[weight]
            levels = self.scheme.weight_qmax
            whole = self.op.convert(self.op.constant(quantize_rows(matrix, levels)), "f32")
            worth = self.op.constant(compute_row_scales(matrix, levels)[:, None])
            self._matrices[weight] = self.op.multiply(whole, worth)
        return self._matrices[weight]
