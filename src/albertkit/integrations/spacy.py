"""A component of spaCy: `doc.tensor` has a vector for each of spaCy's tokens.

A token's vector is the mean of those of the pieces that overlap it, and zero if there are none
(line ends). `doc._.text_vector` is the vector of the whole text, and so is `doc.vector`, which
`doc.similarity` compares. A text that is longer than the model reads is cut at spaCy's tokens into
windows; its vector is their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from albertkit.arrays import FloatArray, Int64Array
from albertkit.integrations.opening import open_embedder
from albertkit.sources import VECTORS
from albertkit.tasks import TextEmbedder

TEXT_VECTOR = "text_vector"
# Pieces that a window may have more than its part of the whole text: [CLS], [SEP], and a lone "▁"
# where it begins.
ADDED_PIECES = 3


class SpacyVectors:
    """Vectors for a pipeline of spaCy; `nlp.add_pipe("albertkit")` makes one.

    Args:
        model: A TextEmbedder, or what its constructor takes.
        **options: Of TextEmbedder.

    Raises:
        AlbertKitError: As TextEmbedder.
    """

    def __init__(self, model: TextEmbedder | str | Path | None = None, **options: Any) -> None:
        self.embedder = open_embedder(model, options)
        if not Doc.has_extension(TEXT_VECTOR):
            Doc.set_extension(TEXT_VECTOR, default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Set the vectors of a text.

        Args:
            doc: Changed, and returned.
        """
        self._set_vectors([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 1000) -> Iterator[Doc]:
        """Set the vectors of many texts.

        Args:
            stream: Texts.
            batch_size: How many are computed together.

        Yields:
            The same texts in the same order.
        """
        for batch in minibatch(stream, size=batch_size):
            self._set_vectors(batch)
            yield from batch

    def __repr__(self) -> str:
        """The embedder."""
        return f"SpacyVectors({self.embedder!r})"

    def _set_vectors(self, docs: list[Doc]) -> None:
        """Compute the windows of all texts together."""
        windows = self._windows(docs)
        texts = [self._text_of(window) for window in windows]
        answers = self.embedder.encode(texts, prompt="", output_value=None)
        tensors: dict[int, list[FloatArray]] = {id(doc): [] for doc in docs}
        vectors: dict[int, list[FloatArray]] = {id(doc): [] for doc in docs}
        for window, text, answer in zip(windows, texts, answers, strict=True):
            tensor = self._token_vectors(window, text, answer["token_embeddings"])
            tensors[id(window.doc)].append(tensor)
            vectors[id(window.doc)].append(answer["sentence_embedding"])
        nothing = np.zeros((0, self.embedder.model.config.hidden_size), np.float32)
        for doc in docs:
            doc.tensor = np.concatenate([nothing, *tensors[id(doc)]])
            if vectors[id(doc)]:
                doc._.set(TEXT_VECTOR, np.mean(vectors[id(doc)], axis=0))
                doc.user_hooks["vector"] = _text_vector
                doc.user_hooks["similarity"] = _compute_cosine

    def _windows(self, docs: list[Doc]) -> list[Span]:
        """Spans of whole tokens that the model reads without truncation; one for a short text."""
        most = self.embedder.max_seq_length - ADDED_PIECES
        windows = []
        for doc in docs:
            pieces = self._piece_offsets(self._text_of(doc), None)  # [S, 2]
            token_of = np.searchsorted([token.idx for token in doc], pieces[:, 0], "right") - 1
            counts = np.bincount(token_of[pieces[:, 1] > 0], minlength=len(doc))
            start, total = 0, 0
            for token, count in enumerate(counts.tolist() if len(pieces) - 2 > most else ()):
                if total + count > most and token > start:
                    windows.append(doc[start:token])
                    start, total = token, 0
                total += count
            if len(doc) > start:
                windows.append(doc[start:])
        return windows

    def _token_vectors(self, window: Span, text: str, vectors: FloatArray) -> FloatArray:
        """Vectors of pieces [S, H] → the means for each of spaCy's tokens [N, H]."""
        pieces = self._piece_offsets(text, self.embedder.max_seq_length)  # [S, 2]
        starts = np.array([token.idx - window.start_char for token in window])  # [N]
        ends = starts + np.array([len(token) for token in window])  # [N]
        overlaps = (pieces[:, 0] < ends[:, None]) & (pieces[:, 1] > starts[:, None])  # [N, S]
        overlaps &= pieces[:, 1] > pieces[:, 0]
        sums: FloatArray = overlaps.astype(np.float32) @ vectors  # [N, H]
        counts = np.maximum(overlaps.sum(axis=1), 1)[:, None]  # [N, 1]
        means: FloatArray = np.divide(sums, counts, dtype=np.float32)
        return means

    def _piece_offsets(self, text: str, max_length: int | None) -> Int64Array:
        """Start and end of each piece in the text; (0, 0) for special pieces."""
        encodings = self.embedder.tokenizer.encode_batch(
            [text], max_length=max_length, offset_mapping=True
        )
        if encodings.offset_mapping is None:
            raise AssertionError("the offsets were asked for")
        return encodings.offset_mapping

    def _text_of(self, part: Doc | Span) -> str:
        """The text as the model reads it."""
        return self.embedder.pooling.as_read(part.text, "")


def _text_vector(doc: Doc) -> FloatArray:
    """The hook of `doc.vector`."""
    vector: FloatArray = doc._.get(TEXT_VECTOR)
    return vector


def _compute_cosine(doc: Doc, other: Doc | Span) -> float:
    """The hook of `doc.similarity`; spaCy's own warns that a pipeline has no static vectors."""
    lengths = float(doc.vector_norm * other.vector_norm)
    return float(np.dot(doc.vector, other.vector)) / lengths if lengths else 0.0


@Language.factory(
    "albertkit",
    assigns=["doc.tensor", f"doc._.{TEXT_VECTOR}"],
    default_config={"model": VECTORS, "options": {}},
)
def make_vectors(nlp: Language, name: str, model: str, options: dict[str, Any]) -> SpacyVectors:
    """Make the component that a pipeline's config describes.

    Args:
        nlp: The pipeline.
        name: Of the component.
        model: What TextEmbedder's constructor takes.
        options: Keywords of TextEmbedder.
    """
    return SpacyVectors(model, **options)
