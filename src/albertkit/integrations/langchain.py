"""LangChain's Embeddings, for code that asks for an object of that class.

Vector stores of LangChain take a TextEmbedder itself: it has the same methods.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings

from albertkit.integrations.opening import open_embedder
from albertkit.tasks import TextEmbedder


class LangChainEmbeddings(Embeddings):
    """Vectors for LangChain.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        **options: Of TextEmbedder.

    Raises:
        AlbertKitError: As TextEmbedder.
    """

    def __init__(self, model: TextEmbedder | str | Path | None = None, **options: Any) -> None:
        self.embedder = open_embedder(model, options)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Encode documents with the model's prompt for documents.

        Args:
            texts: N texts.

        Returns:
            N lists of D numbers.
        """
        return self.embedder.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        """Encode a query with the model's prompt for queries.

        Args:
            text: One text.

        Returns:
            D numbers.
        """
        return self.embedder.embed_query(text)

    def __repr__(self) -> str:
        """The embedder."""
        return f"LangChainEmbeddings({self.embedder!r})"
