"""The engine that asks an ONNX file of ours: to prove that it answers as its source does.

OpenVINO reads the file by its own ONNX reader, so neither an extra nor our own emitter's word is
needed. Each text gets a padded row of its own, as callers of such files give them; for answers
without a file the other engines are faster.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.openvino.engine import count_usable_cores
from albertkit.engine.openvino_library import openvino
from albertkit.engine.outputs import check_request
from albertkit.engine.protocol import (
    OutputRequest,
    Outputs,
    PackedBatch,
    Precision,
    Spans,
    SpanSearch,
)
from albertkit.graph.onnx.graph import IDS, MASK, OUTPUTS, POOLED, TOKENS, TYPES
from albertkit.graph.onnx.span_search import BEGINNINGS, ENDS
from albertkit.spec import AlbertConfig, Weights, head
from albertkit.spec.heads import MASKED_LM, MULTIPLE_CHOICE, SPAN_SEARCH
from albertkit.tokenization.encodings import pad

Found: TypeAlias = dict[str, npt.NDArray[Any]]  # a file's outputs; places are int64


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
            "INFERENCE_NUM_THREADS": threads or count_usable_cores(),
        }
        compiled = openvino().Core().compile_model(str(file), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._one_at_a_time = threading.Lock()

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs:
        check_request(self.weights, batch, wanted)
        mask = _mask(batch)  # [N, S]
        with self._one_at_a_time:
            found = self._asked(batch, mask)
        own = mask.astype(bool)
        mlm_logits = None
        if wanted.mlm_tokens is not None:
            mlm_logits = found[OUTPUTS[MASKED_LM.name][0]][own][wanted.mlm_tokens]  # [P, V]
        return Outputs(
            tokens=found[TOKENS][own] if wanted.tokens else None,  # [T, H]
            pooled=found[POOLED] if wanted.pooled else None,  # [N, H]
            mlm_logits=mlm_logits,
            head_logits=None if wanted.head is None else _logits(wanted.head, found, own),
            spans=None if wanted.spans is None else _spans(wanted.spans, found, mask.sum(1)),
        )

    def close(self) -> None:
        """Nothing to give back before the engine itself goes."""

    def _asked(self, batch: PackedBatch, mask: Int64Array) -> Found:
        """Every output of the file by its name."""
        inputs = {
            IDS: pad(batch.ids.reshape(-1)[batch.slots], batch.offsets),
            MASK: mask,
            TYPES: pad(batch.type_ids.reshape(-1)[batch.slots], batch.offsets),
        }
        if MULTIPLE_CHOICE.name in self.weights.heads:  # one choice for each question
            inputs = {name: array[:, None] for name, array in inputs.items()}
        results = self._request.infer(inputs)  # its buffers are used again by the next call
        return {name: value.copy() for port, value in results.items() for name in port.get_names()}


def _mask(batch: PackedBatch) -> Int64Array:
    """1 at the tokens of each text, 0 behind them [N, S]."""
    lengths = np.diff(batch.offsets)  # [N]
    return (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)


def _logits(name: str, found: Found, own: npt.NDArray[np.bool_]) -> FloatArray:
    """A linear head's logits as engines give them: [N, C], or [T, C] where it reads tokens."""
    columns = [found[output] for output in OUTPUTS[name]]
    logits = columns[0] if len(columns) == 1 else np.stack(columns, axis=-1)
    return logits[own] if head(name).reads == "tokens" else logits


def _spans(asked: SpanSearch, found: Found, lengths: Int64Array) -> Spans:
    """A file searches as widely as it was written to, and closes nothing but padding."""
    K, M = asked.start_n_top, asked.end_n_top
    if asked.is_excluded is not None or K > BEGINNINGS or M > ENDS:
        raise ValueError(f"an ONNX file searches {BEGINNINGS} beginnings and {ENDS} ends of each")
    start_log_probs, start_index, end_log_probs, end_index, no_answer_logit = (
        found[name] for name in OUTPUTS[SPAN_SEARCH.name]
    )
    N, found_starts = start_index.shape
    pairs = (N, found_starts, -1)
    begins = start_index < lengths[:, None]  # a shorter text than others has fewer
    ends = (end_index.reshape(pairs) < lengths[:, None, None]) & begins[:, :, None]
    return Spans(
        start_log_probs=_kept(start_log_probs, begins, -np.inf, (N, K)),
        start_index=_kept(start_index, begins, -1, (N, K)),
        end_log_probs=_kept(end_log_probs.reshape(pairs), ends, -np.inf, (N, K, M)),
        end_index=_kept(end_index.reshape(pairs), ends, -1, (N, K, M)),
        no_answer_logit=no_answer_logit,
    )


def _kept(
    values: npt.NDArray[Any], are_there: npt.NDArray[np.bool_], other: float, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """The first of the values, as many as `shape` has; `other` where a text has fewer."""
    whole = np.full(shape, other, values.dtype)
    both = tuple(slice(0, min(counts)) for counts in zip(shape, values.shape, strict=True))
    whole[both] = np.where(are_there, values, other)[both]
    return whole
