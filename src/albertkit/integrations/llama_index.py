"""LlamaIndex's BaseEmbedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import Field, PrivateAttr

from albertkit.integrations.opening import describe_embedder, open_embedder
from albertkit.tasks import TextEmbedder

LARGEST_BATCH = 2048  # LlamaIndex allows no more; its default of 10 leaves our rows half empty


class LlamaIndexEmbedding(BaseEmbedding):
    """Vectors for LlamaIndex.

    Args:
        model_name: A TextEmbedder, or what its constructor takes.
        embedder_options: Keywords of TextEmbedder.
        embed_batch_size: Texts that LlamaIndex gives at a time.
        **fields: Of LlamaIndex's BaseEmbedding.

    Raises:
        AlbertKitError: As TextEmbedder.
    """

    embedder_options: dict[str, Any] = Field(default_factory=dict)
    _embedder: TextEmbedder = PrivateAttr()

    def __init__(
        self,
        model_name: TextEmbedder | str | Path | None = None,
        *,
        embedder_options: dict[str, Any] | None = None,
        embed_batch_size: int = LARGEST_BATCH,
        **fields: Any,
    ) -> None:
        embedder = open_embedder(model_name, embedder_options or {})
        settings = describe_embedder(model_name, embedder_options or {})
        super().__init__(
            model_name=settings.pop("model"),
            embedder_options=settings,
            embed_batch_size=embed_batch_size,
            **fields,
        )
        self._embedder = embedder

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex writes it to files."""
        return "LlamaIndexEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embedder.embed_query(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embedder.embed_documents([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.embed_documents(texts)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await self._embedder.aembed_query(query)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._embedder.aembed_documents(texts)
