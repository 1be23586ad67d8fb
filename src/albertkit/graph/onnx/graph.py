"""The graph of an ONNX file: padded batches in, vectors and logits of the heads out.

Inputs: input_ids, attention_mask, token_type_ids, int64 [batch, length]; for multiple choice
[batch, choices, length], as Hugging Face's class takes them. Outputs have the names of Hugging
Face's exports. A model with heads returns only what its heads compute: `last_hidden_state` is then
the name of a value inside the graph, and `pooler_output` is an output only if no head reads it, so
that every parameter is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from albertkit.errors import InputError
from albertkit.fileformats.onnx.model_file import Graph, Port, Tensor
from albertkit.graph.encoder import (
    MASKED_SCORE,
    emit_encoder,
    emit_linear_head,
    emit_masked_lm_head,
    emit_pooler,
)
from albertkit.graph.onnx.emitter import OnnxEmitter, name_matrix
from albertkit.graph.onnx.span_search import search_spans
from albertkit.spec import AlbertConfig, HeadSpec, Weights, head
from albertkit.spec.heads import (
    MASKED_LM,
    MULTIPLE_CHOICE,
    QUESTION_ANSWERING,
    SENTENCE_ORDER,
    SEQUENCE_CLASSIFICATION,
    SPAN_SEARCH,
    TOKEN_CLASSIFICATION,
    VECTOR_HEAD,
)
from albertkit.spec.pooling_config import (
    LEAST_NORM,
    Dense,
    Normalize,
    Pooling,
    PoolingConfig,
    is_encoder_activation,
)
from albertkit.spec.vector_head import VectorHead

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
TOKENS, POOLED, VECTORS = "last_hidden_state", "pooler_output", "sentence_embedding"
LOGITS = "logits"
# Head → the names of its outputs.
OUTPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        MASKED_LM.name: (LOGITS,),
        SENTENCE_ORDER.name: ("sop_logits",),
        SEQUENCE_CLASSIFICATION.name: (LOGITS,),
        TOKEN_CLASSIFICATION.name: (LOGITS,),
        QUESTION_ANSWERING.name: ("start_logits", "end_logits"),
        MULTIPLE_CHOICE.name: (LOGITS,),
        SPAN_SEARCH.name: (
            "start_top_log_probs",
            "start_top_index",
            "end_top_log_probs",
            "end_top_index",
            "cls_logits",
        ),
    }
)
BATCH, CHOICES, LENGTH = "batch", "choices", "length"
MIN_COUNT = 1e-9  # Source: sentence-transformers' Pooling, which divides by no fewer tokens

Axes: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class GraphOutput:
    """An output of the graph: a value's name, axes and type."""

    value: str
    axes: Axes
    dtype: str = "float32"


GraphOutputs: TypeAlias = dict[str, GraphOutput]  # by the outputs' names


