"""The engine without a compiler: numpy alone, which runs everywhere; the oracle of the others.

Where there is no native engine it computes a few short texts before OpenVINO is imported; for more
texts OpenVINO is faster (benchmarks/engine_start.py).

The heads of every engine run here too, in numpy and float32, on the arrays of the checkpoint: few
vectors enter them, and a compiled graph would hold a second copy of the word embeddings and compile
before it answers.
"""

from __future__ import annotations

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.protocol import (
    OutputRequest,
    Outputs,
    PackedBatch,
    Precision,
    check_request,
    head_reads,
)
from albertkit.graph.encoder import (
    MASKED_SCORE,
    emit_encoder,
    emit_linear_head,
    emit_masked_lm_head,
    emit_pooler,
)
from albertkit.graph.numpy_emitter import NumpyEmitter, multiply_on_one_core
from albertkit.spec import AlbertConfig, Weights, head
from albertkit.spec.parameters import CachedArrays


class NumpyEngine:
    """Runs one model in numpy; the weights may be views of a mapped file."""

    name = "numpy"
    tokens_per_call: int | None = None
    precision: Precision = "float32"

    def __init__(self, weights: Weights, *, deterministic: bool = False) -> None:
        """Create an engine.

        Args:
            weights: The model.
            deterministic: Bit-identical outputs for a text whatever the batch and the number of
                threads (slower): one core computes each text alone.
        """
        self.weights = weights
        self.deterministic = deterministic
        self._emit = NumpyEmitter(
            weights.config,
            CachedArrays(weights.arrays),
            multiply_on_one_core if deterministic else None,
        )

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute what is requested; raises InputError as `check_request`."""
        check_request(self.weights, batch, request)
        if not self.deterministic:
            return self._compute(batch, request)
        from albertkit.engine.batch_invariant import concat_outputs, split_texts  # seldom used

        return concat_outputs([self._compute(*part) for part in split_texts(batch, request)])

    def close(self) -> None:
        """Do nothing: there is no memory besides the weights."""

    def _compute(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        read = list_read_tokens(batch, request)
        slots = batch.slots if read is None else batch.slots[read]
        vectors = emit_encoder(
            self._emit,
            self.weights.config,
            ids=batch.ids,
            type_ids=batch.type_ids,
            positions=batch.positions,
            mask=text_mask(batch.segment_ids),
            read=lambda rows: rows.reshape(-1, rows.shape[-1])[slots],
        )  # [K, H]
        return compute_outputs(self._emit, vectors, batch.offsets, request, read)


def text_mask(segment_ids: Int32Array) -> FloatArray:
    """The mask [R, 1, W, W]: 0 between slots of one text, MASKED_SCORE elsewhere.

    Empty slots see each other, so that no softmax is over nothing.
    """
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    return np.where(same, np.float32(0), np.float32(MASKED_SCORE))


def list_read_tokens(batch: PackedBatch, request: OutputRequest) -> Int64Array | None:
    """The numbers of the tokens [K] that outputs are computed from, ascending; None: all T."""
    if request.tokens or request.spans is not None or head_reads(request, "tokens"):
        return None
    tokens = [] if request.mlm_tokens is None else [request.mlm_tokens]
    if request.pooled or head_reads(request, "pooled"):
        tokens.append(batch.offsets[:-1])  # [CLS]
    return np.unique(np.concatenate(tokens)) if tokens else np.zeros(0, np.int64)


def compute_outputs(
    emit: NumpyEmitter,
    vectors: FloatArray,
    offsets: Int64Array,
    request: OutputRequest,
    tokens: Int64Array | None = None,
) -> Outputs:
    """Compute what is asked for.

    Args:
        emit: Runs the heads.
        vectors: [K, H] of the numbered tokens; may be returned as an output.
        offsets: [N + 1]; text n owns the tokens offsets[n]:offsets[n + 1].
        request: What is asked for.
        tokens: [K], as `list_read_tokens` gives them; None: all.

    Returns:
        The outputs.
    """

    def select(numbers: Int64Array) -> FloatArray:
        return vectors[numbers if tokens is None else np.searchsorted(tokens, numbers)]

    reads_pooled = head_reads(request, "pooled")
    pooled = None
    if request.pooled or reads_pooled:
        pooled = emit_pooler(emit, select(offsets[:-1]))  # [N, H]
    mlm_logits = None
    if request.mlm_tokens is not None:
        mlm_logits = emit_masked_lm_head(emit, emit.config, select(request.mlm_tokens))  # [P, V]
    head_logits = None
    if request.head is not None:
        inputs = pooled if reads_pooled and pooled is not None else vectors
        head_logits = emit_linear_head(emit, head(request.head), inputs)
    spans = None
    if request.spans is not None:
        from albertkit.engine.span_search import search_spans  # few processes search answers

        spans = search_spans(emit, vectors, offsets, request.spans)
    return Outputs(
        tokens=vectors if request.tokens else None,
        pooled=pooled if request.pooled else None,
        mlm_logits=mlm_logits,
        head_logits=head_logits,
        spans=spans,
    )
