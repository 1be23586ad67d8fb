"""Correlations are scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from albertkit.errors import InputError
from albertkit.evaluation import pearson, spearman


@pytest.mark.parametrize("seed", range(4))
def test_correlations_are_those_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, 80)  # with ties
    y = np.round(x + rng.normal(size=80) * 3, 1) + 1e6
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_a_constant_list_has_no_correlation() -> None:
    assert math.isnan(pearson([1, 1, 1], [1, 2, 3]))
    assert math.isnan(pearson([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]))  # their mean is not 0.1
    assert math.isnan(pearson([1, 2, 3], [0.1, 0.1, 0.1]))
    assert math.isnan(spearman([1, 2, 3], [1, 1, 1]))
    assert math.isnan(spearman([1, 2, 3], [1, math.nan, 2]))


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([1], [1]), ([[1, 2]], [[1, 2]])])
def test_lists_that_have_no_partners_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(InputError, match=r"\[inputs-shape\]"):
        pearson(x, y)
