"""KeyBERT's backend. Given a class that it does not know, KeyBERT uses another model silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keybert.backend import BaseEmbedder

from albertkit.arrays import FloatArray
from albertkit.integrations.opening import open_embedder
from albertkit.tasks import TextEmbedder


class KeybertBackend(BaseEmbedder):
    """Vectors for KeyBERT.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        **options: Of TextEmbedder.

    Raises:
        AlbertKitError: As TextEmbedder.
    """

    def __init__(self, model: TextEmbedder | str | Path | None = None, **options: Any) -> None:
        super().__init__(embedding_model=open_embedder(model, options))

    def embed(self, documents: list[str], verbose: bool = False) -> FloatArray:
        """Encode documents or words.

        Args:
            documents: N texts.
            verbose: Show progress.

        Returns:
            [N, D] float32.
        """
        vectors: FloatArray = self.embedding_model.encode(documents, show_progress_bar=verbose)
        return vectors

    def __repr__(self) -> str:
        """The embedder."""
        return f"KeybertBackend({self.embedding_model!r})"
