"""What an ONNX file of ours computes: padded batches in, vectors and logits of its heads out.

Inputs: input_ids, attention_mask, token_type_ids, int64 [batch, length]; for multiple choice
[batch, choices, length], as Hugging Face's class takes them. Outputs bear the names of its
exports; `last_hidden_state` and, where there is a pooler, `pooler_output` are always there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from albertkit.errors import InputError
from albertkit.fileformats.onnx.model_file import Graph, Port, Tensor
from albertkit.graph.emitter import MASKED_SCORE
from albertkit.graph.encoder import emit_encoder
from albertkit.graph.heads import emit_linear_head, emit_masked_lm_head, emit_pooler
from albertkit.graph.onnx.emitter import OnnxEmitter
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
)
from albertkit.spec.pooling_config import Dense, Pooling, PoolingConfig

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
TOKENS, POOLED, VECTORS = "last_hidden_state", "pooler_output", "sentence_embedding"
# Head → the names of its outputs.
OUTPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        MASKED_LM.name: ("logits",),
        SENTENCE_ORDER.name: ("sop_logits",),
        SEQUENCE_CLASSIFICATION.name: ("logits",),
        TOKEN_CLASSIFICATION.name: ("logits",),
        QUESTION_ANSWERING.name: ("start_logits", "end_logits"),
        MULTIPLE_CHOICE.name: ("logits",),
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
FEWEST = 1e-9  # Source: sentence-transformers' Pooling, which divides by no fewer tokens
SHORTEST = 1e-12  # Source: torch.nn.functional.normalize, which divides by no less

Axes: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class GraphOutput:
    """An output: which value it is."""

    value: str
    axes: Axes
    dtype: str = "float32"


GraphOutputs: TypeAlias = dict[str, GraphOutput]  # by the outputs' names


def build_onnx_graph(
    emit: OnnxEmitter, weights: Weights, plan: PoolingConfig | None, parameters: Iterable[Tensor]
) -> Graph:
    """The graph of `weights`, and with a plan of text vectors too, over the nodes of `emit`."""
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
        positions=_positions(emit, ids),
        mask=_hidden(emit, seen),
    )
    rows = f"{BATCH}*{CHOICES}" if choices else BATCH
    outputs: GraphOutputs = {TOKENS: GraphOutput(tokens, (rows, LENGTH, c.hidden_size))}
    if weights.has_pooler:
        first = emit.node("Gather", tokens, emit.constant(0, "int64"), axis=1)  # [B, H]
        outputs[POOLED] = GraphOutput(emit_pooler(emit, first), (rows, c.hidden_size))
    for name in weights.heads:
        outputs |= _head(emit, c, head(name), outputs, seen)
    if plan is not None:
        vectors = _text_vectors(emit, plan, outputs, seen)
        outputs[VECTORS] = GraphOutput(vectors, (rows, plan.width(c.hidden_size)))
    if weights.heads:  # callers take the first output of a model with a head as its logits
        encoder = {name: outputs.pop(name) for name in (TOKENS, POOLED) if name in outputs}
        outputs |= encoder
    for name, answer in outputs.items():
        emit.name_output(answer.value, name)
    return Graph(
        nodes=tuple(emit.nodes),
        tensors=(*emit.constants.values(), *parameters),
        inputs=tuple(Port(name, "int64", axes) for name in (IDS, MASK, TYPES)),
        outputs=tuple(Port(name, each.dtype, each.axes) for name, each in outputs.items()),
    )


def check_outputs(weights: Weights) -> None:
    """Raise InputError [unsupported-by-format] for heads that share the name of an output."""
    taken: dict[str, str] = {}
    for name in weights.heads:
        for output in OUTPUTS[name]:
            if output in taken:
                raise InputError(
                    "unsupported-by-format",
                    f"the heads {taken[output]} and {name} would both answer as {output!r}",
                    why="the outputs of an ONNX file have one name each",
                    fix="Write the model with one of these heads",
                )
            taken[output] = name


def _positions(emit: OnnxEmitter, ids: str) -> str:
    """0 … S-1 [S]; beyond the table of positions the runtime stops with an error."""
    length = emit.node("Gather", emit.node("Shape", ids), emit.constant(1, "int64"), axis=0)
    return emit.node("Range", emit.constant(0, "int64"), length, emit.constant(1, "int64"))


def _hidden(emit: OnnxEmitter, seen: str) -> str:
    """What is added to scores [B, 1, 1, S]: 0 where a token is seen, MASKED_SCORE at padding.

    A finite number, so that a row without any token gives numbers too.
    """
    added = emit.node("Where", seen, emit.constant(0.0), emit.constant(MASKED_SCORE))  # [B, S]
    return emit.node("Unsqueeze", added, emit.constant((1, 2), "int64"))


def _head(
    emit: OnnxEmitter, c: AlbertConfig, spec: HeadSpec, found: GraphOutputs, seen: str
) -> GraphOutputs:
    """The outputs of one head."""
    tokens, rows = found[TOKENS].value, found[TOKENS].axes[0]
    names = OUTPUTS[spec.name]
    if spec is MASKED_LM:
        return {
            names[0]: GraphOutput(
                emit_masked_lm_head(emit, c, tokens), (rows, LENGTH, c.vocab_size)
            )
        }
    if spec is SPAN_SEARCH:
        return _spans(emit, names, tokens, seen)
    read = found[TOKENS] if spec.reads == "tokens" else found[POOLED]
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
        asked = emit.node("Shape", IDS, start=0, end=2)  # batch and choices
        return {names[0]: GraphOutput(emit.node("Reshape", logits, asked), (BATCH, CHOICES))}
    return {names[0]: GraphOutput(logits, (*read.axes[:-1], spec.width(c)))}


def _spans(emit: OnnxEmitter, names: tuple[str, ...], tokens: str, seen: str) -> GraphOutputs:
    found = search_spans(emit, tokens, seen)
    beginnings: Axes = (BATCH, "beginnings")
    pairs: Axes = (BATCH, "pairs")
    answers = (
        GraphOutput(found.start_log_probs, beginnings),
        GraphOutput(found.start_index, beginnings, "int64"),
        GraphOutput(found.end_log_probs, pairs),
        GraphOutput(found.end_index, pairs, "int64"),
        GraphOutput(found.no_answer_logit, (BATCH,)),
    )
    return dict(zip(names, answers, strict=True))


def _text_vectors(emit: OnnxEmitter, plan: PoolingConfig, found: GraphOutputs, seen: str) -> str:
    """One vector a text: pooling, then the plan's steps."""
    x = (
        found[POOLED].value
        if plan.pooling == "pooler"
        else _pooled(emit, plan.pooling, found, seen)
    )
    for number, step in enumerate(plan.steps):
        if isinstance(step, Dense):
            at = module_prefix(number)
            x = emit.activate(emit.linear(x, f"{at}weight", f"{at}bias"), step.activation)
        else:
            length = emit.node("ReduceL2", x, axes=(-1,), keepdims=1)
            x = emit.node("Div", x, emit.node("Max", length, emit.constant(SHORTEST)))
    if plan.truncate_dim is None:
        return x
    start, end, axis = (emit.constant((n,), "int64") for n in (0, plan.truncate_dim, 1))
    return emit.node("Slice", x, start, end, axis)


