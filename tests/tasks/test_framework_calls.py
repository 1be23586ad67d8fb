"""The calls that LangChain, Chroma and small tools make, and sentence-transformers' own tools."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import (
    BinaryClassificationEvaluator,
    EmbeddingSimilarityEvaluator,
    InformationRetrievalEvaluator,
    ParaphraseMiningEvaluator,
    TripletEvaluator,
)
from tests.support.tiny_models import save_tiny_vectors

from albertkit.errors import InputError
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tasks import TextEmbedder

TEXTS = ["I like my phone", "My phone is not good.", "how old are you", "Global warming is real"]
PROMPTS = MappingProxyType({"query": "query: ", "document": "the text: "})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vectors(
        tmp_path_factory.mktemp("models") / "v", PoolingConfig(prompts=PROMPTS)
    )


@pytest.fixture(scope="module")
def ours(place: Path) -> TextEmbedder:
    return TextEmbedder(place)


def test_documents_and_queries_are_lists_of_floats(ours: TextEmbedder) -> None:
    documents = ours.embed_documents(TEXTS)
    assert type(documents[0][0]) is float
    np.testing.assert_array_equal(documents, ours.encode(TEXTS, prompt_name="document"))
    query = ours.embed_query(TEXTS[0])
    assert type(query[0]) is float
    np.testing.assert_array_equal(query, ours.encode(TEXTS[0], prompt_name="query"))


def test_a_list_of_queries_gives_a_list_of_vectors(ours: TextEmbedder) -> None:
    np.testing.assert_array_equal(
        ours.embed_query(input=TEXTS), ours.encode(TEXTS, prompt_name="query")
    )


def test_no_documents_are_no_vectors(ours: TextEmbedder) -> None:
    assert ours.embed_documents([]) == []


def test_documents_may_come_from_an_iterator(ours: TextEmbedder) -> None:
    assert ours.embed_documents(iter(TEXTS)) == ours.embed_documents(TEXTS)


def test_a_call_encodes_documents(ours: TextEmbedder) -> None:
    np.testing.assert_array_equal(ours(TEXTS), ours.encode_document(TEXTS))
    assert ours(input=TEXTS[0]).shape == (32,)


def test_an_event_loop_gets_the_same_vectors(ours: TextEmbedder) -> None:
    async def embed() -> tuple[list[list[float]], list[float]]:
        return await asyncio.gather(ours.aembed_documents(TEXTS), ours.aembed_query(TEXTS[0]))

    documents, query = asyncio.run(embed())
    assert documents == ours.embed_documents(TEXTS)
    assert query == ours.embed_query(TEXTS[0])


@pytest.mark.parametrize("texts", [[None], [3], None])
def test_what_is_no_text_is_refused(ours: TextEmbedder, texts: object) -> None:
    with pytest.raises(InputError, match=r"\[input-not-texts\]"):
        ours.embed_documents(texts)  # type: ignore[arg-type]  # that is the test


EVALUATORS = {
    "similarity": EmbeddingSimilarityEvaluator(TEXTS, TEXTS[::-1], [0.1, 0.9, 0.8, 0.2]),
    "triplets": TripletEvaluator(TEXTS[:2], TEXTS[1:3], TEXTS[2:]),
    "pairs": BinaryClassificationEvaluator(TEXTS, TEXTS[1:] + TEXTS[:1], [1, 0, 1, 0]),
    "retrieval": InformationRetrievalEvaluator(
        {"q": "my old phone"}, dict(zip("abcd", TEXTS, strict=True)), {"q": {"a", "b"}}
    ),
    "paraphrases": ParaphraseMiningEvaluator(
        dict(zip("abcd", TEXTS, strict=True)), [("a", "b")], add_transitive_closure=True
    ),
}


@pytest.mark.parametrize("name", EVALUATORS)
def test_evaluators_of_sentence_transformers_give_their_own_scores(
    name: str, place: Path, ours: TextEmbedder
) -> None:
    theirs = SentenceTransformer(str(place), device="cpu")
    expected = EVALUATORS[name](theirs)
    assert EVALUATORS[name](ours) == pytest.approx(expected, abs=1e-4)  # type: ignore[arg-type]
