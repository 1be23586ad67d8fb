"""LangChain, LlamaIndex, Haystack and Chroma find what TextEmbedder says is nearest."""

from __future__ import annotations

import asyncio
import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from chromadb.api.client import SharedSystemClient
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryEmbeddingRetriever
from haystack.core.serialization import component_from_dict, component_to_dict
from haystack.document_stores.in_memory import InMemoryDocumentStore
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document as LlamaDocument
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from tests.support.tiny_models import save_tiny_vectors
from tests_integrations.texts import TEXTS

from albertkit import TextEmbedder
from albertkit.errors import InputError
from albertkit.integrations import (
    ChromaEmbeddingFunction,
    HaystackDocumentEmbedder,
    HaystackTextEmbedder,
    LangChainEmbeddings,
    LlamaIndexEmbedding,
)
from albertkit.spec.pooling_config import Normalize, PoolingConfig

QUERY = "the telephone and its camera"


def nearest(embedder: TextEmbedder, count: int = 3) -> list[str]:
    """The oracle: cosines of the query with all texts."""
    query = embedder.encode(QUERY, prompt_name="query")
    documents = embedder.encode(TEXTS, prompt_name="document")
    return [TEXTS[number] for number in np.argsort(-(documents @ query))[:count]]


@pytest.mark.parametrize("wrap", [lambda e: e, LangChainEmbeddings], ids=["itself", "class"])
def test_langchains_stores_search(
    wrap: Callable[[TextEmbedder], Any], embedder: TextEmbedder
) -> None:
    store = InMemoryVectorStore.from_texts(TEXTS, wrap(embedder))
    results = store.similarity_search(QUERY, k=3)
    assert [document.page_content for document in results] == nearest(embedder)
    results = asyncio.run(store.asimilarity_search(QUERY, k=3))
    assert [document.page_content for document in results] == nearest(embedder)


def test_langchains_class_is_one(model: Path, embedder: TextEmbedder) -> None:
    ours = LangChainEmbeddings(model, max_length=12)
    assert isinstance(ours, Embeddings)
    assert repr(ours) == f"LangChainEmbeddings({ours.embedder!r})"
    assert ours.embedder.max_seq_length == 12
    assert asyncio.run(ours.aembed_query(QUERY)) == ours.embed_query(QUERY)
    assert asyncio.run(ours.aembed_documents(TEXTS)) == ours.embed_documents(TEXTS)


def test_options_with_an_open_embedder_are_refused(embedder: TextEmbedder) -> None:
    with pytest.raises(InputError, match=r"max_length and an open TextEmbedder .*option-invalid"):
        LangChainEmbeddings(embedder, max_length=12)


def test_llama_index_searches_and_opens_its_index_again(
    embedder: TextEmbedder, tmp_path: Path
) -> None:
    ours = LlamaIndexEmbedding(embedder)
    documents = [LlamaDocument(text=text) for text in TEXTS]
    index = VectorStoreIndex.from_documents(documents, embed_model=ours)
    index.storage_context.persist(str(tmp_path / "index"))
    storage = StorageContext.from_defaults(persist_dir=str(tmp_path / "index"))
    for each in (index, load_index_from_storage(storage, embed_model=ours)):
        results = each.as_retriever(similarity_top_k=3).retrieve(QUERY)
        assert [node.text for node in results] == nearest(embedder)
    results = asyncio.run(index.as_retriever(similarity_top_k=3).aretrieve(QUERY))
    assert [node.text for node in results] == nearest(embedder)


def test_llama_index_calls_embed_queries_texts_and_nothing(embedder: TextEmbedder) -> None:
    ours = LlamaIndexEmbedding(embedder)
    assert ours.get_query_embedding(QUERY) == embedder.embed_query(QUERY)
    assert ours.get_text_embedding(QUERY) == embedder.embed_documents([QUERY])[0]
    assert ours.get_text_embedding_batch([]) == []
    batch = asyncio.run(ours.aget_text_embedding_batch(TEXTS))
    assert batch == embedder.embed_documents(TEXTS)
    assert ours.embed_batch_size == 2048


def test_a_llama_index_dict_opens_the_same_model(model: Path) -> None:
    ours = LlamaIndexEmbedding(TextEmbedder(model, max_length=9, pooling="max"))
    again = LlamaIndexEmbedding.from_dict(ours.to_dict())
    assert again.get_query_embedding(QUERY) == ours.get_query_embedding(QUERY)


def haystack_index(embedder: TextEmbedder) -> InMemoryDocumentStore:
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    documents = [Document(content=text) for text in TEXTS]
    store.write_documents(HaystackDocumentEmbedder(embedder).run(documents)["documents"])
    return store


