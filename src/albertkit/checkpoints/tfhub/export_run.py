"""Run a TF Hub encoder that was written, by TensorFlow itself.

In: rows of ids. Out: what the module's own graph gives. Used where TensorFlow is there anyway,
because it wrote the module: to prove that the graph answers as the weights do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.checkpoints.tfhub.export_encoder import IDS, MASK, TYPES
from albertkit.errors import import_extra

Rows: TypeAlias = npt.NDArray[np.int64]  # [N, S]

POSITIONS = "masked_lm_positions"
SEQUENCE, POOLED, LOGITS = "sequence_output", "pooled_output", "mlm_logits"


class SavedEncoder:
    """A module as TensorFlow opens it."""

    def __init__(self, place: Path) -> None:
        self._tf = import_extra("tensorflow", "running a TF Hub module")
        self._module = self._tf.saved_model.load(str(place))

    def outputs(self, ids: Rows, mask: Rows, types: Rows) -> dict[str, FloatArray]:
        """sequence_output [N, S, H], pooled_output [N, H]; with `.mlm` mlm_logits [N, S, V]."""
        inputs = {IDS: ids, MASK: mask, TYPES: types}
        given = {name: self._tf.constant(rows, self._tf.int32) for name, rows in inputs.items()}
        wanted: tuple[str, ...] = (SEQUENCE, POOLED)
        if hasattr(self._module, "mlm"):
            everywhere = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
            given[POSITIONS] = self._tf.constant(everywhere, self._tf.int32)
            found = self._module.mlm(given)
            wanted = (*wanted, LOGITS)
        else:
            found = self._module(given)
        return {name: np.asarray(found[name], np.float32) for name in wanted}
