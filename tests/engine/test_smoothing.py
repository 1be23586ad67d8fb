"""Smoothing changes no product, and one large channel no longer takes all the steps."""

from __future__ import annotations

import numpy as np
from tests.support.axes import CONFIG, random_weights

from albertkit.engine.int8.calibration import Extremes
from albertkit.engine.int8.smoothing import compute_smoothing

AT = "encoder.albert_layer_groups.0.albert_layers.0."
QKV = [f"{AT}attention.{part}.weight" for part in ("query", "key", "value")]


def test_large_channels_are_divided_by_more_and_readers_of_one_input_by_the_same() -> None:
    weights = random_weights(CONFIG)
    high = np.ones(CONFIG.hidden_size, np.float32)
    high[5] = 100.0
    uses = (Extremes(-high, high), Extremes(-high / np.float32(2), high / np.float32(2)))
    names = [*QKV, f"{AT}ffn.weight"]
    smoothing = compute_smoothing(weights, dict.fromkeys(names, uses))
    assert set(smoothing) == set(names)
    for name in QKV:
        np.testing.assert_array_equal(smoothing[name], smoothing[QKV[0]])
    for factors in smoothing.values():
        assert factors.dtype == np.float32
        assert factors.argmax() == 5
        np.testing.assert_allclose(np.log(factors).mean(), 0, atol=1e-6)
        assert (high / factors).max() / np.median(high / factors) < 100 / 5


def test_a_channel_that_is_always_zero_does_no_harm() -> None:
    weights = random_weights(CONFIG)
    high = np.ones(CONFIG.hidden_size, np.float32)
    high[3] = 0.0
    name = f"{AT}ffn.weight"
    (factors,) = compute_smoothing(weights, {name: (Extremes(-high, high),)}).values()
    assert np.all(np.isfinite(factors))
    assert np.all(factors > 0)


def test_a_matrix_without_uses_has_no_factors() -> None:
    assert compute_smoothing(random_weights(CONFIG), {f"{AT}ffn.weight": ()}) == {}
