"""The engine that asks a TF Hub module: to prove that its graph answers as its source does.

Each text gets a padded row of its own, as callers of such modules give them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Int64Array
from albertkit.checkpoints.tfhub.export_run import LOGITS, POOLED, SEQUENCE, SavedEncoder
from albertkit.engine.checks import check
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision
from albertkit.spec import AlbertConfig, Weights


class SavedEncoderEngine:
    """Runs one module; it has no other head than the masked words'."""

    name = "tensorflow"
    precision: Precision = "float32"

    def __init__(self, weights: Weights, place: Path) -> None:
        self.weights = weights
        self._encoder = SavedEncoder(place)

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs:
        check(self.weights, batch, wanted)
        lengths = np.diff(batch.offsets)  # [N]
        own = np.arange(lengths.max()) < lengths[:, None]  # [N, S]
        found = self._encoder.outputs(
            _padded(batch.ids, batch, own),
            own.astype(np.int64),
            _padded(batch.type_ids, batch, own),
        )
        mlm_logits = None
        if wanted.mlm_at is not None:
            mlm_logits = found[LOGITS][own][wanted.mlm_at]  # [P, V]
        return Outputs(
            tokens=found[SEQUENCE][own] if wanted.tokens else None,  # [T, H]
            pooled=found[POOLED] if wanted.pooled else None,
            mlm_logits=mlm_logits,
        )

    def close(self) -> None:
        """Nothing to give back before the engine itself goes."""


def _padded(
    values: npt.NDArray[np.int32], batch: PackedBatch, own: npt.NDArray[np.bool_]
) -> Int64Array:
    """Values of slots [R, W], each text in a row of its own [N, S]."""
    rows = np.zeros(own.shape, np.int64)
    rows[own] = values.reshape(-1)[batch.slots]
    return rows
