"""scikit-learn's transformer: texts → vectors, in pipelines, grids and cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from albertkit.arrays import FloatArray
from albertkit.errors import InputError
from albertkit.integrations.opening import open_embedder
from albertkit.spec.pooling_config import Pooling
from albertkit.tasks import TextEmbedder
from albertkit.tasks.job import hash_model
from albertkit.tasks.options import LongTextMode

FINGERPRINT = "fingerprint"  # of the model, in a saved state


class EmbeddingTransformer(TransformerMixin, BaseEstimator):
    """Texts → vectors. It learns nothing: `fit` opens the model, and `transform` does if needed.

    A saved pipeline holds the model's name or path, not its weights. One that was fitted refuses to
    be read when another model is there by then: its classifier knows vectors of the first.

    Args:
        model: A TextEmbedder, which is used as it is; or what its constructor takes.
        pooling: Of TextEmbedder.
        max_length: Of TextEmbedder.
        truncation: Of TextEmbedder.
        prompt_name: Of `encode`.
        truncate_dim: Of `encode`.
        normalize_embeddings: Of `encode`.

    Raises:
        AlbertKitError: As TextEmbedder and `encode`, in `fit` and `transform`.
        InputError: [model-changed] when a saved one is read.
    """

    def __init__(
        self,
        model: TextEmbedder | str | Path | None = None,
        *,
        pooling: Pooling | None = None,
        max_length: int | None = None,
        truncation: LongTextMode | None = None,
        prompt_name: str | None = None,
        truncate_dim: int | None = None,
        normalize_embeddings: bool = False,
    ) -> None:
        self.model = model
        self.pooling = pooling
        self.max_length = max_length
        self.truncation = truncation
        self.prompt_name = prompt_name
        self.truncate_dim = truncate_dim
        self.normalize_embeddings = normalize_embeddings

    def fit(self, X: Sequence[str], y: object = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Open the model.

        Args:
            X: Not read.
            y: Not read.
        """
        options = {
            "pooling": self.pooling,
            "max_length": self.max_length,
            "truncation": self.truncation,
        }
        self.embedder_ = open_embedder(
            self.model, {name: value for name, value in options.items() if value is not None}
        )
        return self

    def transform(self, X: Sequence[str]) -> FloatArray:  # noqa: N803
        """Encode texts.

        Args:
            X: N texts: a list, an array, or a column of pandas or polars.

        Returns:
            [N, D] float32.
        """
        if not hasattr(self, "embedder_"):
            self.fit(X)
        vectors: FloatArray = self.embedder_.encode(
            X,
            prompt_name=self.prompt_name,
            truncate_dim=self.truncate_dim,
            normalize_embeddings=self.normalize_embeddings,
        )
        return vectors

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:
        """Name the numbers of a vector.

        Args:
            input_features: Not read.

        Returns:
            [D] albert0, albert1, …
        """
        if not hasattr(self, "embedder_"):
            self.fit([])
        width = self.embedder_.get_embedding_dimension()
        width = min(width, self.truncate_dim or width)
        return np.array([f"albert{number}" for number in range(width)], dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        """Add what the model is known by, if it is open."""
        state: dict[str, Any] = super().__getstate__()
        if hasattr(self, "embedder_"):
            state = {**state, FINGERPRINT: hash_model(self.embedder_.model)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the model again, and compare it."""
        attributes = {name: value for name, value in state.items() if name != FINGERPRINT}
        super().__setstate__(attributes)
        if state.get(FINGERPRINT) is None:
            return
        model = self.embedder_.model
        if state[FINGERPRINT] != hash_model(model):
            raise InputError(
                "model-changed",
                f"{str(model.path)!r} is another model than the one that this was fitted with",
                why=f"its fingerprint is {hash_model(model)}, and was {state[FINGERPRINT]}",
                fix="Put the model back, or fit again",
            )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can transform: always."""
        return True

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn needs to know: texts come in one dimension, and no fit is needed."""
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.requires_fit = False
        return tags
