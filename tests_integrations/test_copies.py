"""An object of each class is printed by its model, and its copies give the same vectors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import spacy
from tests_integrations.texts import TEXTS

from albertkit import TextEmbedder
from albertkit.integrations import (
    BertopicBackend,
    ChromaEmbeddingFunction,
    EmbeddingTransformer,
    KeybertBackend,
    LangChainEmbeddings,
    LlamaIndexEmbedding,
    SpacyVectors,
)

CLASSES: dict[Callable[[TextEmbedder], Any], Callable[[Any], Any]] = {
    BertopicBackend: lambda ours: ours.embed_documents(TEXTS),
    ChromaEmbeddingFunction: lambda ours: ours(TEXTS),
    EmbeddingTransformer: lambda ours: ours.transform(TEXTS),
    KeybertBackend: lambda ours: ours.embed(TEXTS),
    LangChainEmbeddings: lambda ours: ours.embed_documents(TEXTS),
    LlamaIndexEmbedding: lambda ours: ours.get_text_embedding_batch(TEXTS),
    SpacyVectors: lambda ours: ours(spacy.blank("en")(TEXTS[0])).tensor,
}


@pytest.mark.parametrize("make", CLASSES)
def test_a_copy_gives_the_same_vectors(
    make: Callable[[TextEmbedder], Any], embedder: TextEmbedder
) -> None:
    ours = make(embedder)
    expected = CLASSES[make](ours)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        np.testing.assert_array_equal(CLASSES[make](other), expected)
    assert str(embedder.model.path) in repr(ours)
