"""Token vectors to one vector a text: outside the graph, so that all engines pool alike.

Only a text's own tokens count, [CLS] and [SEP] included; there is no padding to leave out.
The pooler is no pooling in this sense: it has weights, and comes from the engine.
"""

from __future__ import annotations

import itertools

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.protocol import OutputRequest, Outputs, given
from albertkit.spec.pooling_config import Pooling


def wanted_by(pooling: Pooling) -> OutputRequest:
    """What an engine must compute so that `text_vectors` can pool."""
    return OutputRequest(pooled=True) if pooling == "pooler" else OutputRequest(tokens=True)


def text_vectors(outputs: Outputs, offsets: Int64Array, pooling: Pooling) -> FloatArray:
    """One vector a text [N, H], of outputs that hold what `wanted_by(pooling)` says.

    offsets: [N + 1]; text n owns token vectors starts[n]:starts[n + 1], never none.
    """
    if pooling == "pooler":
        return given(outputs.pooled)
    vectors = given(outputs.tokens)
    match pooling:
        case "mean":
            return mean(vectors, offsets)
        case "max":
            return _of_each_text(np.maximum, vectors, offsets)
        case "cls":
            return vectors[offsets[:-1]]


def mean(vectors: FloatArray, offsets: Int64Array) -> FloatArray:
    """The average of each text's token vectors, [T, H] → [N, H]."""
    sums = _of_each_text(np.add, vectors, offsets)  # [N, H]
    counts: Int64Array = (offsets[1:] - offsets[:-1])[:, None]  # [N, 1]
    means: FloatArray = np.divide(sums, counts, out=sums, casting="same_kind")
    return means


def _of_each_text(take: np.ufunc, vectors: FloatArray, offsets: Int64Array) -> FloatArray:
    """[T, H] → [N, H]. Text by text: numpy's `reduceat` takes seven times as long at 128 tokens."""
    taken = np.empty((len(offsets) - 1, vectors.shape[1]), vectors.dtype)
    for text, (begin, end) in enumerate(itertools.pairwise(offsets.tolist())):
        take.reduce(vectors[begin:end], axis=0, out=taken[text])
    return taken
