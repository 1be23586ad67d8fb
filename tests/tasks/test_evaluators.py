"""sentence-transformers' evaluators and miners take a TextEmbedder, and give the same figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentence_transformers
from sentence_transformers import util
from sentence_transformers.sentence_transformer import evaluation
from tests.support.tiny_models import save_tiny_vectors

from albertkit import TextEmbedder
from albertkit.spec.pooling_config import PoolingConfig

QUERIES = ["a cat sat", "two dogs ran", "the sky is blue", "I like tea", "he reads a book"]
TEXTS = ["one cat is sitting", "dogs are running", "a blue sky", "tea is good", "a book is read"]
IDS = [str(number) for number in range(len(QUERIES))]
CALLS: dict[str, Callable[[Any], Any]] = {
    "similarity": evaluation.EmbeddingSimilarityEvaluator(QUERIES, TEXTS, [0.9, 0.1, 0.5, 0.4, 0]),
    "binary": evaluation.BinaryClassificationEvaluator(QUERIES, TEXTS, [1, 0, 1, 0, 1]),
    # no text is both positive and negative: rounding would choose one of two equal cosines
    "triplet": evaluation.TripletEvaluator(QUERIES, TEXTS, [*TEXTS[1:], TEXTS[0]]),
    "retrieval": evaluation.InformationRetrievalEvaluator(
        dict(zip(IDS, QUERIES, strict=True)),
        dict(zip(IDS, TEXTS, strict=True)),
        {number: {number} for number in IDS},
    ),
    "translation": evaluation.TranslationEvaluator(QUERIES, TEXTS),
    "reranking": evaluation.RerankingEvaluator(
        [{"query": QUERIES[0], "positive": TEXTS[:1], "negative": TEXTS[1:]}]
    ),
    "paraphrase mining": lambda model: {
        (first, second): score
        for score, first, second in util.paraphrase_mining(model, QUERIES + TEXTS)
    },
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "vectors", PoolingConfig())


@pytest.mark.parametrize("name", CALLS)
def test_the_figures_are_those_of_a_sentence_transformer(name: str, directory: Path) -> None:
    theirs = sentence_transformers.SentenceTransformer(str(directory), device="cpu")
    expected = CALLS[name](theirs)
    assert len(expected) > 0
    # in numpy: other engines sum in another order, which a correlation of five values enlarges
    embedder = TextEmbedder(directory, engine="numpy")
    assert CALLS[name](embedder) == pytest.approx(expected, abs=1e-5)
