"""The head for SQuAD 2, in numpy: likely starts of an answer, their likely ends, or no answer.

Input: token vectors [T, H] of N texts. Output: Spans. An end is scored by its own vector and that
of its start; whether there is an answer, by the vectors of all starts, weighted with their
probabilities, and that of [CLS]. Letters: L tokens of one text, K starts, M ends.
Source: google-research/albert squad_utils.py, `create_v2_model`.
"""

from __future__ import annotations

import itertools

import numpy as np

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.engine.protocol import Spans, SpanSearch
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec.heads import EXCLUDED_SCORE


def search_spans(
    emit: NumpyEmitter, tokens: FloatArray, offsets: Int64Array, search: SpanSearch
) -> Spans:
    """Search the answers of N texts.

    Args:
        emit: Runs the head.
        tokens: [T, H] token vectors.
        offsets: [N + 1]; text n owns the tokens offsets[n]:offsets[n + 1].
        search: How many starts and ends to keep.

    Returns:
        The likeliest answers.
    """
    excluded = search.is_excluded
    if excluded is None:
        excluded = np.zeros(len(tokens), np.bool_)
    N, K, M = len(offsets) - 1, search.start_n_top, search.end_n_top
    spans = Spans(
        np.full((N, K), -np.inf, np.float32),
        np.full((N, K), -1, np.int64),
        np.full((N, K, M), -np.inf, np.float32),
        np.full((N, K, M), -1, np.int64),
        np.empty(N, np.float32),
    )
    for text, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
        _search_text(emit, tokens[begin:end], excluded[begin:end], spans, text)
    return spans


def _search_text(
    emit: NumpyEmitter,
    vectors: FloatArray,
    excluded: BoolArray,
    spans: Spans,
    text: int,
) -> None:
    """Fill in the answers of one text with `vectors` [L, H]."""
    starts = _log_softmax(_apply_linear(emit, vectors, "start_logits.dense")[:, 0], excluded)  # [L]
    start_index = _select_top(starts, spans.start_index.shape[1])  # [K]
    spans.start_log_probs[text, : len(start_index)] = starts[start_index]
    spans.start_index[text, : len(start_index)] = start_index
    for number, start in enumerate(start_index):
        ends = _log_softmax(_end_scores(emit, vectors, vectors[start]), excluded)  # [L]
        end_index = _select_top(ends, spans.end_index.shape[2])  # [M]
        spans.end_log_probs[text, number, : len(end_index)] = ends[end_index]
        spans.end_index[text, number, : len(end_index)] = end_index
    # not BLAS, whose sums have an order that depends on the number of threads
    summary = np.einsum("l,lh->h", np.exp(starts), vectors)  # [H]
    both = np.concatenate([summary, vectors[0]])[None]  # [1, 2H]
    hidden = emit.activate(_apply_linear(emit, both, "answer_class.dense_0"), "tanh")  # [1, H]
    logit = emit.multiply(hidden, emit.arrays["answer_class.dense_1.weight"])
    spans.no_answer_logit[text] = logit[0, 0]


def _end_scores(emit: NumpyEmitter, vectors: FloatArray, start: FloatArray) -> FloatArray:
    """The scores [L] of all ends for the start whose token has the vector `start` [H]."""
    both = np.concatenate([vectors, np.broadcast_to(start, vectors.shape)], axis=1)  # [L, 2H]
    hidden = emit.activate(_apply_linear(emit, both, "end_logits.dense_0"), "tanh")  # [L, H]
    return _apply_linear(emit, emit.norm(hidden, "end_logits.LayerNorm"), "end_logits.dense_1")[
        :, 0
    ]


def _log_softmax(scores: FloatArray, excluded: BoolArray) -> FloatArray:
    scores = np.where(excluded, np.float32(EXCLUDED_SCORE), scores)
    scores = scores - scores.max()
    shifted: FloatArray = scores - np.log(np.exp(scores).sum())
    return shifted


def _select_top(scores: FloatArray, count: int) -> Int64Array:
    """Indices of the largest scores; of equal ones the first goes first."""
    return np.argsort(-scores, kind="stable")[:count]


def _apply_linear(emit: NumpyEmitter, x: FloatArray, name: str) -> FloatArray:
    return emit.linear(x, f"{name}.weight", f"{name}.bias")
