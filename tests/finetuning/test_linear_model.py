"""Linear models against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from albertkit.finetuning.linear_model import (
    Loss,
    choose_strength,
    compute_row_losses,
    fit_linear,
)

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(200, 7))
NOISE = RNG.normal(size=(200, 3))
CLASSES = (FEATURES[:, :3] + NOISE).argmax(1)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_softmax_is_scikit_learns_multinomial_regression(strength: float) -> None:
    weights = RNG.uniform(0.5, 2, 200)
    peer = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
    peer.fit(FEATURES, CLASSES, sample_weight=weights)
    model = fit_linear(FEATURES, np.eye(3)[CLASSES], "softmax", strength, row_weights=weights)
    np.testing.assert_allclose(
        model.probabilities(FEATURES), peer.predict_proba(FEATURES), atol=2e-3
    )


def test_sigmoid_is_one_binary_regression_a_label() -> None:
    targets = (FEATURES[:, :2] + NOISE[:, :2] > 0).astype(float)
    model = fit_linear(FEATURES, targets, "sigmoid", 0.5)
    for label in range(2):
        peer = LogisticRegression(C=0.5, tol=1e-10).fit(FEATURES, targets[:, label])
        expected = peer.predict_proba(FEATURES)[:, 1]
        np.testing.assert_allclose(model.probabilities(FEATURES)[:, label], expected, atol=2e-3)


def test_squared_is_ridge_regression() -> None:
    targets = FEATURES[:, :1] * 3 + NOISE[:, :1] + 5
    model = fit_linear(FEATURES, targets, "squared", 0.1)
    peer = Ridge(alpha=10).fit(FEATURES, targets)
    np.testing.assert_allclose(model.logits(FEATURES), peer.predict(FEATURES)[:, None], atol=2e-3)


def test_a_start_near_the_solution_leads_to_the_same_solution() -> None:
    one_hot = np.eye(3)[CLASSES]
    start = fit_linear(FEATURES, one_hot, "softmax", 0.01)
    warm = fit_linear(FEATURES, one_hot, "softmax", 1.0, start=start)
    cold = fit_linear(FEATURES, one_hot, "softmax", 1.0)
    np.testing.assert_allclose(warm.logits(FEATURES), cold.logits(FEATURES), atol=5e-3)


@pytest.mark.parametrize("loss", ["softmax", "squared"])
def test_the_strength_is_that_of_scikit_learns_grid_search(loss: Loss) -> None:
    """With 40 rows of noise a strong penalty is best, and the search must not end at an edge."""
    rows, strengths, folds = slice(0, 40), (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0), np.arange(40) % 5
    features, splits = FEATURES[rows], PredefinedSplit(folds)
    if loss == "softmax":
        targets, expected = np.eye(3)[CLASSES[rows]], CLASSES[rows]
        search = GridSearchCV(
            LogisticRegression(tol=1e-10), {"C": strengths}, cv=splits, scoring="neg_log_loss"
        )
        best = search.fit(features, expected).best_params_["C"]
    else:
        targets = FEATURES[rows, :1] + 2 * NOISE[rows, :1]
        alphas = [1 / strength for strength in strengths]
        search = GridSearchCV(
            Ridge(), {"alpha": alphas}, cv=splits, scoring="neg_mean_squared_error"
        )
        best = 1 / search.fit(features, targets).best_params_["alpha"]
    strength, logits = choose_strength(features, targets, loss, strengths, folds)
    assert strength == pytest.approx(best)
    assert strengths[0] < strength < strengths[-1]
    model = fit_linear(features[folds != 0], targets[folds != 0], loss, strength)
    np.testing.assert_allclose(logits[folds == 0], model.logits(features[folds == 0]), atol=5e-3)


def test_rows_of_fold_minus_one_are_never_held_out() -> None:
    targets, held = np.eye(3)[CLASSES], np.arange(200) < 50
    strengths = [0.01, 1.0, 100.0]
    strength, logits = choose_strength(
        FEATURES, targets, "softmax", strengths, np.where(held, 0, -1)
    )
    losses = {
        own: compute_row_losses(
            fit_linear(FEATURES[~held], targets[~held], "softmax", own).logits(FEATURES[held]),
            targets[held],
            "softmax",
        ).sum()
        for own in strengths
    }
    assert strength == min(losses, key=lambda own: losses[own])
    assert not logits[~held].any()
    assert logits[held].any(1).all()
