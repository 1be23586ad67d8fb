"""Search, paraphrase mining and communities over vectors, as functions of sentence-transformers.

Arguments, defaults and results are those of `sentence_transformers.util` (6.2). Differences: arrays
are read without torch; of equal scores the smaller ids come first; memory stays at one block of
scores and the results, also for communities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray, Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_cosine, check_integer, check_keywords
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.nearest import (
    QUERIES,
    Corpus,
    TopK,
    check_finite,
    find_candidates,
    find_nearest,
)
from albertkit.tasks.vector_types import to_array

ScoreFunction: TypeAlias = Callable[[Any, Any], Any]
NEIGHBOURS = 1 << 22  # of communities, collected at a time: 48 MB


@check_keywords
def semantic_search(  # noqa: PLR0917  # the order is sentence-transformers'
    query_embeddings: npt.ArrayLike,
    corpus_embeddings: npt.ArrayLike,
    query_chunk_size: int = 100,
    corpus_chunk_size: int = 500_000,
    top_k: int = 10,
    score_function: ScoreFunction | None = None,
) -> list[list[dict[str, int | float]]]:
    """Find the nearest vectors of a corpus for each query.

    Args:
        query_embeddings: [Q, D], or one vector [D]: arrays, lists or tensors.
        corpus_embeddings: [N, D].
        query_chunk_size: Queries that a score function gets at a time.
        corpus_chunk_size: Vectors of the corpus that a score function gets at a time.
        top_k: How many to find; with a smaller corpus all of it.
        score_function: Gives the scores [q, n] of two blocks of vectors, such as
            `TextEmbedder.similarity`. None: the cosine, in blocks that fit the processor's memory.

    Returns:
        For each query a list of {"corpus_id": …, "score": …}, highest score first.

    Raises:
        InputError: [inputs-shape], [option-invalid], [vectors-not-finite].
    """
    for name, value in (
        ("query_chunk_size", query_chunk_size),
        ("corpus_chunk_size", corpus_chunk_size),
        ("top_k", top_k),
    ):
        check_integer(name, value)
    queries = read_vectors(query_embeddings, "query_embeddings")
    corpus = read_vectors(corpus_embeddings, "corpus_embeddings")
    _check_widths(queries, corpus)
    if score_function is None:
        check_finite(queries, "query")
        ids, scores = find_nearest(Corpus.of([corpus], "float32", queries.shape[1]), queries, top_k)
    else:
        chunks = (
            queries[begin : begin + query_chunk_size]
            for begin in range(0, len(queries), query_chunk_size)
        )
        best = [_search_by(score_function, c, corpus, corpus_chunk_size, top_k) for c in chunks]
        best = best or [TopK(0, 0)]
        ids = np.concatenate([part.ids for part in best])
        scores = np.concatenate([part.scores for part in best])
    return [
        [{"corpus_id": i, "score": score} for i, score in zip(*row, strict=True) if i >= 0]
        for row in zip(ids.tolist(), scores.tolist(), strict=True)
    ]


@check_keywords
def paraphrase_mining(  # noqa: PLR0917  # the order is sentence-transformers'
    model: TextEmbedder,
    sentences: Sequence[str],
    show_progress_bar: bool = False,
    batch_size: int = 32,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100_000,
    max_pairs: int = 500_000,
    top_k: int = 100,
    score_function: ScoreFunction | None = None,
    truncate_dim: int | None = None,
    prompt_name: str | None = None,
    prompt: str | None = None,
) -> list[list[float | int]]:
    """Find the pairs of texts that are most alike.

    Args:
        model: A TextEmbedder.
        sentences: [N] texts.
        show_progress_bar: Whether to draw a progress bar while texts are encoded.
        batch_size: As in `TextEmbedder.encode`.
        query_chunk_size: As in `paraphrase_mining_embeddings`.
        corpus_chunk_size: As in `paraphrase_mining_embeddings`.
        max_pairs: As in `paraphrase_mining_embeddings`.
        top_k: As in `paraphrase_mining_embeddings`.
        score_function: As in `semantic_search`.
        truncate_dim: As in `TextEmbedder.encode`.
        prompt_name: As in `TextEmbedder.encode`.
        prompt: As in `TextEmbedder.encode`.

    Returns:
        [score, i, j] with i < j for each pair, highest score first.

    Raises:
        InputError: As `TextEmbedder.encode` and `paraphrase_mining_embeddings`.
    """
    vectors = model.encode(
        sentences,
        show_progress_bar=show_progress_bar,
        batch_size=batch_size,
        truncate_dim=truncate_dim,
        prompt_name=prompt_name,
        prompt=prompt,
    )
    return paraphrase_mining_embeddings(
        vectors, query_chunk_size, corpus_chunk_size, max_pairs, top_k, score_function
    )


@check_keywords
def paraphrase_mining_embeddings(  # noqa: PLR0917  # the order is sentence-transformers'
    embeddings: npt.ArrayLike,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100_000,
    max_pairs: int = 500_000,
    top_k: int = 100,
    score_function: ScoreFunction | None = None,
) -> list[list[float | int]]:
    """Find the pairs of vectors that are most alike.

    Args:
        embeddings: [N, D] arrays, lists or tensors.
        query_chunk_size: Vectors that a score function gets on the left at a time.
        corpus_chunk_size: Vectors that a score function gets on the right at a time.
        max_pairs: How many pairs to return at most.
        top_k: Consider only pairs of a vector with this many of its nearest others.
        score_function: As in `semantic_search`; symmetric.

    Returns:
        [score, i, j] with i < j for each pair, highest score first.

    Raises:
        InputError: [inputs-shape], [option-invalid].
    """
    for name, value in (
        ("query_chunk_size", query_chunk_size),
        ("corpus_chunk_size", corpus_chunk_size),
        ("max_pairs", max_pairs),
        ("top_k", top_k),
    ):
        check_integer(name, value)
    vectors = read_vectors(embeddings, "embeddings")
    count = len(vectors)
    corpus = None
    if score_function is None:
        corpus = Corpus.of([vectors], "float32", vectors.shape[1])
        vectors = scale_to_unit(vectors, corpus)
        query_chunk_size = min(query_chunk_size, QUERIES)
    pairs = np.empty(0, np.int64)  # i · N + j
    scores = np.empty(0, np.float32)
    for begin in range(0, count, query_chunk_size):
        chunk = vectors[begin : begin + query_chunk_size]
        if corpus is not None:
            best = find_candidates(corpus, chunk, min(top_k + 1, count), corpus.valid)
        elif score_function is not None:
            best = _search_by(score_function, chunk, vectors, corpus_chunk_size, top_k + 1)
        new_pairs, new_scores = _list_pairs(best, begin, count, top_k)
        pairs, scores = _select_best_pairs(
            np.concatenate([pairs, new_pairs]), np.concatenate([scores, new_scores]), max_pairs
        )
    order = np.lexsort((pairs, -scores))
    first, second = np.divmod(pairs[order], max(count, 1))
    rows = zip(scores[order].tolist(), first.tolist(), second.tolist(), strict=True)
    return [[score, i, j] for score, i, j in rows]


@check_keywords
def community_detection(
    embeddings: npt.ArrayLike,
    threshold: float = 0.75,
    min_community_size: int = 10,
    batch_size: int = 1024,
    show_progress_bar: bool = False,
) -> list[list[int]]:
    """Find groups of vectors that are near to a central one of them.

    Near vectors are counted first; the members of a community are collected later, one community
    at a time. So memory does not grow with the number of near pairs.

    Args:
        embeddings: [N, D] arrays, lists or tensors.
        threshold: The smallest cosine of a member with the central vector, -1 to 1.
        min_community_size: The smallest number of members of a community.
        batch_size: Central vectors that are compared at a time, up to 512.
        show_progress_bar: Whether to draw a progress bar on standard error.

    Returns:
        The communities, largest first, each a list of ids without the ids of earlier ones; the
        central vector first, then the nearest.

    Raises:
        InputError: [inputs-shape], [option-invalid].
    """
    check_cosine("threshold", threshold)
    check_integer("min_community_size", min_community_size)
    batch_size = min(check_integer("batch_size", batch_size), QUERIES)
    vectors = read_vectors(embeddings, "embeddings")
    if len(vectors) < min_community_size or not len(vectors):
        return []
    corpus = Corpus.of([vectors], "float32", vectors.shape[1])
    vectors = scale_to_unit(vectors, corpus)
    progress = ProgressLine(len(vectors), unit=" vectors") if show_progress_bar else None
    try:
        counts = _count_neighbours(corpus, vectors, threshold, batch_size, progress)  # [N]
    finally:
        if progress is not None:
            progress.close()
    centers = np.flatnonzero(counts >= min_community_size)
    centers = centers[np.argsort(-counts[centers], kind="stable")]
    used = np.zeros(len(vectors), np.bool_)
    communities: list[list[int]] = []
    while len(centers := centers[~used[centers]]):
        most = int(np.searchsorted(np.cumsum(counts[centers[:batch_size]]), NEIGHBOURS))
        now, centers = centers[: max(1, most)], centers[max(1, most) :]
        members = _collect_neighbours(corpus, vectors[now], threshold)
        for center, near in zip(now.tolist(), members, strict=True):
            if used[center]:
                continue
            free = near[~used[near]]
            if len(free) >= min_community_size:
                community = [center, *free[free != center].tolist()]
                used[community] = True
                communities.append(community)
    return sorted(communities, key=len, reverse=True)


def read_vectors(value: npt.ArrayLike, name: str) -> FloatArray:
    """What a caller gave as float32 [N, D].

    Raises:
        InputError: [inputs-shape], [option-invalid].
    """
    array = to_array(value, name)
    if array.ndim not in {1, 2}:
        raise InputError(
            "inputs-shape",
            f"{name} has the shape {list(array.shape)}",
            why="vectors are an array [N, D], or one vector [D]",
            fix="Give the vectors as encode returns them",
        )
    array = array.reshape(0, 0) if array.size == 0 and array.ndim == 1 else np.atleast_2d(array)
    result: FloatArray = array.astype(np.float32, copy=False)
    return result


def scale_to_unit(vectors: FloatArray, corpus: Corpus) -> FloatArray:
    """The vectors with length 1; what is not finite becomes NaN, which is near to nothing."""
    if corpus.scales is None:
        return vectors
    with np.errstate(invalid="ignore"):
        scaled: FloatArray = vectors * corpus.scales[:, None]
    return scaled


def find_near_pairs(
    corpus: Corpus, queries: FloatArray, threshold: float, *, begin: int = 0
) -> Iterator[tuple[npt.NDArray[np.intp], Int64Array, FloatArray]]:
    """Yield (query, id, score) of all pairs with a score of at least `threshold`, block by block.

    Args:
        corpus: The vectors to search in.
        queries: [Q, D] of length 1.
        threshold: The least score.
        begin: Leave out the vectors with smaller ids.
    """
    score = corpus.scorer(queries)
    for offset, block in corpus.blocks():
        if offset + len(block) <= begin:
            continue
        scores = score(offset, block)
        near = scores >= np.float32(threshold)
        if corpus.valid is not None:
            near &= corpus.valid[offset : offset + len(block), None]
        rows, columns = np.nonzero(near)
        yield columns, rows + offset, scores[rows, columns]


def _search_by(
    function: ScoreFunction, queries: FloatArray, corpus: FloatArray, rows: int, k: int
) -> TopK:
    """The k best vectors by the scores that a function of the caller gives."""
    best = TopK(len(queries), min(k, len(corpus)))
    for begin in range(0, len(corpus), rows):
        block = corpus[begin : begin + rows]
        scores = to_array(function(queries, block), "the scores")
        if scores.shape != (len(queries), len(block)):
            raise InputError(
                "inputs-shape",
                f"the score function gave {list(scores.shape)} for {len(queries)} and {len(block)}"
                " vectors",
                why=f"it must give [{len(queries)}, {len(block)}], a score for each pair",
                fix="Give such a function, or leave score_function out for the cosine",
            )
        best.add(np.arange(begin, begin + len(block)), scores.astype(np.float32, copy=False).T)
    return best


def _list_pairs(best: TopK, begin: int, count: int, top_k: int) -> tuple[Int64Array, FloatArray]:
    """The pairs of vectors with their neighbours, as i · count + j with i < j, and their scores."""
    own = np.arange(begin, begin + len(best.ids))[:, None]
    others = (best.ids >= 0) & (best.ids != own)
    others &= np.cumsum(others, axis=1) <= top_k
    rows, columns = np.nonzero(others)
    left, right = rows + begin, best.ids[rows, columns]
    pairs = np.minimum(left, right) * count + np.maximum(left, right)
    return pairs, best.scores[rows, columns]


def _select_best_pairs(
    pairs: Int64Array, scores: FloatArray, most: int
) -> tuple[Int64Array, FloatArray]:
    """Each pair once, and of those the best `most`."""
    pairs, first = np.unique(pairs, return_index=True)
    scores = scores[first]
    if len(pairs) > most:
        keep = np.lexsort((pairs, -scores))[:most]
        pairs, scores = pairs[keep], scores[keep]
    return pairs, scores


def _count_neighbours(
    corpus: Corpus,
    vectors: FloatArray,
    threshold: float,
    batch_size: int,
    progress: ProgressLine | None,
) -> Int64Array:
    """How many vectors are near to each, itself included: [N]."""
    counts = np.zeros(len(vectors), np.int64)
    for begin in range(0, len(vectors), batch_size):
        batch = vectors[begin : begin + batch_size]
        mine = counts[begin : begin + len(batch)]
        for columns, _, _ in find_near_pairs(corpus, batch, threshold):
            mine += np.bincount(columns, minlength=len(batch))
        if progress is not None:
            progress(len(batch))
    return counts


def _collect_neighbours(corpus: Corpus, queries: FloatArray, threshold: float) -> list[Int64Array]:
    """The ids near to each query, nearest first."""
    blocks = list(find_near_pairs(corpus, queries, threshold))
    columns, ids, scores = (np.concatenate(part) for part in zip(*blocks, strict=True))
    order = np.lexsort((ids, -scores, columns))
    ends = np.searchsorted(columns[order], np.arange(1, len(queries)))
    return np.split(ids[order], ends)


def _check_widths(queries: FloatArray, corpus: FloatArray) -> None:
    if len(queries) and len(corpus) and queries.shape[1] != corpus.shape[1]:
        raise InputError(
            "inputs-shape",
            f"queries have {queries.shape[1]} numbers, the corpus {corpus.shape[1]}",
            why="only vectors of one width can be compared",
            fix="Take vectors of one model and one truncate_dim",
        )
