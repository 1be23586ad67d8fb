"""Classes that other frameworks ask for, each imported at first use with its framework.

A TextEmbedder needs no class for LangChain's vector stores, Chroma in memory, datasets.map, pandas,
polars and sentence-transformers' tools: docs/integrations.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.integrations.bertopic import BertopicBackend as BertopicBackend
    from albertkit.integrations.chroma import ChromaEmbeddingFunction as ChromaEmbeddingFunction
    from albertkit.integrations.haystack import HaystackDocumentEmbedder as HaystackDocumentEmbedder
    from albertkit.integrations.haystack import HaystackTextEmbedder as HaystackTextEmbedder
    from albertkit.integrations.keybert import KeybertBackend as KeybertBackend
    from albertkit.integrations.langchain import LangChainEmbeddings as LangChainEmbeddings
    from albertkit.integrations.llama_index import LlamaIndexEmbedding as LlamaIndexEmbedding
    from albertkit.integrations.sklearn import EmbeddingTransformer as EmbeddingTransformer
    from albertkit.integrations.spacy import SpacyVectors as SpacyVectors

# name → its file here, and the package on PyPI that it needs
HOMES = {
    "BertopicBackend": ("bertopic", "bertopic"),
    "ChromaEmbeddingFunction": ("chroma", "chromadb"),
    "EmbeddingTransformer": ("sklearn", "scikit-learn"),
    "HaystackDocumentEmbedder": ("haystack", "haystack-ai"),
    "HaystackTextEmbedder": ("haystack", "haystack-ai"),
    "KeybertBackend": ("keybert", "keybert"),
    "LangChainEmbeddings": ("langchain", "langchain-core"),
    "LlamaIndexEmbedding": ("llama_index", "llama-index-core"),
    "SpacyVectors": ("spacy", "spacy"),
}

__all__ = ["HOMES"]  # a star import would import every framework


def __getattr__(name: str) -> object:
    if name not in HOMES:
        raise AttributeError(f"module 'albertkit.integrations' has no attribute {name!r}")
    file, package = HOMES[name]
    try:
        return getattr(import_module(f"albertkit.integrations.{file}"), name)
    except ModuleNotFoundError as error:
        from albertkit.errors.exceptions import ExtraImportError

        raise ExtraImportError(
            "extra-missing",
            f"{name} needs {error.name}, which is not installed",
            why="albertkit has no frameworks among its dependencies",
            fix=f"Run: pip install {package}",
        ) from error


def __dir__() -> list[str]:
    return sorted(HOMES)
