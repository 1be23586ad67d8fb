"""BERTopic and KeyBERT compute with our vectors, and with no others."""

from __future__ import annotations

import numpy as np
import pytest
from bertopic import BERTopic
from bertopic.backend._utils import select_backend
from keybert import KeyBERT
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from tests_integrations.texts import FOOD, LABELS, TEXTS

from albertkit import TextEmbedder
from albertkit.integrations import BertopicBackend, KeybertBackend


def test_bertopic_takes_our_backend_as_it_is(embedder: TextEmbedder) -> None:
    ours = BertopicBackend(embedder)
    assert select_backend(ours, language="english") is ours
    assert repr(ours) == f"BertopicBackend({embedder!r})"


def test_bertopic_finds_the_topics_of_our_vectors() -> None:
    embedder = TextEmbedder()
    topics = BERTopic(
        embedding_model=BertopicBackend(embedder),
        umap_model=PCA(n_components=3),
        hdbscan_model=KMeans(3, n_init=10, random_state=0),
    )
    numbers, _ = topics.fit_transform(TEXTS)
    groups = {
        label: {n for n, other in zip(numbers, LABELS, strict=True) if other == label}
        for label in LABELS
    }
    assert sorted(map(len, groups.values())) == [1, 1, 1], "a topic is a label"
    expected = embedder.encode(TEXTS)
    centre = expected[[n == numbers[0] for n in numbers]].mean(axis=0)
    np.testing.assert_allclose(topics.topic_embeddings_[numbers[0]], centre, atol=1e-5)
    results, _ = topics.find_topics("a meal of soup", top_n=1)
    assert results == [numbers[TEXTS.index(FOOD[0])]]


def test_keybert_ranks_words_by_our_vectors() -> None:
    embedder = TextEmbedder()
    text = " ".join(FOOD)
    words = CountVectorizer(stop_words="english").fit([text]).get_feature_names_out()
    vectors = embedder.encode([text, *words])
    cosines = vectors[1:] @ vectors[0]
    best = [words[number] for number in np.argsort(-cosines)[:3]]
    keywords = KeyBERT(KeybertBackend(embedder)).extract_keywords(text, top_n=3)
    assert [word for word, _ in keywords] == best
    assert [score for _, score in keywords] == pytest.approx(sorted(cosines)[::-1][:3], abs=1e-4)
