"""The engine that runs a TF Hub encoder with TensorFlow, to show that its graph is right.

Each text gets a padded row of its own, as callers of such modules give them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from albertkit.arrays import BoolArray, FloatArray, Int32Array, Int64Array
from albertkit.checkpoints.tfhub.export_encoder import IDS, MASK, POSITIONS, TYPES
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision, check_request
from albertkit.errors import import_extra
from albertkit.spec import AlbertConfig, Weights

SEQUENCE, POOLED, LOGITS = "sequence_output", "pooled_output", "mlm_logits"


class SavedModelEngine:
    """Runs one module; its only head is the masked LM's."""

    name = "tensorflow"
    tokens_per_call: int | None = None
    precision: Precision = "float32"

    def __init__(self, weights: Weights, directory: Path) -> None:
        """Open a module.

        Args:
            weights: what its variables hold.
            directory: where the SavedModel is.

        Raises:
            ResourceError: [extra-missing] without TensorFlow.
        """
        self.weights = weights
        self._tf = import_extra("tensorflow", "running a TF Hub module")
        self._module = self._tf.saved_model.load(str(directory))

    @property
    def config(self) -> AlbertConfig:
        """The config of the weights."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute the outputs of a packed batch; raises as `check`."""
        check_request(self.weights, batch, request)
        lengths = np.diff(batch.offsets)  # [N]
        mask = np.arange(lengths.max()) < lengths[:, None]  # [N, S]
        outputs = self._call(
            _pad(batch.ids, batch, mask), mask.astype(np.int64), _pad(batch.type_ids, batch, mask)
        )
        mlm_logits = None
        if request.mlm_tokens is not None:
            mlm_logits = outputs[LOGITS][mask][request.mlm_tokens]  # [P, V]
        return Outputs(
            tokens=outputs[SEQUENCE][mask] if request.tokens else None,  # [T, H]
            pooled=outputs[POOLED] if request.pooled else None,
            mlm_logits=mlm_logits,
        )

    def close(self) -> None:
        """Do nothing: TensorFlow frees the module with this object."""

    def _call(self, ids: Int64Array, mask: Int64Array, types: Int64Array) -> dict[str, FloatArray]:
        """sequence_output [N, S, H], pooled_output [N, H]; with `.mlm` mlm_logits [N, S, V]."""
        rows = {IDS: ids, MASK: mask, TYPES: types}
        inputs = {name: self._tf.constant(array, self._tf.int32) for name, array in rows.items()}
        names: tuple[str, ...] = (SEQUENCE, POOLED)
        if hasattr(self._module, "mlm"):
            positions = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
            inputs[POSITIONS] = self._tf.constant(positions, self._tf.int32)
            outputs = self._module.mlm(inputs)
            names = (*names, LOGITS)
        else:
            outputs = self._module(inputs)
        return {name: np.asarray(outputs[name], np.float32) for name in names}


def _pad(values: Int32Array, batch: PackedBatch, mask: BoolArray) -> Int64Array:
    """Values of slots [R, W] with each text in a row of its own [N, S]."""
    rows = np.zeros(mask.shape, np.int64)
    rows[mask] = values.reshape(-1)[batch.slots]
    return rows
