"""Exact search: the vectors of a corpus with the highest scores for each query, block by block.

Input: a Corpus (float32, float16, bytes or bits; in memory or mapped) and queries [Q, D] float32.
Output: ids and scores [Q, k], best first. Memory is one block of scores, whatever the corpus.
Each block is one matrix product; a score counts only if it beats the worst one kept so far. The
scores of the candidates are then computed anew in float64: so equal vectors have equal scores in
any block, and of equal scores the smaller id comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import BoolArray, Float64Array, FloatArray, Int64Array
from albertkit.errors import InputError
from albertkit.spec.pooling_config import LEAST_NORM
from albertkit.tasks.options import VectorType
from albertkit.tasks.vector_types import IN_STEPS, STEPS, Vectors, convert_type

Measure: TypeAlias = Literal["cosine", "dot"]

BITS: tuple[VectorType, ...] = ("binary", "ubinary")
CACHED_ROWS = 1024
BLOCK_ROWS = 32_768  # smaller blocks lose time in the start of each matrix product
BLOCK_SCORES = 1 << 24  # 64 MB of float32
QUERIES = BLOCK_SCORES // BLOCK_ROWS  # at a time
MARGIN = 8  # candidates more than asked for: rounding of a block may exchange the last ones
FIRST_SLICE = 4  # times k rows, of the first scores; each slice after it is larger by this factor
EINSUM_QUERIES = 3  # of so few, einsum computes the products faster than matmul (numpy 2.4)
# Vectors whose lengths are as near to 1 need no scales: candidates are scored anew.
UNIT_TOLERANCE = 1e-6
FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Vectors to search in.

    Attributes:
        parts: Arrays [n, W] that follow one another; mapped arrays are read block by block.
        kind: The type of the vectors, as of `quantize_embeddings`.
        dimensions: D, the numbers of a query.
        measure: What ranks. Bits are ranked by their distance, and the candidates by this.
        ranges: [2, D], the ranges of int8 and uint8.
        scales: [N], 1 / length of each vector, for the cosine of floats and bytes; else None.
        valid: [N], False for vectors that are never a result: those with NaN or infinite numbers,
            and those of empty texts. None: all are valid.
        words: [⌈W / 8⌉, N] uint64, the bits of all vectors, word by word; else None.
        originals: The vectors from which these were made, which give the candidates their scores.
    """

    parts: tuple[Vectors, ...]
    kind: VectorType
    dimensions: int
    measure: Measure = "cosine"
    ranges: FloatArray | None = None
    scales: FloatArray | None = None
    valid: BoolArray | None = None
    words: npt.NDArray[np.uint64] | None = None
    originals: Corpus | None = None

    @classmethod
    def of(
        cls,
        parts: Sequence[Vectors],
        kind: VectorType,
        dimensions: int,
        measure: Measure = "cosine",
        ranges: FloatArray | None = None,
    ) -> Self:
        """Read all vectors once, for their lengths or their bits."""
        corpus = cls(tuple(parts), kind, dimensions, measure, ranges)
        if kind in BITS:
            return replace(corpus, words=corpus._pack_words())
        lengths = np.empty(len(corpus), np.float32)  # [N]
        with np.errstate(over="ignore", invalid="ignore"):
            for begin, block in corpus.blocks():
                floats = corpus.to_floats(block)
                lengths[begin : begin + len(block)] = np.sqrt(np.einsum("nd,nd->n", floats, floats))
        finite = np.isfinite(lengths)
        scales: FloatArray | None = None
        if measure == "cosine" and not (
            len(lengths) and np.abs(lengths - 1).max() < UNIT_TOLERANCE
        ):
            scales = np.reciprocal(np.maximum(lengths, LEAST_NORM, dtype=np.float32))
        return replace(corpus, scales=scales, valid=None if finite.all() else finite)

    def without(self, left_out: BoolArray) -> Corpus:
        """The same vectors, of which those in the mask [N] are never a result."""
        valid = ~left_out if self.valid is None else self.valid & ~left_out
        return replace(self, valid=valid)

    def scan_as(self, kind: VectorType) -> Corpus:
        """These vectors, scanned as smaller ones in memory: only candidates are read from here.

        The ranges of int8 and uint8 are those of all valid vectors.
        """
        ranges = self._find_ranges() if kind in IN_STEPS else None
        factors = self._fit_float16() if kind == "float16" else None
        parts = []
        for begin, block in self.blocks():
            floats = self.to_floats(block)
            if factors is not None:
                with np.errstate(invalid="ignore"):
                    floats = floats * factors[begin : begin + len(block), None]
            parts.append(convert_type(floats, kind, ranges))
        small = Corpus.of(parts, kind, self.dimensions, self.measure, ranges)
        return replace(small, valid=self.valid, originals=self)

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[tuple[int, Vectors]]:
        """The number of the first vector of each block, and its vectors as they are stored."""
        offset = 0
        for part in self.parts:
            for begin in range(0, len(part), rows):
                yield offset + begin, part[begin : begin + rows]
            offset += len(part)

    def rows(self, ids: Int64Array) -> FloatArray:
        """The vectors with these ids as float32 [n, D]."""
        if len(self.parts) == 1:
            return self.to_floats(np.asarray(self.parts[0][ids]))
        offsets = np.cumsum([0, *map(len, self.parts)])
        part_numbers = np.searchsorted(offsets, ids, side="right") - 1
        result = np.empty((len(ids), self.dimensions), np.float32)
        for number in np.unique(part_numbers):
            mine = part_numbers == number
            stored = np.asarray(self.parts[number][ids[mine] - offsets[number]])
            result[mine] = self.to_floats(stored)
        return result

    def to_floats(self, block: Vectors) -> FloatArray:
        """Stored vectors as float32 [n, D]: bytes in their ranges, bits as 0 and 1."""
        if self.kind in BITS:
            bits = np.unpackbits(_shift_to_unsigned(block), axis=-1, count=self.dimensions)
            return bits.astype(np.float32)
        floats = _to_float32(block)
        if self.kind in IN_STEPS and self.ranges is not None:
            least, greatest = self.ranges
            floats = floats * compute_step_sizes(least, greatest) + least
        return floats

    def scorer(self, queries: FloatArray) -> Callable[[int, Vectors], FloatArray]:
        """A function from a block to its scores [n, Q], which the next call overwrites."""
        if self.words is not None:
            return _make_bit_scorer(self.words, convert_type(queries, "ubinary", None))
        weights, constants = queries, np.zeros(len(queries), np.float32)
        if self.kind in IN_STEPS and self.ranges is not None:
            # q · (step · u + least) = (q · step) · u + q · least: the bytes are used as they are
            least, greatest = self.ranges
            constants = queries @ least  # [Q]
            weights = queries * compute_step_sizes(least, greatest)  # [Q, D]
        scales = self.scales
        buffer = np.empty((min(BLOCK_ROWS, len(self)), len(queries)), np.float32)
        few = len(queries) <= EINSUM_QUERIES
        floats = np.empty((0, 0), np.float32)
        if self.parts and self.parts[0].dtype != np.float32:
            floats = np.empty((len(buffer), self.dimensions), np.float32)

        @np.errstate(over="ignore", invalid="ignore")  # NaN and infinity stay what they are
        def score(begin: int, block: Vectors) -> FloatArray:
            if block.dtype != np.float32:
                block = _fill_float32(floats[: len(block)], block)
            scores = buffer[: len(block)]  # [n, Q]
            if few:
                for column, query in enumerate(weights):
                    np.einsum("nd,d->n", block, query, out=scores[:, column])
            else:
                np.matmul(block, weights.T, out=scores)
            if self.kind in IN_STEPS:
                scores += constants
            if scales is not None:
                scores *= scales[begin : begin + len(block), None]
            return scores

        return score

    def exact_scores(self, query: FloatArray, ids: Int64Array) -> Float64Array:
        """The scores of some vectors for one query, computed in float64."""
        if self.originals is not None:
            return self.originals.exact_scores(query, ids)
        result: Float64Array = np.empty(len(ids))
        for begin in range(0, len(ids), BLOCK_ROWS):  # k may be the whole corpus
            block = slice(begin, begin + BLOCK_ROWS)
            rows = self.rows(ids[block]).astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                scores = rows @ query.astype(np.float64)
                if self.measure == "cosine" and self.words is None:
                    scores /= np.maximum(np.sqrt(np.einsum("nd,nd->n", rows, rows)), LEAST_NORM)
            result[block] = scores
        return result

    def _fit_float16(self) -> FloatArray:
        """[N], what keeps large numbers below infinity in float16 and changes no ranking."""
        if self.scales is not None:
            return self.scales
        largest = float(np.abs(self._find_ranges()).max())
        return np.full(len(self), FLOAT16_MAX / max(largest, FLOAT16_MAX), np.float32)

    def _find_ranges(self) -> FloatArray:
        """The least and the greatest number of each dimension of the valid vectors: [2, D]."""
        ends = []
        for begin, block in self.blocks():
            chosen = slice(None) if self.valid is None else self.valid[begin : begin + len(block)]
            if len(floats := self.to_floats(block[chosen])):
                ends.append((floats.min(axis=0), floats.max(axis=0)))
        if not ends:
            return np.zeros((2, self.dimensions), np.float32)
        least, greatest = (np.stack(part) for part in zip(*ends, strict=True))
        return np.stack([least.min(axis=0), greatest.max(axis=0)])

    def _pack_words(self) -> npt.NDArray[np.uint64]:
        width = -(-self.dimensions // 8)
        words = np.zeros((-(-width // 8), len(self)), np.uint64)
        for begin, block in self.blocks():
            padded = np.zeros((len(block), len(words) * 8), np.uint8)
            padded[:, :width] = _shift_to_unsigned(block)
            words[:, begin : begin + len(block)] = padded.view(np.uint64).T
        return words


class TopK:
    """The k best scores of each query so far; of equal scores the smaller ids.

    Args:
        queries: Q, how many queries there are.
        k: How many results each has at most.
    """

    def __init__(self, queries: int, k: int) -> None:
        self.ids: Int64Array = np.full((queries, k), -1, np.int64)
        self.scores: FloatArray = np.full((queries, k), -np.inf, np.float32)

    def add(self, ids: Int64Array, scores: FloatArray) -> None:
        """Take the scores [n, Q] of vectors with these ids, which are greater than all before.

        As long as there are fewer than k, slices that grow are taken: each gives the next a bound.
        """
        begin = 0
        size = max(1, len(scores))
        if not np.isfinite(self.scores[:, -1]).all():
            size = FIRST_SLICE * self.ids.shape[1]
        while begin < len(scores):
            self._merge(ids[begin : begin + size], scores[begin : begin + size])
            begin += size
            size *= FIRST_SLICE

    def _merge(self, ids: Int64Array, scores: FloatArray) -> None:
        count, k = scores.shape[0], self.ids.shape[1]
        beats = scores > self.scores[:, -1]  # [n, Q] a later vector must beat the worst
        candidates = np.flatnonzero(beats)
        if len(candidates) > 8 * FIRST_SLICE * self.ids.size and count > k:
            better = np.where(beats, scores, -np.inf)  # without NaN, which partition takes for most
            beats &= scores >= np.partition(better, count - k, axis=0)[count - k]
            candidates = np.flatnonzero(beats)
        if not len(candidates):
            return
        rows, queries = np.divmod(candidates, scores.shape[1])
        kept_queries, kept = np.nonzero(self.ids >= 0)
        all_queries = np.concatenate([kept_queries, queries])
        all_ids = np.concatenate([self.ids[kept_queries, kept], ids[rows]])
        all_scores = np.concatenate([self.scores[kept_queries, kept], scores[rows, queries]])
        order = np.lexsort((all_ids, -all_scores, all_queries))
        all_queries = all_queries[order]
        starts = np.searchsorted(all_queries, np.arange(len(self.ids)))
        ranks = np.arange(len(order)) - starts[all_queries]
        best = ranks < k
        self.ids[all_queries[best], ranks[best]] = all_ids[order[best]]
        self.scores[all_queries[best], ranks[best]] = all_scores[order[best]]


def find_nearest(
    corpus: Corpus,
    queries: FloatArray,
    k: int,
    *,
    mask: BoolArray | None = None,
    rescore_multiplier: int = 4,
    progress: Callable[[int], None] | None = None,
) -> tuple[Int64Array, FloatArray]:
    """Find the k vectors with the highest scores for each query.

    Args:
        corpus: The vectors to search in.
        queries: [Q, D] float32, finite.
        k: How many to find; with a smaller corpus all of it.
        mask: [N], which vectors may be results. None: all.
        rescore_multiplier: For bits, and for vectors that were made smaller, this many times k
            candidates are scored exactly.
        progress: Called with the number of finished queries.

    Returns:
        Ids and scores [Q, k'] with k' ≤ k; ids of -1 fill the rows of queries with fewer results.
    """
    if corpus.valid is not None:
        mask = corpus.valid if mask is None else mask & corpus.valid
    available = len(corpus) if mask is None else int(mask.sum())
    k = min(k, available)
    is_coarse = corpus.words is not None or corpus.originals is not None
    wide = k * rescore_multiplier if is_coarse else k + MARGIN
    if corpus.measure == "cosine" and (corpus.words is None or corpus.originals is not None):
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        queries = queries / np.maximum(lengths, LEAST_NORM)
    ids = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    if not k:  # an empty corpus may have no dimensions
        return ids, scores
    for begin in range(0, len(queries), QUERIES):
        chunk = queries[begin : begin + QUERIES]
        candidates = find_candidates(corpus, chunk, min(wide, available), mask)
        for row, query in enumerate(chunk):
            best_ids, best_scores = rank_candidates(corpus, query, candidates.ids[row], k)
            ids[begin + row, : len(best_ids)] = best_ids
            scores[begin + row, : len(best_ids)] = best_scores
        if progress is not None:
            progress(len(chunk))
    return ids, scores


def find_candidates(
    corpus: Corpus, queries: FloatArray, k: int, mask: BoolArray | None = None
) -> TopK:
    """The k vectors with the highest scores as blocks give them, rounded in float32."""
    best = TopK(len(queries), k)
    if not k:
        return best
    score = corpus.scorer(queries)
    for begin, block in corpus.blocks():
        ids = np.arange(begin, begin + len(block))
        scores = score(begin, block)
        if mask is not None:
            chosen = mask[begin : begin + len(block)]
            ids, scores = ids[chosen], scores[chosen]
        best.add(ids, scores)
    return best


def rank_candidates(
    corpus: Corpus, query: FloatArray, ids: Int64Array, k: int
) -> tuple[Int64Array, FloatArray]:
    """The k best of some ids by their exact scores, best first."""
    ids = ids[ids >= 0]
    scores = corpus.exact_scores(query, ids).astype(np.float32)
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def compute_step_sizes(least: FloatArray, greatest: FloatArray) -> FloatArray:
    """The size of one of 255 steps of each dimension; 1 where all numbers were equal."""
    sizes = (greatest - least) / np.float32(STEPS)
    return np.where(sizes == 0, np.float32(1), sizes).astype(np.float32)


def check_finite(vectors: FloatArray, name: str) -> None:
    """Refuse queries with NaN or infinite numbers, which are near to nothing.

    Raises:
        InputError: [vectors-not-finite].
    """
    finite = np.isfinite(vectors).all(axis=-1)
    if not finite.all():
        raise InputError(
            "vectors-not-finite",
            f"{name} {int(np.argmin(finite))} has NaN or infinite numbers",
            why="it has no distance to any vector",
            fix="Check the model that made it",
        )


def _make_bit_scorer(
    words: npt.NDArray[np.uint64], queries: npt.NDArray[np.uint8]
) -> Callable[[int, Vectors], FloatArray]:
    """Scores by the number of equal bits, as negative distances."""
    padded = np.zeros((len(queries), len(words) * 8), np.uint8)
    padded[:, : queries.shape[1]] = queries
    query_words = padded.view(np.uint64)  # [Q, words]

    def score(begin: int, block: Vectors) -> FloatArray:
        mine = words[:, begin : begin + len(block)]
        scores = np.empty((len(query_words), len(block)), np.float32)
        for row, query in zip(scores, query_words, strict=True):
            distances = np.zeros(len(block), np.uint16)
            for word, query_word in zip(mine, query, strict=True):
                distances += np.bitwise_count(word ^ query_word)
            np.negative(distances, out=row, dtype=np.float32, casting="unsafe")
        return scores.T

    return score


def _shift_to_unsigned(block: Vectors) -> npt.NDArray[np.uint8]:
    """int8 as the uint8 that it was made of: 128 less, so the upper bit turned."""
    if block.dtype == np.int8:
        return np.ascontiguousarray(block).view(np.uint8) ^ np.uint8(128)
    return np.asarray(block, np.uint8)


def _to_float32(block: npt.NDArray[Any]) -> FloatArray:
    """Any stored numbers as float32."""
    if block.dtype == np.float32:
        return block
    return _fill_float32(np.empty(block.shape, np.float32), block)


def _fill_float32(result: FloatArray, block: npt.NDArray[Any]) -> FloatArray:
    """Write the numbers of a block into `result`, a few rows at a time, which stay in the cache.

    float16 by moving its bits: a third of the time of numpy's own conversion (2.4).
    """
    for begin in range(0, len(block), CACHED_ROWS):
        rows, target = block[begin : begin + CACHED_ROWS], result[begin : begin + CACHED_ROWS]
        if rows.dtype == np.int8:
            target[:] = _shift_to_unsigned(rows)
        elif rows.dtype != np.float16:
            target[:] = rows
        else:
            bits = np.ascontiguousarray(rows).view(np.int16).astype(np.int32)
            bits <<= 13
            bits &= np.int32(-0x70002000)  # no more than one copy of the sign
            # exponents of float16 count from -15, of float32 from -127
            np.multiply(bits.view(np.float32), np.float32(2.0**112), out=target)
            target[np.abs(target) >= 65536] = np.nan  # where float16 has NaN and infinity
    return result
