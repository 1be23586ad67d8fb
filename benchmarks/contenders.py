"""What vector_quality.py compares: models of vectors, TF-IDF and BM25.

A contender answers with a score for each pair of texts, or for each query and document. BM25
searches only: its scores are no vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import bm25s
import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from albertkit import TextEmbedder
from albertkit.arrays import FloatArray

Texts: TypeAlias = Sequence[str]
Matrix: TypeAlias = Any  # [N, D] of unit rows: an array, or sparse


class Searcher(Protocol):
    """Scores documents for queries."""

    def search(self, queries: Texts, documents: Texts) -> FloatArray:
        """Scores [Q, D]."""


class Vectoriser(Searcher, Protocol):
    """A searcher by the cosines of vectors."""

    def compare(self, first: Texts, second: Texts) -> FloatArray:
        """Cosines [N] of the pairs."""

    def features(self, fitted: Texts, others: Texts) -> tuple[Matrix, Matrix]:
        """Unit vectors [N, D] of both; what is learned of the texts comes from `fitted`."""


class Model:
    """A model that albertkit opens.

    Args:
        name: of the model.
        truncate_dim: the dimensions of each vector that are kept; None: all.
    """

    def __init__(self, name: str, truncate_dim: int | None = None) -> None:
        self.embedder, self.truncate_dim = TextEmbedder(name, truncation="off"), truncate_dim

    def encode(self, texts: Texts) -> FloatArray:
        """Unit vectors [N, D]."""
        return unit(np.asarray(self.embedder.encode(list(texts)))[:, : self.truncate_dim])

    def compare(self, first: Texts, second: Texts) -> FloatArray:
        return np.asarray((self.encode(first) * self.encode(second)).sum(1))

    def search(self, queries: Texts, documents: Texts) -> FloatArray:
        return self.encode(queries) @ self.encode(documents).T

    def features(self, fitted: Texts, others: Texts) -> tuple[Matrix, Matrix]:
        return self.encode(fitted), self.encode(others)


class Tfidf:
    """Scikit-learn's TF-IDF, fitted on the texts that are compared."""

    def compare(self, first: Texts, second: Texts) -> FloatArray:
        words = TfidfVectorizer().fit([*first, *second])
        return np.asarray(words.transform(first).multiply(words.transform(second)).sum(1)).ravel()

    def search(self, queries: Texts, documents: Texts) -> FloatArray:
        words = TfidfVectorizer().fit(documents)
        return np.asarray((words.transform(queries) @ words.transform(documents).T).toarray())

    def features(self, fitted: Texts, others: Texts) -> tuple[Matrix, Matrix]:
        words = TfidfVectorizer().fit(fitted)
        return words.transform(fitted), words.transform(others)


class BM25:
    """bm25s with its defaults (Lucene's formula, k1 1.5, b 0.75, English stop words left out)."""

    def search(self, queries: Texts, documents: Texts) -> FloatArray:
        def tokenize(texts: Texts) -> list[list[str]]:
            tokens = bm25s.tokenize(
                list(texts), stopwords="en", return_ids=False, show_progress=False
            )
            return list(tokens)

        index = bm25s.BM25()
        index.index(tokenize(documents), show_progress=False)
        return np.stack([index.get_scores(tokens) for tokens in tokenize(queries)])


def unit(vectors: npt.NDArray[np.floating]) -> FloatArray:
    """The rows at length 1; a row of zeros stays."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)
