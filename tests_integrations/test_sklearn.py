"""scikit-learn: pipelines, clones, grids, cross-validation over processes, saved pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted
from tests_integrations.texts import LABELS, TEXTS

from albertkit import TextEmbedder
from albertkit.errors import InputError
from albertkit.integrations import EmbeddingTransformer


def classifier(**options: Any) -> Pipeline:
    return make_pipeline(EmbeddingTransformer(**options), LogisticRegression(C=100))


def test_vectors_are_those_of_the_embedder(embedder: TextEmbedder) -> None:
    ours = EmbeddingTransformer(embedder, truncate_dim=8, normalize_embeddings=True)
    expected = embedder.encode(TEXTS, truncate_dim=8, normalize_embeddings=True)
    for texts in (TEXTS, np.array(TEXTS), pd.Series(TEXTS)):
        np.testing.assert_array_equal(ours.fit_transform(texts, LABELS), expected)
    assert [*ours.get_feature_names_out()] == [f"albert{number}" for number in range(8)]


def test_no_fit_is_needed(model: Path) -> None:
    ours = EmbeddingTransformer(model, pooling="max", max_length=9, truncation="off")
    check_is_fitted(ours)
    expected = TextEmbedder(model, pooling="max", max_length=9, truncation="off").encode(TEXTS)
    np.testing.assert_array_equal(ours.transform(TEXTS), expected)


def test_a_clone_has_the_same_parameters(embedder: TextEmbedder) -> None:
    for model in ("small-en-vectors", embedder):
        ours = EmbeddingTransformer(model, truncate_dim=8)
        copy = clone(ours)
        assert copy.get_params().keys() == ours.get_params().keys()
        np.testing.assert_array_equal(copy.fit_transform(TEXTS), ours.fit_transform(TEXTS))
    assert "truncate_dim=8" in repr(copy)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_four_processes_cross_validate(backend: str) -> None:
    """`loky` starts processes anew, `multiprocessing` forks this one, which has computed."""
    pipeline = classifier()
    here = cross_val_score(pipeline, TEXTS, LABELS, cv=3)
    with joblib.parallel_backend(backend):
        there = cross_val_score(pipeline, TEXTS, LABELS, cv=3, n_jobs=4)
    np.testing.assert_array_equal(here, there)
    assert here.mean() > 0.6  # chance is 1/3


def test_a_grid_searches_over_its_parameters() -> None:
    grid = {"embeddingtransformer__truncate_dim": [2, None]}
    search = GridSearchCV(classifier(), grid, cv=3).fit(TEXTS, LABELS)
    assert search.best_params_ == {"embeddingtransformer__truncate_dim": None}


def test_a_saved_pipeline_predicts_and_is_small(tmp_path: Path) -> None:
    pipeline = classifier().fit(TEXTS, LABELS)
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    again = joblib.load(tmp_path / "pipeline.joblib")
    assert [*again.predict(TEXTS)] == [*pipeline.predict(TEXTS)]
    assert (tmp_path / "pipeline.joblib").stat().st_size < 50_000, "the weights are not in it"


def test_a_column_of_a_table_becomes_vectors(embedder: TextEmbedder) -> None:
    table = pd.DataFrame({"body": TEXTS, "length": [len(text) for text in TEXTS]})
    columns = ColumnTransformer(
        [("vector", EmbeddingTransformer(embedder), "body"), ("rest", "passthrough", ["length"])]
    ).set_output(transform="pandas")
    result = columns.fit_transform(table)
    assert result.shape == (9, 33)
    assert [*result.columns[-2:]] == ["vector__albert31", "rest__length"]


def test_a_table_of_columns_is_refused(embedder: TextEmbedder) -> None:
    with pytest.raises(InputError, match=r"\[input-not-texts\]"):
        EmbeddingTransformer(embedder).transform(pd.DataFrame({"body": TEXTS}))