def test_a_haystack_pipeline_searches_and_is_read_from_its_file(model: Path) -> None:
    embedder = TextEmbedder(model, max_length=14)
    pipeline = Pipeline()
    pipeline.add_component("query", HaystackTextEmbedder(str(model), {"max_length": 14}))
    pipeline.add_component("search", InMemoryEmbeddingRetriever(haystack_index(embedder), top_k=3))
    pipeline.connect("query.embedding", "search.query_embedding")
    results = pipeline.run({"query": {"text": QUERY}})["search"]["documents"]
    assert [document.content for document in results] == nearest(embedder)
    trust = {"allowed_modules": ["albertkit.integrations.haystack"]}  # Haystack 2 asks for none
    allowed = trust if "allowed_modules" in inspect.signature(Pipeline.loads).parameters else {}
    again = Pipeline.loads(pipeline.dumps(), **allowed)
    vector = again.get_component("query").run(QUERY)["embedding"]
    assert vector == embedder.embed_query(QUERY)


def test_haystacks_documents_can_have_a_title(embedder: TextEmbedder) -> None:
    ours = HaystackDocumentEmbedder(
        embedder, meta_fields_to_embed=["title", "none"], embedding_separator=": "
    )
    document = Document(content="the camera", meta={"title": "Phones"})
    (done,) = ours.run([document])["documents"]
    assert done.embedding == embedder.embed_documents(["Phones: the camera"])[0]
    assert document.embedding is None
    again = component_from_dict(HaystackDocumentEmbedder, component_to_dict(ours, "a"), "a")
    assert again.run([document])["documents"][0].embedding == done.embedding


def test_haystacks_components_refuse_each_others_input(embedder: TextEmbedder) -> None:
    with pytest.raises(InputError, match=r"Use HaystackDocumentEmbedder .*\[text-not-a-string\]"):
        HaystackTextEmbedder(embedder).run([Document(content="a")])
    with pytest.raises(InputError, match=r"Use HaystackTextEmbedder .*\[input-not-texts\]"):
        HaystackDocumentEmbedder(embedder).run("a text")
    with pytest.raises(InputError, match=r"document 1 .* has no content.*\[input-not-texts\]"):
        HaystackDocumentEmbedder(embedder).run([Document(content="a"), Document(meta={"b": 1})])


@pytest.mark.parametrize("wrap", [lambda e: e, ChromaEmbeddingFunction], ids=["itself", "class"])
def test_chroma_searches_in_memory(
    wrap: Callable[[TextEmbedder], Any], embedder: TextEmbedder
) -> None:
    client = chromadb.EphemeralClient()
    collection = client.create_collection(f"texts{id(wrap)}", embedding_function=wrap(embedder))
    collection.add(ids=[str(number) for number in range(len(TEXTS))], documents=TEXTS)
    results = collection.query(query_texts=[QUERY, QUERY], n_results=3)
    assert results["documents"] == [nearest(embedder)] * 2


def test_chroma_opens_a_collection_on_disk_with_the_same_model(model: Path, tmp_path: Path) -> None:
    embedder = TextEmbedder(model, truncate_dim=16)
    client = chromadb.PersistentClient(str(tmp_path / "db"))
    ours = ChromaEmbeddingFunction(str(model), truncate_dim=16)
    collection = client.create_collection("texts", embedding_function=ours)
    assert collection.configuration["hnsw"]["space"] == "cosine"
    collection.add(ids=[str(number) for number in range(len(TEXTS))], documents=TEXTS)
    SharedSystemClient.clear_system_cache()
    again = chromadb.PersistentClient(str(tmp_path / "db")).get_collection("texts")
    vectors = embedder.encode(TEXTS, prompt_name="document")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    query = embedder.encode(QUERY, prompt_name="query")
    best = [TEXTS[number] for number in np.argsort(-(unit @ query))[:3]]
    assert again.query(query_texts=[QUERY], n_results=3)["documents"] == [best]


def test_a_chroma_collection_refuses_another_model_of_the_same_width(
    model: Path, tmp_path: Path
) -> None:
    here = shutil.copytree(model, tmp_path / "model")
    client = chromadb.PersistentClient(str(tmp_path / "db"))
    ours = ChromaEmbeddingFunction(str(here))
    collection = client.create_collection("texts", embedding_function=ours)
    collection.add(ids=["a"], documents=["a text"])
    shutil.rmtree(here)
    save_tiny_vectors(here, PoolingConfig(steps=(Normalize(),)), seed=5)
    SharedSystemClient.clear_system_cache()
    client = chromadb.PersistentClient(str(tmp_path / "db"))
    with pytest.raises(ValueError, match=r"made by another model .*\[index-differs\]"):
        client.get_collection("texts").query(query_texts=[QUERY])
    other = ChromaEmbeddingFunction(str(here))
    with pytest.raises(InputError, match=r"\[index-differs\]"):
        other.validate_config_update(ours.get_config(), other.get_config())
    other.validate_config_update(other.get_config(), other.get_config())