def build_onnx_graph(
    emit: OnnxEmitter,
    weights: Weights,
    plan: PoolingConfig | None,
    parameters: Iterable[Tensor],
    vector_head: VectorHead | None = None,
) -> Graph:
    """Build the graph of a model.

    Args:
        emit: Creates the nodes; empty.
        weights: The model's config and heads; their arrays are not read.
        plan: How text vectors are computed; None for no text vectors.
        parameters: The tensors of the file.
        vector_head: A linear head on text vectors; it needs a plan.

    Returns:
        The graph.
    """
    c = weights.config
    choices = MULTIPLE_CHOICE.name in weights.heads
    axes: Axes = (BATCH, CHOICES, LENGTH) if choices else (BATCH, LENGTH)
    ids, mask, types = (
        emit.node("Flatten", name, axis=2) if choices else name for name in (IDS, MASK, TYPES)
    )
    seen = emit.cast(mask, "bool")  # [B, S]
    tokens = emit_encoder(
        emit,
        c,
        ids=ids,
        type_ids=types,
        positions=_emit_positions(emit, ids),
        mask=_emit_mask(emit, seen),
    )
    emit.name_value(tokens, TOKENS)
    rows = f"{BATCH}*{CHOICES}" if choices else BATCH
    outputs: GraphOutputs = {TOKENS: GraphOutput(TOKENS, (rows, LENGTH, c.hidden_size))}
    if weights.has_pooler:
        first = emit.node("Gather", TOKENS, emit.constant(0, "int64"), axis=1)  # [B, H]
        emit.name_value(emit_pooler(emit, first), POOLED)
        outputs[POOLED] = GraphOutput(POOLED, (rows, c.hidden_size))
    for name in weights.heads:
        outputs |= _emit_head(emit, c, head(name), outputs, seen)
    if plan is not None:
        vectors = _emit_text_vectors(emit, plan, outputs, seen)
        outputs[VECTORS] = GraphOutput(vectors, (rows, plan.width(c.hidden_size)))
        if vector_head is not None:
            value = _emit_vector_head(emit, vector_head, vectors)
            logits = GraphOutput(value, (rows, len(vector_head.labels)))
            outputs = {LOGITS: logits, **outputs}  # callers take the first output
    for name, output in outputs.items():
        if output.value != name:
            emit.name_value(output.value, name)
    if weights.heads:  # callers take the first output of a model with a head as its logits
        del outputs[TOKENS]
        pooled = outputs.pop(POOLED, None)
        if pooled is not None and all(head(name).reads != "pooled" for name in weights.heads):
            outputs[POOLED] = pooled
    return Graph(
        nodes=tuple(emit.nodes),
        tensors=(*emit.constants.values(), *parameters),
        inputs=tuple(Port(name, "int64", axes) for name in (IDS, MASK, TYPES)),
        outputs=tuple(Port(name, output.dtype, output.axes) for name, output in outputs.items()),
    )


def check_outputs(weights: Weights, *, has_vector_head: bool = False) -> None:
    """Raise InputError [unsupported-by-format] for heads that share the name of an output."""
    taken = {LOGITS: "classifier"} if has_vector_head else {}
    for name in weights.heads:
        for output in OUTPUTS[name]:
            if output in taken:
                raise InputError(
                    "unsupported-by-format",
                    f"the heads {taken[output]} and {name} would both have the output {output!r}",
                    why="the outputs of an ONNX file have different names",
                    fix="Write the model with one of these heads",
                )
            taken[output] = name


def _emit_positions(emit: OnnxEmitter, ids: str) -> str:
    """0 … S-1 [S]; for more than the position embeddings the runtime raises an error."""
    length = emit.node("Gather", emit.node("Shape", ids), emit.constant(1, "int64"), axis=0)
    return emit.node("Range", emit.constant(0, "int64"), length, emit.constant(1, "int64"))


def _emit_mask(emit: OnnxEmitter, seen: str) -> str:
    """What is added to scores [B, 1, 1, S]: 0 for real tokens, MASKED_SCORE for padding.

    A finite number, so that a row without any token has finite results, too.
    """
    added = emit.node("Where", seen, emit.constant(0.0), emit.constant(MASKED_SCORE))  # [B, S]
    return emit.node("Unsqueeze", added, emit.constant((1, 2), "int64"))


def _emit_head(
    emit: OnnxEmitter, c: AlbertConfig, spec: HeadSpec, outputs: GraphOutputs, seen: str
) -> GraphOutputs:
    """The outputs of one head."""
    tokens, rows = outputs[TOKENS].value, outputs[TOKENS].axes[0]
    names = OUTPUTS[spec.name]
    if spec is MASKED_LM:
        return {
            names[0]: GraphOutput(
                emit_masked_lm_head(emit, c, tokens), (rows, LENGTH, c.vocab_size)
            )
        }
    if spec is SPAN_SEARCH:
        return _emit_spans(emit, names, tokens, seen)
    read = outputs[TOKENS] if spec.reads == "tokens" else outputs[POOLED]
    logits = emit_linear_head(emit, spec, read.value)
    if spec is QUESTION_ANSWERING:
        columns = (
            emit.node("Gather", logits, emit.constant(column, "int64"), axis=-1)
            for column in range(len(names))
        )
        return {
            name: GraphOutput(column, (rows, LENGTH))
            for name, column in zip(names, columns, strict=True)
        }
    if spec is MULTIPLE_CHOICE:
        shape = emit.node("Shape", IDS, start=0, end=2)  # batch and choices
        return {names[0]: GraphOutput(emit.node("Reshape", logits, shape), (BATCH, CHOICES))}
    return {names[0]: GraphOutput(logits, (*read.axes[:-1], spec.width(c)))}


