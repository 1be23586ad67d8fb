"""A saved transformer knows the model that it was fitted with."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from tests.support.tiny_models import save_tiny_vectors

from albertkit.errors import InputError
from albertkit.integrations.sklearn import EmbeddingTransformer
from albertkit.spec.pooling_config import PoolingConfig

TEXTS = ["a text", "another one"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tiny_vectors(tmp_path / "model", PoolingConfig())


def replace(model: Path) -> None:
    """Put another model of the same width in its place."""
    model.rename(model.with_name("old"))
    save_tiny_vectors(model, PoolingConfig(), seed=1)


def test_a_fitted_one_is_read_again(model: Path) -> None:
    ours = EmbeddingTransformer(model).fit(TEXTS)
    again = pickle.loads(pickle.dumps(ours))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.transform(TEXTS), ours.transform(TEXTS))
    assert vars(again).keys() == vars(clone(again).fit(TEXTS)).keys()


def test_a_fitted_one_refuses_another_model(model: Path) -> None:
    fitted = pickle.dumps(EmbeddingTransformer(model).fit(TEXTS))
    replace(model)
    with pytest.raises(InputError, match=r"fitted with; its fingerprint.*\[model-changed\]"):
        pickle.loads(fitted)  # noqa: S301 - our own


def test_one_that_is_not_fitted_takes_any_model(model: Path) -> None:
    unfitted = pickle.dumps(EmbeddingTransformer(model))
    replace(model)
    vectors = EmbeddingTransformer(model).transform(TEXTS)
    np.testing.assert_array_equal(pickle.loads(unfitted).transform(TEXTS), vectors)  # noqa: S301 - our own
