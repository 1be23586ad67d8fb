"""Chroma's EmbeddingFunction, which a collection on disk remembers.

A collection in memory takes a TextEmbedder itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chromadb.api.types import Documents, EmbeddingFunction, Embeddings, Space
from chromadb.utils.embedding_functions import register_embedding_function

from albertkit.errors import InputError
from albertkit.integrations.opening import describe_embedder, open_embedder
from albertkit.tasks import TextEmbedder
from albertkit.tasks.job import hash_model

FINGERPRINT = "fingerprint"  # in a collection's config
SPACES: dict[str, Space] = {"cosine": "cosine", "dot": "ip", "euclidean": "l2"}


@register_embedding_function
class ChromaEmbeddingFunction(EmbeddingFunction[Documents]):
    """Vectors for a collection of Chroma, which opens the same model when it is read again.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        **options: Of TextEmbedder.

    Raises:
        AlbertKitError: As TextEmbedder.
    """

    def __init__(self, model: TextEmbedder | str | Path | None = None, **options: Any) -> None:
        self.embedder = open_embedder(model, options)
        self.settings = describe_embedder(model, options)

    def __call__(self, input: Documents) -> Embeddings:
        """Encode documents with the model's prompt for documents.

        Args:
            input: N texts.

        Returns:
            N vectors [D].
        """
        return list(self.embedder(list(input)))

    def embed_query(self, input: Documents) -> Embeddings:
        """Encode queries with the model's prompt for queries.

        Args:
            input: N texts.

        Returns:
            N vectors [D].
        """
        return list(self.embedder.encode_query(list(input)))

    @staticmethod
    def name() -> str:
        """The name by which a collection on disk remembers this class."""
        return "albertkit"

    def default_space(self) -> Space:
        """The model's own measure of similarity."""
        return SPACES.get(self.embedder.similarity_fn_name, "l2")

    def get_config(self) -> dict[str, Any]:
        """The model, its options and its fingerprint, for the collection's file."""
        return {**self.settings, FINGERPRINT: hash_model(self.embedder.model)}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> ChromaEmbeddingFunction:
        """Open the model that a collection remembers.

        Args:
            config: As `get_config` gave it.

        Raises:
            InputError: [index-differs] if other files have the model's name now.
            AlbertKitError: As TextEmbedder.
        """
        options = dict(config)
        before = options.pop(FINGERPRINT, None)
        opened = ChromaEmbeddingFunction(**options)
        _check_same(before, opened.get_config())
        return opened

    def validate_config_update(
        self, old_config: dict[str, Any], new_config: dict[str, Any]
    ) -> None:
        """Refuse to give a collection another model than the one that made its vectors.

        Args:
            old_config: As `get_config` gave it when the collection was made.
            new_config: As `get_config` gives it now.

        Raises:
            InputError: [index-differs].
        """
        _check_same(old_config.get(FINGERPRINT), new_config)

    def __repr__(self) -> str:
        """The embedder."""
        return f"ChromaEmbeddingFunction({self.embedder!r})"


def _check_same(before: str | None, config: Mapping[str, Any]) -> None:
    """Refuse a model with another fingerprint; collections of before had none."""
    if before not in (None, config[FINGERPRINT]):
        raise InputError(
            "index-differs",
            f"the vectors of this collection were made by another model than {config['model']!r}",
            why=f"its fingerprint was {before}, and is {config[FINGERPRINT]} now",
            fix="Give the model that made them, or embed the documents again",
        )
