"""Haystack's two components for vectors: one for a query, one for documents.

The model is opened at `warm_up`, or at the first run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from haystack import Document, component, default_to_dict

from albertkit.errors import InputError
from albertkit.errors.arguments import describe_value
from albertkit.integrations.opening import describe_embedder, open_embedder
from albertkit.tasks import TextEmbedder


class _Model:
    """A model that is opened when it is needed, and its description in a pipeline's file."""

    def __init__(
        self, model: TextEmbedder | str | Path | None, options: dict[str, Any] | None
    ) -> None:
        self.settings = describe_embedder(model, options or {})
        is_open = isinstance(model, TextEmbedder)
        self.embedder = open_embedder(model, options or {}) if is_open else None

    def open(self) -> TextEmbedder:
        """The open model."""
        if self.embedder is None:
            self.embedder = TextEmbedder(**self.settings)
        return self.embedder

    def parameters(self) -> dict[str, Any]:
        """The arguments of a component for this model."""
        options = dict(self.settings)
        return {"model": options.pop("model"), "options": options}


@component
class HaystackTextEmbedder:
    """The vector of a query, for Haystack.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        options: Keywords of TextEmbedder.

    Raises:
        AlbertKitError: As TextEmbedder, when the model is opened.
    """

    def __init__(
        self,
        model: TextEmbedder | str | Path | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self._model = _Model(model, options)

    def warm_up(self) -> None:
        """Open the model."""
        self._model.open()

    def to_dict(self) -> dict[str, Any]:
        """Describe the component for a pipeline's file."""
        written: dict[str, Any] = default_to_dict(self, **self._model.parameters())
        return written

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        """Encode a query with the model's prompt for queries.

        Args:
            text: One text.

        Returns:
            "embedding": D numbers.

        Raises:
            InputError: [text-not-a-string] for documents.
        """
        if not isinstance(text, str):
            raise InputError(
                "text-not-a-string",
                f"the query is {describe_value(text)}",
                why="this component makes the vector of one text",
                fix="Use HaystackDocumentEmbedder for documents",
            )
        return {"embedding": self._model.open().embed_query(text)}


@component
class HaystackDocumentEmbedder:
    """The vectors of documents, for Haystack.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        options: Keywords of TextEmbedder.
        meta_fields_to_embed: Fields of a document's meta that are put before its content.
        embedding_separator: What is put between these.

    Raises:
        AlbertKitError: As TextEmbedder, when the model is opened.
    """

    def __init__(
        self,
        model: TextEmbedder | str | Path | None = None,
        options: dict[str, Any] | None = None,
        meta_fields_to_embed: Sequence[str] | None = None,
        embedding_separator: str = "\n",
    ) -> None:
        self._model = _Model(model, options)
        self.meta_fields_to_embed = list(meta_fields_to_embed or ())
        self.embedding_separator = embedding_separator

    def warm_up(self) -> None:
        """Open the model."""
        self._model.open()

    def to_dict(self) -> dict[str, Any]:
        """Describe the component for a pipeline's file."""
        written: dict[str, Any] = default_to_dict(
            self,
            meta_fields_to_embed=self.meta_fields_to_embed,
            embedding_separator=self.embedding_separator,
            **self._model.parameters(),
        )
        return written

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Encode documents with the model's prompt for documents.

        Args:
            documents: N documents with content.

        Returns:
            "documents": N new documents, each with its vector.

        Raises:
            InputError: [input-not-texts] for what is not a list of documents, or has no content.
        """
        vectors = self._model.open().embed_documents(self._texts(documents))
        return {
            "documents": [
                replace(document, embedding=vector)
                for document, vector in zip(documents, vectors, strict=True)
            ]
        }

    def _texts(self, documents: list[Document]) -> list[str]:
        """What is read of each document."""
        if not isinstance(documents, list) or not all(isinstance(d, Document) for d in documents):
            raise InputError(
                "input-not-texts",
                f"the documents are {describe_value(documents)}",
                why="this component makes the vectors of a list of Documents",
                fix="Use HaystackTextEmbedder for a query",
            )
        for number, document in enumerate(documents):
            if document.content is None:
                raise InputError(
                    "input-not-texts",
                    f"document {number} (id {document.id}) has no content",
                    why="an image or other data has no vector here",
                    fix="Leave it out",
                )
        return [
            self.embedding_separator.join(
                [
                    *(
                        str(document.meta[name])
                        for name in self.meta_fields_to_embed
                        if document.meta.get(name) is not None
                    ),
                    document.content,
                ]
            )
            for document in documents
        ]
