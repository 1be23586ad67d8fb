"""Search, paraphrase mining and communities against sentence-transformers' own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import util

from albertkit import (
    TextEmbedder,
    community_detection,
    paraphrase_mining,
    paraphrase_mining_embeddings,
    semantic_search,
)
from albertkit.errors import InputError
from albertkit.tasks import nearest

RNG = np.random.default_rng(5)
CORPUS = RNG.normal(size=(700, 24)).astype(np.float32)
QUERIES = RNG.normal(size=(30, 24)).astype(np.float32)
# clusters of several sizes and noise, in a mixed order
CENTERS = RNG.normal(size=(9, 24))
CLUSTERED = np.concatenate(
    [center + RNG.normal(size=(7 * n + 3, 24)) * 0.25 for n, center in enumerate(CENTERS)]
    + [RNG.normal(size=(60, 24))]
).astype(np.float32)
K: Any = {"k": 3}
CLUSTERED = CLUSTERED[RNG.permutation(len(CLUSTERED))]


@pytest.fixture(autouse=True, params=[64, 32_768], ids=["many blocks", "one block"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK_ROWS", request.param)
    monkeypatch.setattr(nearest.Corpus.blocks, "__defaults__", (request.param,))


def assert_same_hits(ours: list[list[Any]], theirs: list[list[Any]]) -> None:
    assert [[hit["corpus_id"] for hit in hits] for hits in ours] == [
        [hit["corpus_id"] for hit in hits] for hits in theirs
    ]
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            [hit["score"] for hit in mine], [hit["score"] for hit in other], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("k", [1, 10, 100, 5000])
def test_search_gives_the_ids_and_scores_of_sentence_transformers(k: int) -> None:
    theirs = util.semantic_search(torch.tensor(QUERIES), torch.tensor(CORPUS), top_k=k)
    assert_same_hits(semantic_search(QUERIES, CORPUS, top_k=k), theirs)


@pytest.mark.parametrize("function", [util.dot_score, lambda a, b: np.asarray(a) @ b.T])
def test_search_by_a_function_of_the_caller(function: Callable[[Any, Any], Any]) -> None:
    theirs = util.semantic_search(
        torch.tensor(QUERIES), torch.tensor(CORPUS), score_function=util.dot_score
    )
    ours = semantic_search(
        QUERIES, CORPUS, score_function=function, query_chunk_size=7, corpus_chunk_size=90
    )
    for mine, other in zip(ours, theirs, strict=True):
        assert [hit["corpus_id"] for hit in mine] == [hit["corpus_id"] for hit in other]
        np.testing.assert_allclose(
            [hit["score"] for hit in mine], [hit["score"] for hit in other], rtol=1e-6
        )


def test_a_score_that_is_nan_hides_no_other() -> None:
    corpus = np.arange(2000, dtype=np.float32)[:, None]  # each scores higher than those before
    corpus[1500] = np.nan
    for k in (1, 5):
        (hits,) = semantic_search([[1.0]], corpus, top_k=k, score_function=lambda a, b: a @ b.T)
        assert [hit["corpus_id"] for hit in hits] == [*range(1999, 1999 - k, -1)]


def test_tensors_lists_and_one_vector_are_queries() -> None:
    expected = semantic_search(QUERIES[:1], CORPUS, top_k=3)
    for query in (torch.tensor(QUERIES[0]), QUERIES[0].tolist(), QUERIES[0]):
        assert semantic_search(query, torch.tensor(CORPUS), top_k=3) == expected


def test_nothing_is_searched_in_nothing() -> None:
    assert semantic_search(QUERIES[:2], np.empty((0, 24))) == [[], []]
    assert semantic_search(QUERIES[:2], []) == [[], []]
    assert semantic_search(np.empty((0, 24)), CORPUS) == []
    assert paraphrase_mining_embeddings(np.empty((0, 24))) == []
    assert community_detection(np.empty((0, 24))) == []


@pytest.mark.parametrize("options", [{}, {"top_k": 3}, {"max_pairs": 200}, {"top_k": 5000}])
def test_mining_gives_the_pairs_of_sentence_transformers(options: dict[str, Any]) -> None:
    theirs = util.paraphrase_mining_embeddings(torch.tensor(CLUSTERED), **options)
    ours = paraphrase_mining_embeddings(CLUSTERED, **options)
    assert {(i, j) for _, i, j in ours} == {(i, j) for _, i, j in theirs}
    scores = {(i, j): score for score, i, j in theirs}
    assert max(abs(scores[int(i), int(j)] - score) for score, i, j in ours) <= 1e-6
    assert ours == sorted(ours, key=lambda pair: -pair[0])


def test_mining_by_a_function_of_the_caller() -> None:
    theirs = util.paraphrase_mining_embeddings(
        torch.tensor(CLUSTERED), top_k=4, score_function=util.dot_score
    )
    ours = paraphrase_mining_embeddings(
        CLUSTERED, top_k=4, score_function=util.dot_score, query_chunk_size=50, corpus_chunk_size=70
    )
    assert {(i, j) for _, i, j in ours} == {(i, j) for _, i, j in theirs}


def test_texts_are_mined_through_their_vectors() -> None:
    embedder = TextEmbedder()
    texts = ["How old are you?", "The sea is blue.", "What is your age?"]
    pairs = paraphrase_mining(embedder, texts)
    assert pairs == paraphrase_mining_embeddings(embedder.encode(texts))
    assert pairs[0][1:] == [0, 2]
    assert util.paraphrase_mining(embedder, texts)[0][1:] == [0, 2]  # type: ignore[arg-type]  # ours has its methods


@pytest.mark.parametrize("threshold", [0.6, 0.75, 0.9])
@pytest.mark.parametrize("least", [1, 4, 10])
def test_communities_are_those_of_sentence_transformers(threshold: float, least: int) -> None:
    theirs = util.community_detection(CLUSTERED, threshold, least)
    assert theirs
    assert community_detection(CLUSTERED, threshold, least) == theirs


def test_communities_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = community_detection(CLUSTERED, 0.7, 3)
    monkeypatch.setattr("albertkit.tasks.mining.NEIGHBOURS", 20)
    assert community_detection(CLUSTERED, 0.7, 3, batch_size=5) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_near_to_nothing(value: float) -> None:
    vectors = CLUSTERED.copy()
    vectors[3, 2] = value
    others = np.delete(np.arange(len(vectors)), 3)
    hits = semantic_search(QUERIES[:1], vectors, top_k=len(vectors))[0]
    assert {hit["corpus_id"] for hit in hits} == {*others}
    assert all(3 not in pair[1:] for pair in paraphrase_mining_embeddings(vectors, top_k=300))
    assert all(3 not in ids for ids in community_detection(vectors, 0.5, 2))
    with pytest.raises(InputError, match=r"\[vectors-not-finite\]"):
        semantic_search(vectors[3], vectors)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: semantic_search(QUERIES[:, :5], CORPUS), "inputs-shape"),
        (lambda: semantic_search(np.zeros((1, 2, 3)), CORPUS), "inputs-shape"),
        (lambda: semantic_search(["a text"], CORPUS), "option-invalid"),
        (lambda: semantic_search(QUERIES, CORPUS, top_k=0), "option-invalid"),
        (lambda: semantic_search(QUERIES, CORPUS, **K), "unknown-keyword"),
        (
            lambda: semantic_search(QUERIES, CORPUS, score_function=lambda a, b: a),
            "inputs-shape",
        ),
        (lambda: community_detection(CLUSTERED, min_community_size=0), "option-invalid"),
        (lambda: community_detection(CLUSTERED, "0.5"), "option-invalid"),  # type: ignore[arg-type]
        (lambda: paraphrase_mining_embeddings(CLUSTERED, max_pairs=-1), "option-invalid"),
    ],
)
def test_wrong_arguments_are_refused(call: Callable[[], object], code: str) -> None:
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        call()
