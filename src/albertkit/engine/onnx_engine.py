"""The engine that asks an ONNX file of ours: to prove that it answers as its source does.

OpenVINO reads the file by its own ONNX reader, so neither an extra nor our own emitter's word is
needed. Each text gets a padded row of its own, as callers of such files give them; for answers
without a file the other engines are faster.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from albertkit.engine.checks import check
from albertkit.engine.openvino_engine import own_cores
from albertkit.engine.protocol import Int64Array, Outputs, PackedBatch, Precision, Wanted
from albertkit.engine.quiet_openvino import openvino
from albertkit.graph.onnx_graph import IDS, MASK, OUTPUTS, POOLED, TOKENS, TYPES
from albertkit.spec import AlbertConfig, FloatArray, Weights, head
from albertkit.spec.heads import MASKED_LM, MULTIPLE_CHOICE


class OnnxEngine:
    """Runs one file.

    weights: those that the file was made of; their arrays are not touched, only what they are.
    precision: "int8" where the file's matrices are, for whoever asks how near to come.
    """

    name = "onnx"

    def __init__(
        self,
        weights: Weights,
        file: Path,
        *,
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        self.weights = weights
        self.precision = precision
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or own_cores(),
        }
        compiled = openvino().Core().compile_model(str(file), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._one_at_a_time = threading.Lock()

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: Wanted) -> Outputs:
        check(self.weights, batch, wanted)
        mask = _mask(batch)  # [N, S]
        with self._one_at_a_time:
            found = self._asked(batch, mask)
        own = mask.astype(bool)
        mlm_logits = None
        if wanted.mlm_at is not None:
            mlm_logits = found[OUTPUTS[MASKED_LM.name][0]][own][wanted.mlm_at]  # [P, V]
        return Outputs(
            tokens=found[TOKENS][own] if wanted.tokens else None,  # [T, H]
            pooled=found[POOLED] if wanted.pooled else None,  # [N, H]
            mlm_logits=mlm_logits,
            head_logits=None if wanted.head is None else _logits(wanted.head, found, own),
        )

    def close(self) -> None:
        """Nothing to give back before the engine itself goes."""

    def _asked(self, batch: PackedBatch, mask: Int64Array) -> dict[str, FloatArray]:
        """Every output of the file by its name."""
        inputs = {
            IDS: _padded(batch.ids, batch, mask),
            MASK: mask,
            TYPES: _padded(batch.type_ids, batch, mask),
        }
        if MULTIPLE_CHOICE.name in self.weights.heads:  # one choice for each question
            inputs = {name: array[:, None] for name, array in inputs.items()}
        results = self._request.infer(inputs)  # its buffers are used again by the next call
        return {name: value.copy() for port, value in results.items() for name in port.get_names()}


def _mask(batch: PackedBatch) -> Int64Array:
    """1 at the tokens of each text, 0 behind them [N, S]."""
    lengths = np.diff(batch.starts)  # [N]
    return (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)


def _padded(values: npt.NDArray[np.int32], batch: PackedBatch, mask: Int64Array) -> Int64Array:
    """Values of slots [R, W], each text in a row of its own [N, S]."""
    rows = np.zeros_like(mask)
    rows[mask.astype(bool)] = values.reshape(-1)[batch.slots]
    return rows


def _logits(name: str, found: dict[str, FloatArray], own: npt.NDArray[np.bool_]) -> FloatArray:
    """A linear head's logits as engines give them: [N, C], or [T, C] where it reads tokens."""
    columns = [found[output] for output in OUTPUTS[name]]
    logits = columns[0] if len(columns) == 1 else np.stack(columns, axis=-1)
    return logits[own] if head(name).reads == "tokens" else logits
