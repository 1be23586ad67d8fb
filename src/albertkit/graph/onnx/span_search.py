"""The head for SQuAD 2 as ONNX nodes: likely starts of an answer, their ends, or no answer.

Input: token vectors [B, S, H]. Output: the outputs of AlbertForSpanSearch with its default of five
starts and five ends, fewer if the batch is shorter. Letters: K starts, M ends.
Source: google-research/albert squad_utils.py, `create_v2_model`.
"""

from __future__ import annotations

from dataclasses import dataclass

from albertkit.graph.onnx.emitter import OnnxEmitter
from albertkit.spec.heads import EXCLUDED_SCORE

START_N_TOP = END_N_TOP = 5


@dataclass(frozen=True, slots=True)
class SpanValues:
    """Values: the likeliest starts [B, K], the ends of each [B, K · M], the logit [B]."""

    start_log_probs: str
    start_index: str
    end_log_probs: str
    end_index: str
    no_answer_logit: str


def search_spans(emit: OnnxEmitter, tokens: str, seen: str) -> SpanValues:
    """Search for answers.

    Args:
        emit: The backend.
        tokens: Token vectors [B, S, H].
        seen: bool [B, S], True for tokens that can start or end an answer.

    Returns:
        The names of the outputs.
    """
    starts = _log_probs(emit, tokens, "start_logits.dense", seen)  # [B, S]
    start_log_probs, start_index = _emit_likeliest(emit, starts, START_N_TOP)  # [B, K]
    indices = emit.node("Unsqueeze", start_index, emit.constant((-1,), "int64"))
    start_vectors = emit.node("GatherND", tokens, indices, batch_dims=1)  # [B, K, H]
    ends = _emit_ends(emit, tokens, start_vectors, seen)  # [B, K, S]
    end_log_probs, end_index = _emit_likeliest(emit, ends, END_N_TOP)  # [B, K, M]
    return SpanValues(
        start_log_probs,
        start_index,
        emit.node("Flatten", end_log_probs, axis=1),
        emit.node("Flatten", end_index, axis=1),
        _emit_no_answer(emit, tokens, starts),
    )


def _emit_ends(emit: OnnxEmitter, tokens: str, start_vectors: str, seen: str) -> str:
    """How likely each token ends an answer, for each start."""
    one = emit.constant((1,), "int64")
    each_token = emit.node("Unsqueeze", tokens, one)  # [B, 1, S, H]
    each_start = emit.node("Unsqueeze", start_vectors, emit.constant((2,), "int64"))
    K = emit.node("Shape", start_vectors, start=1, end=2)
    S = emit.node("Shape", tokens, start=1, end=2)
    as_many = emit.node("Concat", one, K, one, one, axis=0)
    as_long = emit.node("Concat", one, one, S, one, axis=0)
    pairs = emit.node(
        "Concat",
        emit.node("Expand", each_token, as_many),
        emit.node("Expand", each_start, as_long),
        axis=-1,
    )  # [B, K, S, 2H]
    hidden = emit.activate(_emit_linear(emit, pairs, "end_logits.dense_0"), "tanh")
    hidden = emit.norm(hidden, "end_logits.LayerNorm")
    return _log_probs(emit, hidden, "end_logits.dense_1", emit.node("Unsqueeze", seen, one))


def _emit_no_answer(emit: OnnxEmitter, tokens: str, starts: str) -> str:
    """A logit of the token vectors, weighted by the starts' probabilities, and of [CLS]."""
    one = emit.constant((1,), "int64")
    weights = emit.node("Unsqueeze", emit.node("Exp", starts), one)  # [B, 1, S]
    summary = emit.node("Squeeze", emit.node("MatMul", weights, tokens), one)  # [B, H]
    first = emit.node("Gather", tokens, emit.constant(0, "int64"), axis=1)  # [B, H]
    both = emit.node("Concat", summary, first, axis=-1)
    hidden = emit.activate(_emit_linear(emit, both, "answer_class.dense_0"), "tanh")
    logit = emit.linear(hidden, "answer_class.dense_1.weight", emit.constant((0.0,)))  # [B, 1]
    return emit.node("Squeeze", logit, one)


def _log_probs(emit: OnnxEmitter, x: str, name: str, seen: str) -> str:
    """[.., S, H] → log probabilities [.., S], next to 0 for excluded tokens."""
    scores = emit.node("Squeeze", _emit_linear(emit, x, name), emit.constant((-1,), "int64"))
    return emit.node(
        "LogSoftmax", emit.node("Where", seen, scores, emit.constant(EXCLUDED_SCORE)), axis=-1
    )


def _emit_likeliest(emit: OnnxEmitter, scores: str, count: int) -> tuple[str, ...]:
    """The largest `count` values of the last axis and their indices, or fewer if it is shorter."""
    length = emit.node("Shape", scores, start=-1)
    fewer = emit.node("Min", emit.constant((count,), "int64"), length)
    return emit.node_of_many("TopK", scores, fewer, results=2, axis=-1)


def _emit_linear(emit: OnnxEmitter, x: str, name: str) -> str:
    return emit.linear(x, f"{name}.weight", f"{name}.bias")
