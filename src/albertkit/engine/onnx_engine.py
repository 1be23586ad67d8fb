"""The engine that runs an ONNX file of ours, to compare it with its source.

OpenVINO reads the file with its own ONNX reader, so no extra is needed, and our emitter is not
trusted. Each text gets a padded row of its own, as users of such files have it; without a file
the other engines are faster.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.engine.openvino_library import get_core
from albertkit.engine.process import count_usable_cores
from albertkit.engine.protocol import (
    OutputRequest,
    Outputs,
    PackedBatch,
    Precision,
    Spans,
    SpanSearch,
    check_request,
)
from albertkit.graph.onnx.graph import IDS, MASK, OUTPUTS, POOLED, TOKENS, TYPES
from albertkit.graph.onnx.span_search import END_N_TOP, START_N_TOP
from albertkit.spec import AlbertConfig, Weights, head
from albertkit.spec.heads import MASKED_LM, MULTIPLE_CHOICE, SPAN_SEARCH
from albertkit.tokenization.encodings import pad

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]  # a file's outputs; indices are int64


class OnnxEngine:
    """Runs one file.

    Args:
        weights: The weights that the file was made of; only their names and config are read.
        file: The ONNX file.
        precision: "int8" if the file's matrices are; callers choose their tolerance by it.
        threads: Cores that compute. None: all that this process may use.
    """

    name = "onnx"
    tokens_per_call: int | None = None

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
        core = get_core()
        model = core.read_model(str(file))
        names = {name for port in model.outputs for name in port.get_names()}
        inner = {TOKENS, *([POOLED] if weights.has_pooler else [])} - names
        model.add_outputs(sorted(inner))  # which a file with heads computes, but does not return
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        self._one_at_a_time = threading.Lock()

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute what is requested; raises InputError as `check_request`."""
        check_request(self.weights, batch, request)
        mask = _mask(batch)  # [N, S]
        with self._one_at_a_time:
            arrays = self._infer(batch, mask)
        is_token = mask.astype(bool)
        mlm_logits = None
        if request.mlm_tokens is not None:
            mlm_logits = arrays[OUTPUTS[MASKED_LM.name][0]][is_token][request.mlm_tokens]  # [P, V]
        return Outputs(
            tokens=arrays[TOKENS][is_token] if request.tokens else None,  # [T, H]
            pooled=arrays[POOLED] if request.pooled else None,  # [N, H]
            mlm_logits=mlm_logits,
            head_logits=None
            if request.head is None
            else _take_logits(request.head, arrays, is_token),
            spans=None
            if request.spans is None
            else _take_spans(request.spans, arrays, mask.sum(1)),
        )

    def close(self) -> None:
        """Do nothing: memory is freed with the engine itself."""

    def _infer(self, batch: PackedBatch, mask: Int64Array) -> Arrays:
        """Every output of the file by its name."""
        inputs = {
            IDS: pad(batch.ids.reshape(-1)[batch.slots], batch.offsets),
            MASK: mask,
            TYPES: pad(batch.type_ids.reshape(-1)[batch.slots], batch.offsets),
        }
        if MULTIPLE_CHOICE.name in self.weights.heads:  # one choice for each question
            inputs = {name: array[:, None] for name, array in inputs.items()}
        results = self._request.infer(inputs)  # the next call reuses its buffers
        return {name: value.copy() for port, value in results.items() for name in port.get_names()}


def _mask(batch: PackedBatch) -> Int64Array:
    """1 at the tokens of each text, 0 after them [N, S]."""
    lengths = np.diff(batch.offsets)  # [N]
    return (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)


def _take_logits(name: str, arrays: Arrays, is_token: BoolArray) -> FloatArray:
    """A linear head's logits as engines give them: [N, C], or [T, C] if it reads tokens."""
    columns = [arrays[output] for output in OUTPUTS[name]]
    logits = columns[0] if len(columns) == 1 else np.stack(columns, axis=-1)
    return logits[is_token] if head(name).reads == "tokens" else logits


def _take_spans(search: SpanSearch, arrays: Arrays, lengths: Int64Array) -> Spans:
    """The answers that were requested; a file searches as many as it was written with."""
    K, M = search.start_n_top, search.end_n_top
    if search.is_excluded is not None or K > START_N_TOP or M > END_N_TOP:
        raise ValueError(f"an ONNX file searches {START_N_TOP} starts and {END_N_TOP} ends of each")
    start_log_probs, start_index, end_log_probs, end_index, no_answer_logit = (
        arrays[name] for name in OUTPUTS[SPAN_SEARCH.name]
    )
    N, K_file = start_index.shape
    pairs = (N, K_file, -1)
    begins = start_index < lengths[:, None]  # a text that is shorter than others has fewer
    ends = (end_index.reshape(pairs) < lengths[:, None, None]) & begins[:, :, None]
    return Spans(
        start_log_probs=_take_first(start_log_probs, begins, -np.inf, (N, K)),
        start_index=_take_first(start_index, begins, -1, (N, K)),
        end_log_probs=_take_first(end_log_probs.reshape(pairs), ends, -np.inf, (N, K, M)),
        end_index=_take_first(end_index.reshape(pairs), ends, -1, (N, K, M)),
        no_answer_logit=no_answer_logit,
    )


def _take_first(
    values: npt.NDArray[Any], is_valid: BoolArray, other: float, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """The first of the values in `shape`; `other` for a text that has fewer."""
    result = np.full(shape, other, values.dtype)
    both = tuple(slice(0, min(counts)) for counts in zip(shape, values.shape, strict=True))
    result[both] = np.where(is_valid, values, other)[both]
    return result
