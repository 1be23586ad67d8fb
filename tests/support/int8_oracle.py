"""An Int8Scheme done by hand, in whole numbers: what an int8 engine must answer.

A value halfway between two steps is rounded up by one program and down by another, since the floats
before it differ in their last place. Such a slot is undecided, and so is what sees it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.engine.int8_scheme import Int8Scheme
from albertkit.engine.numpy_engine import text_mask
from albertkit.engine.protocol import PackedBatch
from albertkit.graph.encoder import emit_encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, Weights

HALFWAY = 5e-5  # in steps; float32's last places are some 2e-5 of them


def int8_tokens(
    weights: Weights, scheme: Int8Scheme, batch: PackedBatch
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The token vectors [T, H] of a batch, and which texts [N] are decided."""
    emit = ByHand(weights.config, weights.arrays, scheme, batch.ids.size)
    rows = emit_encoder(
        emit,
        weights.config,
        ids=batch.ids,
        type_ids=batch.type_ids,
        positions=batch.positions,
        mask=text_mask(batch.segment_ids),
    )
    undecided = np.logical_or.reduceat(emit.undecided[batch.slots], batch.offsets[:-1])
    return rows.reshape(-1, rows.shape[-1])[batch.slots], ~undecided


class ByHand(NumpyEmitter):
    """For one pass of the encoder; products of whole numbers are exact, in int64."""

    def __init__(
        self, config: AlbertConfig, arrays: Mapping[str, FloatArray], scheme: Int8Scheme, slots: int
    ) -> None:
        super().__init__(config, arrays)
        self.scheme = scheme
        self.undecided = np.zeros(slots, np.bool_)
        self.uses: Counter[str] = Counter()

    def linear(self, x: FloatArray, weight: str, bias: str) -> FloatArray:
        uses = self.scheme.ranges.get(weight, ())
        spread = uses[self.uses[weight]] if uses else None
        self.uses[weight] += 1
        if spread is None:
            return super().linear(x, weight, bias)
        matrix = self.arrays[weight].astype(np.float64)  # [out, in]
        if weight in self.scheme.smoothing:
            x = x / self.scheme.smoothing[weight]
            matrix = matrix * self.scheme.smoothing[weight]
        low, high = spread
        step = (high - low) / 255
        zero = round(-low / step)
        steps = x.astype(np.float64) / step
        halfway = np.abs(steps % 1 - 0.5) < HALFWAY
        self.undecided |= halfway.reshape(-1, x.shape[-1]).any(1)
        whole_x = np.clip(np.rint(steps) + zero, 0, 255).astype(np.int64)
        worth = np.abs(matrix).max(1) / self.scheme.weight_qmax  # [out]
        whole_w = np.rint(matrix / worth[:, None]).astype(np.int64)
        sums = (whole_x - zero) @ whole_w.T
        return (sums * step * worth + self.arrays[bias]).astype(np.float32)
