"""Reliability bins are scikit-learn's, the error is its definition, the temperature is the best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.calibration import calibration_curve

from albertkit.errors import InputError
from albertkit.evaluation import Reliability, fit_temperature


def test_bins_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    confidences = rng.random(500)
    is_correct = rng.random(500) < confidences**2
    reliability = Reliability(bins=10)
    reliability.add(confidences[:200], is_correct[:200])
    reliability.add(confidences[200:], is_correct[200:])
    accuracy, mean = calibration_curve(is_correct, confidences, n_bins=10)
    np.testing.assert_allclose(reliability.correct / reliability.counts, accuracy)
    np.testing.assert_allclose(reliability.confidence_sums / reliability.counts, mean)
    weights = reliability.counts / 500
    expected = float(weights @ np.abs(accuracy - mean))
    assert reliability.expected_calibration_error == pytest.approx(expected, abs=1e-12)


def test_a_confidence_of_zero_or_one_has_a_bin() -> None:
    reliability = Reliability(bins=2)
    reliability.add([0, 0.5, 1], [False, True, True])
    assert reliability.counts.tolist() == [2, 1]
    assert reliability.correct.tolist() == [1, 1]
    assert math.isnan(Reliability().expected_calibration_error)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_has_the_least_cross_entropy(scale: float) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(400, 3)) * 2
    labels = np.array([rng.choice(3, p=np.exp(row)) for row in log_softmax(logits, axis=1)])
    logits *= scale

    def loss(temperature: float) -> float:
        return -float(log_softmax(logits / temperature, axis=1)[np.arange(400), labels].mean())

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8}).x
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=1e-3)


def test_the_temperature_of_independent_decisions() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(3000, 2)) * 2
    labels = rng.random((3000, 2)) < 1 / (1 + np.exp(-logits))
    assert fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.1)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        Reliability().add([1.5], [True])
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        Reliability().add([0.5], [True, False])
    with pytest.raises(InputError, match=r"\[inputs-empty\]"):
        fit_temperature(np.zeros((0, 2)), [])
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        fit_temperature(np.zeros((3, 2)), [0, 1])
    for label in (2, -1):  # -1 would be the last one
        with pytest.raises(InputError, match=rf"label of labels is {label};.*-out-of-range"):
            fit_temperature(np.zeros((2, 2)), [0, label])
