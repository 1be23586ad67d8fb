"""The head for SQuAD 2 as ONNX nodes: likely beginnings of an answer, their ends, or no answer.

In: token vectors [B, S, H]. Out: the outputs of AlbertForSpanSearch with its usual five beginnings
and five ends, fewer where the batch is shorter. Letters: K beginnings, M ends.
Source: google-research/albert squad_utils.py, `create_v2_model`.
"""

from __future__ import annotations

from dataclasses import dataclass

from albertkit.graph.onnx.emitter import OnnxEmitter
from albertkit.spec.heads import EXCLUDED_SCORE

BEGINNINGS = ENDS = 5


@dataclass(frozen=True, slots=True)
class SpanValues:
    """Values: the likeliest beginnings [B, K], the ends of each [B, K · M], "no answer" [B]."""

    start_log_probs: str
    start_index: str
    end_log_probs: str
    end_index: str
    no_answer_logit: str


def search_spans(emit: OnnxEmitter, tokens: str, seen: str) -> SpanValues:
    """seen: bool [B, S], where an answer may begin or end."""
    beginnings = _log_probs(emit, tokens, "start_logits.dense", seen)  # [B, S]
    start_log_probs, start_index = _likeliest(emit, beginnings, BEGINNINGS)  # [B, K]
    places = emit.node("Unsqueeze", start_index, emit.constant((-1,), "int64"))
    of_beginnings = emit.node("GatherND", tokens, places, batch_dims=1)  # [B, K, H]
    ends = _ends(emit, tokens, of_beginnings, seen)  # [B, K, S]
    end_log_probs, end_index = _likeliest(emit, ends, ENDS)  # [B, K, M]
    return SpanValues(
        start_log_probs,
        start_index,
        emit.node("Flatten", end_log_probs, axis=1),
        emit.node("Flatten", end_index, axis=1),
        _no_answer(emit, tokens, beginnings),
    )


def _ends(emit: OnnxEmitter, tokens: str, of_beginnings: str, seen: str) -> str:
    """How likely each token ends an answer, for each beginning."""
    one = emit.constant((1,), "int64")
    each_token = emit.node("Unsqueeze", tokens, one)  # [B, 1, S, H]
    each_beginning = emit.node("Unsqueeze", of_beginnings, emit.constant((2,), "int64"))
    K = emit.node("Shape", of_beginnings, start=1, end=2)
    S = emit.node("Shape", tokens, start=1, end=2)
    as_many = emit.node("Concat", one, K, one, one, axis=0)
    as_long = emit.node("Concat", one, one, S, one, axis=0)
    pairs = emit.node(
        "Concat",
        emit.node("Expand", each_token, as_many),
        emit.node("Expand", each_beginning, as_long),
        axis=-1,
    )  # [B, K, S, 2H]
    hidden = emit.activate(_linear(emit, pairs, "end_logits.dense_0"), "tanh")
    hidden = emit.norm(hidden, "end_logits.LayerNorm")
    return _log_probs(emit, hidden, "end_logits.dense_1", emit.node("Unsqueeze", seen, one))


def _no_answer(emit: OnnxEmitter, tokens: str, beginnings: str) -> str:
    """A logit of the beginnings' vectors, each as heavy as it is likely, beside that of [CLS]."""
    one = emit.constant((1,), "int64")
    attention_probs = emit.node("Unsqueeze", emit.node("Exp", beginnings), one)  # [B, 1, S]
    summary = emit.node("Squeeze", emit.node("MatMul", attention_probs, tokens), one)  # [B, H]
    first = emit.node("Gather", tokens, emit.constant(0, "int64"), axis=1)  # [B, H]
    both = emit.node("Concat", summary, first, axis=-1)
    hidden = emit.activate(_linear(emit, both, "answer_class.dense_0"), "tanh")
    logit = emit.linear(hidden, "answer_class.dense_1.weight", emit.constant((0.0,)))  # [B, 1]
    return emit.node("Squeeze", logit, one)


def _log_probs(emit: OnnxEmitter, x: str, name: str, seen: str) -> str:
    """[.., S, H] → log probabilities [.., S], next to none where nothing is seen."""
    scores = emit.node("Squeeze", _linear(emit, x, name), emit.constant((-1,), "int64"))
    return emit.node(
        "LogSoftmax", emit.node("Where", seen, scores, emit.constant(EXCLUDED_SCORE)), axis=-1
    )


def _likeliest(emit: OnnxEmitter, scores: str, count: int) -> tuple[str, ...]:
    """The largest of the last axis and their places, `count` of them or as many as there are."""
    length = emit.node("Shape", scores, start=-1)
    fewer = emit.node("Min", emit.constant((count,), "int64"), length)
    return emit.node_of_many("TopK", scores, fewer, results=2, axis=-1)


def _linear(emit: OnnxEmitter, x: str, name: str) -> str:
    return emit.linear(x, f"{name}.weight", f"{name}.bias")
