"""The engine that asks a TF Hub module: to prove that its graph answers as its source does.

Each text gets a padded row of its own, as callers of such modules give them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from albertkit.checkpoints.tfhub.export_run import LOGITS, POOLED, SEQUENCE, SavedEncoder
from albertkit.engine.checks import check
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision
from albertkit.spec import AlbertConfig, Weights
from albertkit.tokenization.encodings import pad


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
            pad(batch.ids.reshape(-1)[batch.slots], batch.offsets),
            own.astype(np.int64),
            pad(batch.type_ids.reshape(-1)[batch.slots], batch.offsets),
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