def _emit_spans(emit: OnnxEmitter, names: tuple[str, ...], tokens: str, seen: str) -> GraphOutputs:
    spans = search_spans(emit, tokens, seen)
    starts: Axes = (BATCH, "starts")
    pairs: Axes = (BATCH, "pairs")
    outputs = (
        GraphOutput(spans.start_log_probs, starts),
        GraphOutput(spans.start_index, starts, "int64"),
        GraphOutput(spans.end_log_probs, pairs),
        GraphOutput(spans.end_index, pairs, "int64"),
        GraphOutput(spans.no_answer_logit, (BATCH,)),
    )
    return dict(zip(names, outputs, strict=True))


def _emit_text_vectors(
    emit: OnnxEmitter, plan: PoolingConfig, outputs: GraphOutputs, seen: str
) -> str:
    """One vector a text: pooling, then the plan's steps."""
    (pooling,) = plan.modes
    x = (
        outputs[POOLED].value
        if pooling == "pooler"
        else _emit_pooling(emit, pooling, outputs, seen)
    )
    for number, step in enumerate(plan.steps):
        if isinstance(step, Dense) and is_encoder_activation(step.activation):
            prefix = make_module_prefix(number)
            x = emit.activate(emit.linear(x, f"{prefix}weight", f"{prefix}bias"), step.activation)
        elif isinstance(step, Normalize):
            length = emit.node("ReduceL2", x, axes=(-1,), keepdims=1)
            x = emit.node("Div", x, emit.node("Max", length, emit.constant(LEAST_NORM)))
        else:
            raise AssertionError(f"an ONNX file is not written with {type(step).__name__}")
    if plan.truncate_dim is None:
        return x
    start, end, axis = (emit.constant((n,), "int64") for n in (0, plan.truncate_dim, 1))
    return emit.node("Slice", x, start, end, axis)


def _emit_vector_head(emit: OnnxEmitter, head: VectorHead, vectors: str) -> str:
    """The logits [B, C] of a linear head on text vectors, divided by its temperature."""
    weight = np.ascontiguousarray(head.weight.T / np.float32(head.temperature))  # [D, C]
    matrix = emit.parameter(name_matrix(f"{VECTOR_HEAD}.weight"), weight)
    bias = emit.parameter(f"{VECTOR_HEAD}.bias", head.bias / np.float32(head.temperature))
    return emit.node("Add", emit.node("MatMul", vectors, matrix), bias)


def make_module_prefix(number: int) -> str:
    """Return the prefix of the parameters of a pooling config's module."""
    return f"vectors.{number}."


def _emit_pooling(emit: OnnxEmitter, pooling: Pooling, outputs: GraphOutputs, seen: str) -> str:
    tokens = outputs[TOKENS].value  # [B, S, H]
    if pooling == "cls":
        return emit.node("Gather", tokens, emit.constant(0, "int64"), axis=1)
    is_real = emit.node("Unsqueeze", seen, emit.constant((2,), "int64"))  # [B, S, 1]
    if pooling == "max":
        kept = emit.node("Where", is_real, tokens, emit.constant(MASKED_SCORE))
        return emit.node("ReduceMax", kept, axes=(1,), keepdims=0)
    token_weights = emit.cast(is_real, "float32")  # [B, S, 1]
    axis = emit.constant((1,), "int64")
    if pooling in ("weighted_mean", "last"):
        counts = emit.node("CumSum", token_weights, emit.constant(1, "int64"))  # 1, 2, … in a text
        if pooling == "last":
            last = emit.node("ReduceMax", counts, axes=(1,), keepdims=1)
            is_last = emit.cast(emit.node("Equal", counts, last), "float32")
            token_weights = emit.node("Mul", token_weights, is_last)
        else:
            token_weights = emit.node("Mul", token_weights, counts)
    total = emit.node("ReduceSum", emit.node("Mul", tokens, token_weights), axis, keepdims=0)
    count = emit.node("ReduceSum", token_weights, axis, keepdims=0)  # [B, 1]
    if pooling == "mean_sqrt_len":
        count = emit.node("Sqrt", count)
    return emit.node("Div", total, emit.node("Max", count, emit.constant(MIN_COUNT)))
