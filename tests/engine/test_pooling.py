"""Pooling against the plain way, one text after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from albertkit.arrays import FloatArray
from albertkit.engine.pooling import make_pooling_request, pool
from albertkit.engine.protocol import OutputRequest, Outputs
from albertkit.spec.pooling_config import Pooling

LENGTHS = (1, 7, 2, 300)
STARTS = np.concatenate(([0], np.cumsum(LENGTHS)))
PLAIN: dict[Pooling, Callable[[FloatArray], FloatArray]] = {
    "mean": lambda text: text.astype(np.float64).mean(0),
    "max": lambda text: text.max(0),
    "cls": lambda text: text[0],
}


@pytest.mark.parametrize("pooling", PLAIN)
def test_each_text_is_pooled_over_its_own_tokens(pooling: Pooling) -> None:
    vectors = np.random.default_rng(0).normal(3, 1, (sum(LENGTHS), 5)).astype(np.float32)
    actual = pool(Outputs(tokens=vectors), STARTS, pooling)
    texts = np.split(vectors, STARTS[1:-1])
    expected = np.stack([PLAIN[pooling](text) for text in texts])
    assert actual.dtype == np.float32
    # 300 values of size 3 summed in float32, divided by 300
    np.testing.assert_allclose(actual, expected, rtol=0, atol=3e-6)


def test_the_pooler_s_vectors_pass_as_they_are() -> None:
    pooled = np.ones((4, 5), np.float32)
    assert pool(Outputs(pooled=pooled), STARTS, "pooler") is pooled


def test_only_the_pooler_asks_for_pooled_vectors() -> None:
    assert make_pooling_request("pooler") == OutputRequest(pooled=True)
    assert [make_pooling_request(pooling) for pooling in PLAIN] == [OutputRequest(tokens=True)] * 3
