"""The calls by which other frameworks ask for vectors: embed_documents, embed_query, a plain call.

LangChain, its vector stores and many small tools look for these names, and the tools of
sentence-transformers for a model card, so an embedder needs no wrapper there. A script that was
written for sentence-transformers calls methods of torch modules too.
`albertkit.integrations` has classes for frameworks that ask for their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, overload

from albertkit.arrays import FloatArray
from albertkit.runtime import LoadedModel


class TextEncoder(Protocol):
    """What the calls are made of."""

    model: LoadedModel

    def encode_query(self, sentences: object, **options: Any) -> Any:
        """Encode search queries."""

    def encode_document(self, sentences: object, **options: Any) -> Any:
        """Encode documents to search in."""


class ModelCardData:
    """What sentence-transformers' tools ask a model for.

    Args:
        base_model: By it `mine_hard_negatives` names its cached vectors, so it differs for each
            model and each way of pooling.
    """

    def __init__(self, base_model: str) -> None:
        self.base_model = base_model

    def set_evaluation_metrics(self, *scores: object) -> None:
        """Keep nothing: evaluators return their scores, and no model card is made of them."""


class FrameworkCalls:
    """The calls, for a class that is an TextEncoder."""

    @property
    def model_card_data(self: TextEncoder) -> ModelCardData:
        """What sentence-transformers' evaluators and `mine_hard_negatives` ask for."""
        return ModelCardData(f"{self!r} {self.model.files_stamp}")

    def eval(self) -> Self:
        """Return the embedder: it is always ready to compute, and is never trained."""
        return self

    if not TYPE_CHECKING:  # a misspelt attribute is to be seen by mypy

        def __getattr__(self, name: str) -> object:
            """Say what to write in place of a method of sentence-transformers or torch."""
            from albertkit.errors.other_libraries import EMBEDDER_ANSWERS, missing_attribute_error

            raise missing_attribute_error(self, name, EMBEDDER_ANSWERS)

    def embed_documents(
        self: TextEncoder, texts: Sequence[str] | Iterator[str]
    ) -> list[list[float]]:
        """Encode documents, as LangChain asks for it.

        Args:
            texts: N texts, or an iterator of them.

        Returns:
            N lists of D numbers.

        Raises:
            InputError: As `encode`.
        """
        texts = list(texts) if isinstance(texts, Iterator) else texts
        vectors: list[list[float]] = self.encode_document(texts).tolist()
        return vectors

    @overload
    def embed_query(self: TextEncoder, input: str) -> list[float]: ...
    @overload
    def embed_query(self: TextEncoder, input: list[str]) -> list[list[float]]: ...
    def embed_query(self: TextEncoder, input: str | list[str]) -> list[float] | list[list[float]]:
        """Encode a query (LangChain), or a list of queries (Chroma).

        Args:
            input: One text, or N texts.

        Returns:
            D numbers, or N lists of D numbers.

        Raises:
            InputError: As `encode`.
        """
        vectors: list[float] | list[list[float]] = self.encode_query(input).tolist()
        return vectors

    async def aembed_documents(self: TextEncoder, texts: Sequence[str]) -> list[list[float]]:
        """Encode documents on another thread, so that the event loop goes on.

        Args:
            texts: As in `embed_documents`.
        """
        from asyncio import to_thread  # only where a loop runs already

        return await to_thread(FrameworkCalls.embed_documents, self, texts)

    async def aembed_query(self: TextEncoder, text: str) -> list[float]:
        """Encode a query on another thread, so that the event loop goes on.

        Args:
            text: One text.
        """
        from asyncio import to_thread

        vector: list[float] = (await to_thread(self.encode_query, text)).tolist()
        return vector

    def __call__(self: TextEncoder, input: str | Sequence[str]) -> FloatArray:
        """Encode documents, for tools that take a function from texts to vectors.

        Args:
            input: One text, or N texts.

        Returns:
            [D], or [N, D].

        Raises:
            InputError: As `encode`.
        """
        vectors: FloatArray = self.encode_document(input)
        return vectors
