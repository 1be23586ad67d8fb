"""The head for SQuAD 2, in numpy: likely beginnings of an answer, their likely ends, or no answer.

In: token vectors [T, H] of N texts. Out: Spans. An end is scored with the vector of its beginning
beside its own; whether there is an answer, with the vectors of all beginnings, each as heavy as it
is likely, beside that of [CLS]. Letters: L tokens of one text, K beginnings, M ends.
Source: google-research/albert squad_utils.py, `create_v2_model`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import Spans, SpanSearch
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec.heads import EXCLUDED_SCORE


def search_spans(
    emit: NumpyEmitter, tokens: FloatArray, offsets: Int64Array, search: SpanSearch
) -> Spans:
    """tokens: [T, H], text n owns those from starts[n] to starts[n + 1]."""
    closed = np.zeros(len(tokens), np.bool_) if search.is_excluded is None else search.is_excluded
    N, K, M = len(offsets) - 1, search.start_n_top, search.end_n_top
    found = Spans(
        np.full((N, K), -np.inf, np.float32),
        np.full((N, K), -1, np.int64),
        np.full((N, K, M), -np.inf, np.float32),
        np.full((N, K, M), -1, np.int64),
        np.empty(N, np.float32),
    )
    for text, own in enumerate(_owned(offsets)):
        _search(emit, tokens[own], closed[own], found, text)
    return found


def _owned(offsets: Int64Array) -> Iterator[slice]:
    for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        yield slice(first, end)


def _search(
    emit: NumpyEmitter,
    vectors: FloatArray,
    closed: npt.NDArray[np.bool_],
    found: Spans,
    text: int,
) -> None:
    """Fill in what is found in one text with `vectors` [L, H]."""
    beginnings = _log_softmax(_linear(emit, vectors, "start_logits.dense")[:, 0], closed)  # [L]
    at = _likeliest(beginnings, found.start_index.shape[1])  # [K]
    found.start_log_probs[text, : len(at)] = beginnings[at]
    found.start_index[text, : len(at)] = at
    for number, beginning in enumerate(at):
        ends = _log_softmax(_end_scores(emit, vectors, vectors[beginning]), closed)  # [L]
        end_index = _likeliest(ends, found.end_index.shape[2])  # [M]
        found.end_log_probs[text, number, : len(end_index)] = ends[end_index]
        found.end_index[text, number, : len(end_index)] = end_index
    # no product of BLAS's: it sums in an order that depends on the number of threads
    summary = np.einsum("l,lh->h", np.exp(beginnings), vectors)  # [H]
    both = np.concatenate([summary, vectors[0]])[None]  # [1, 2H]
    hidden = emit.activate(_linear(emit, both, "answer_class.dense_0"), "tanh")  # [1, H]
    found.no_answer_logit[text] = emit.multiply(hidden, emit.arrays["answer_class.dense_1.weight"])[
        0, 0
    ]


def _end_scores(emit: NumpyEmitter, vectors: FloatArray, beginning: FloatArray) -> FloatArray:
    """How well an answer that begins at the token with the vector `beginning` [H] ends: [L]."""
    both = np.concatenate([vectors, np.broadcast_to(beginning, vectors.shape)], axis=1)  # [L, 2H]
    hidden = emit.activate(_linear(emit, both, "end_logits.dense_0"), "tanh")  # [L, H]
    return _linear(emit, emit.norm(hidden, "end_logits.LayerNorm"), "end_logits.dense_1")[:, 0]


def _log_softmax(scores: FloatArray, closed: npt.NDArray[np.bool_]) -> FloatArray:
    scores = np.where(closed, np.float32(EXCLUDED_SCORE), scores)
    scores = scores - scores.max()
    shifted: FloatArray = scores - np.log(np.exp(scores).sum())
    return shifted


def _likeliest(scores: FloatArray, count: int) -> Int64Array:
    """Places of the largest, the first of equal ones first."""
    return np.argsort(-scores, kind="stable")[:count]


def _linear(emit: NumpyEmitter, x: FloatArray, name: str) -> FloatArray:
    return emit.linear(x, f"{name}.weight", f"{name}.bias")
