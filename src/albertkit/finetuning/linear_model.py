"""Linear models with an L2 penalty, fitted by L-BFGS in numpy: logistic regression and ridge.

The objective is scikit-learn's: C · Σ wᵢ lossᵢ + ½‖W‖², the bias without penalty.
Source of the two-loop recursion: Nocedal and Wright, Numerical Optimization, algorithm 7.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from albertkit.arrays import Float64Array, Int64Array

Loss = Literal["softmax", "sigmoid", "squared"]

MEMORY = 10  # pairs of steps and gradient changes that approximate the curvature
SUFFICIENT = 1e-4  # Armijo's constant
TOLERANCE = 1e-4  # of the largest gradient entry, divided by N; scikit-learn's default too
MOST_LBFGS_STEPS = 500


@dataclass(frozen=True, slots=True)
class LinearModel:
    """C linear functions of F features."""

    weight: Float64Array  # [C, F]
    bias: Float64Array  # [C]
    loss: Loss

    def logits(self, features: Any) -> Float64Array:
        """The values [N, C] of features [N, F], an array or anything with `@`."""
        return np.asarray(features @ self.weight.T + self.bias)

    def probabilities(self, features: Any) -> Float64Array:
        """The probabilities [N, C]; of a squared loss the values themselves."""
        return activate(self.logits(features), self.loss)


def activate(logits: Float64Array, loss: Loss) -> Float64Array:
    """Logits [N, C] → probabilities; of a squared loss the values themselves."""
    if loss == "squared":
        return logits
    if loss == "sigmoid":
        return np.asarray(0.5 * (1 + np.tanh(logits / 2)))
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def fit_linear(
    features: Any,
    targets: npt.NDArray[Any],
    loss: Loss,
    strength: float,
    *,
    row_weights: Float64Array | None = None,
    start: LinearModel | None = None,
) -> LinearModel:
    """Fit a linear model.

    Args:
        features: [N, F], an array, or a matrix with `@`, `.T` and `.shape`.
        targets: [N, C]: one-hot rows for "softmax", 0 and 1 for "sigmoid", numbers for "squared".
        loss: Of a row; "squared" is half of the squared error.
        strength: C of scikit-learn, the inverse of the penalty's strength.
        row_weights: [N]; None: all 1.
        start: A model near the solution, such as that of another strength.
    """
    N, F = features.shape
    targets = np.asarray(targets, np.float64)
    K = targets.shape[1]
    row_weights = np.ones(N) if row_weights is None else row_weights

    def objective(flat: Float64Array) -> tuple[float, Float64Array]:
        weight, bias = flat[: K * F].reshape(K, F), flat[K * F :]
        logits = features @ weight.T + bias  # [N, K]
        value = row_weights @ compute_row_losses(logits, targets, loss)
        # the derivative of all three losses by their logits
        error = (activate(logits, loss) - targets) * row_weights[:, None]  # [N, K]
        gradient = np.concatenate(
            [((features.T @ error).T + weight / strength).ravel(), error.sum(0)]
        )
        return float(value + (weight**2).sum() / (2 * strength)), gradient

    flat = np.zeros(K * F + K)
    if start is not None:
        flat = np.concatenate([start.weight.ravel(), start.bias])
    flat = minimize(objective, flat, TOLERANCE * float(row_weights.sum()))
    return LinearModel(flat[: K * F].reshape(K, F), flat[K * F :], loss)


def choose_strength(
    features: Any,
    targets: npt.NDArray[Any],
    loss: Loss,
    strengths: Sequence[float],
    folds: Int64Array,
    *,
    row_weights: Float64Array | None = None,
) -> tuple[float, Float64Array]:
    """Choose the strength with the lowest loss of held-out rows, by cross-validation.

    Args:
        features: [N, F], an array, or a matrix as `fit_linear` takes it, with rows by a mask.
        targets: [N, C], see `fit_linear`.
        loss: Of a row.
        strengths: At least one, the smallest first; those after the first that is no better than
            the one before are not tried, as the loss has one minimum.
        folds: [N], the fold of each row; -1 for rows that are never held out.
        row_weights: [N]; None: all 1.

    Returns:
        The strength, and the logits [N, C] of each row by the model of the other folds; 0 for rows
        that are never held out.
    """
    weights = np.ones(len(targets)) if row_weights is None else row_weights
    held = folds >= 0
    best: tuple[float, float, Float64Array] | None = None
    starts: dict[int, LinearModel] = {}
    for strength in strengths:
        logits = np.zeros(targets.shape)
        for fold in np.unique(folds[held]).tolist():
            own = folds == fold
            rest = ~own if (~own).any() else own
            starts[fold] = fit_linear(
                features[rest],
                targets[rest],
                loss,
                strength,
                row_weights=weights[rest],
                start=starts.get(fold),
            )
            logits[own] = starts[fold].logits(features[own])
        losses = compute_row_losses(logits[held], targets[held], loss)
        value = float(weights[held] @ losses)
        if best is not None and value >= best[0]:
            break
        best = value, strength, logits
    if best is None:
        raise AssertionError("there is at least one strength")
    return best[1], best[2]


def compute_row_losses(logits: Float64Array, targets: Float64Array, loss: Loss) -> Float64Array:
    """The loss of each row, [N].

    Args:
        logits: [N, C].
        targets: [N, C].
        loss: Its kind.
    """
    if loss == "squared":
        return np.asarray(((logits - targets) ** 2).sum(1) / 2)
    if loss == "sigmoid":
        return np.asarray((np.logaddexp(0, logits) - targets * logits).sum(1))
    top = logits.max(1)
    return np.asarray(
        np.log(np.exp(logits - top[:, None]).sum(1)) + top - (targets * logits).sum(1)
    )


def minimize(
    objective: Callable[[Float64Array], tuple[float, Float64Array]],
    x: Float64Array,
    tolerance: float,
) -> Float64Array:
    """Minimize a smooth function by L-BFGS with a backtracking line search.

    Args:
        objective: From a point to the value and its gradient.
        x: Where the search begins.
        tolerance: The search ends when no entry of the gradient is larger.
    """
    value, gradient = objective(x)
    pairs: list[tuple[Float64Array, Float64Array, float]] = []
    for _ in range(MOST_LBFGS_STEPS):
        if np.abs(gradient).max() <= tolerance:
            break
        direction = _compute_direction(gradient, pairs)
        slope = float(direction @ gradient)
        step = 1.0 if pairs else min(1.0, 1 / float(np.abs(gradient).sum()))
        while True:
            new_value, new_gradient = objective(x + step * direction)
            if new_value <= value + SUFFICIENT * step * slope or step < 1e-12:
                break
            step /= 2
        if step < 1e-12:  # rounding is all that is left
            break
        change = new_gradient - gradient
        curvature = float(change @ direction) * step
        if curvature > 0:
            pairs = [*pairs[1 - MEMORY :], (step * direction, change, 1 / curvature)]
        x, value, gradient = x + step * direction, new_value, new_gradient
    return x


def _compute_direction(
    gradient: Float64Array, pairs: list[tuple[Float64Array, Float64Array, float]]
) -> Float64Array:
    """Minus the gradient times the approximate inverse Hessian."""
    q = -gradient
    factors = []
    for moved, change, scale in reversed(pairs):
        factors.append(scale * float(moved @ q))
        q = q - factors[-1] * change
    if pairs:
        _, change, scale = pairs[-1]
        q = q / (scale * float(change @ change))
    for (moved, change, scale), factor in zip(pairs, reversed(factors), strict=True):
        q = q + (factor - scale * float(change @ q)) * moved
    return q
