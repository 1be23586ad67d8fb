"""An Int8Scheme done by hand, in whole numbers: what an int8 engine must answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from albertkit.engine.int8_scheme import Int8Scheme
from albertkit.engine.numpy_engine import own_text
from albertkit.engine.protocol import PackedBatch
from albertkit.graph.encoder import encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, FloatArray, Weights


def int8_rows(weights: Weights, scheme: Int8Scheme, batch: PackedBatch) -> FloatArray:
    """The token vectors [R, W, H] of a batch."""
    return encoder(
        ByHand(weights.config, weights.arrays, scheme),
        weights.config,
        ids=batch.ids,
        type_ids=batch.type_ids,
        positions=batch.positions,
        mask=own_text(batch.owners),
    )


class ByHand(NumpyEmitter):
    """For one pass of the encoder; products of whole numbers are exact, in int64."""

    def __init__(
        self, config: AlbertConfig, arrays: Mapping[str, FloatArray], scheme: Int8Scheme
    ) -> None:
        super().__init__(config, arrays)
        self.scheme = scheme
        self.uses: Counter[str] = Counter()

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        uses = self.scheme.ranges.get(weight, ())
        spread = uses[self.uses[weight]] if uses else None
        self.uses[weight] += 1
        if spread is None:
            return super().linear(x, weight, bias)
        matrix = self.arrays[weight].astype(np.float64)  # [out, in]
        if weight in self.scheme.smoothing:
            x = x * (1 / self.scheme.smoothing[weight])
            matrix = matrix * self.scheme.smoothing[weight]
        low, high = spread
        step = (high - low) / 255
        zero = round(-low / step)
        whole_x = np.clip(np.rint(x.astype(np.float64) / step) + zero, 0, 255).astype(np.int64)
        worth = np.abs(matrix).max(1) / self.scheme.weight_levels  # [out]
        whole_w = np.rint(matrix / worth[:, None]).astype(np.int64)
        sums = (whole_x - zero) @ whole_w.T
        return (sums * step * worth + self.arrays[bias]).astype(np.float32)