def module_prefix(number: int) -> str:
    """The prefix of the parameters of a plan's step."""
    return f"vectors.{number}."


def _pooled(emit: OnnxEmitter, pooling: Pooling, found: GraphOutputs, seen: str) -> str:
    tokens = found[TOKENS].value  # [B, S, H]
    if pooling == "cls":
        return emit.node("Gather", tokens, emit.constant(0, "int64"), axis=1)
    own = emit.node("Unsqueeze", seen, emit.constant((2,), "int64"))  # [B, S, 1]
    if pooling == "max":
        kept = emit.node("Where", own, tokens, emit.constant(MASKED_SCORE))
        return emit.node("ReduceMax", kept, axes=(1,), keepdims=0)
    counted = emit.cast(own, "float32")  # [B, S, 1]
    along = emit.constant((1,), "int64")
    if pooling in ("weighted_mean", "last"):
        places = emit.node("CumSum", counted, emit.constant(1, "int64"))  # 1, 2, … in a text
        if pooling == "last":
            last = emit.node("ReduceMax", places, axes=(1,), keepdims=1)
            is_last = emit.cast(emit.node("Equal", places, last), "float32")
            counted = emit.node("Mul", counted, is_last)
        else:
            counted = emit.node("Mul", counted, places)
    total = emit.node("ReduceSum", emit.node("Mul", tokens, counted), along, keepdims=0)
    count = emit.node("ReduceSum", counted, along, keepdims=0)  # [B, 1]
    if pooling == "mean_sqrt_len":
        count = emit.node("Sqrt", count)
    return emit.node("Div", total, emit.node("Max", count, emit.constant(FEWEST)))
