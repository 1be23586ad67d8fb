"""The probe of pairs: it has the cosine of the two vectors among its features."""

from __future__ import annotations

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.evaluation import spearman
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import TextVectors, fit_probe

RNG = np.random.default_rng(0)
COUNT, WIDTH = 300, 64


def make_pairs() -> tuple[TextVectors, FloatArray]:
    """Vectors of length 1, and their cosines."""
    first = RNG.normal(size=(COUNT, WIDTH))
    second = first * RNG.uniform(0, 2, (COUNT, 1)) + RNG.normal(size=(COUNT, WIDTH))
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    vectors = TextVectors(first.astype(np.float32), second.astype(np.float32))
    return vectors, (first * second).sum(1).astype(np.float32)


def test_a_probe_of_pairs_is_as_good_as_the_cosine_where_the_cosine_decides() -> None:
    (train, cosines), (test, expected) = make_pairs(), make_pairs()
    numbers = (3 * cosines + 2 + RNG.normal(size=COUNT) / 2).tolist()
    texts = [""] * COUNT
    examples = Examples("regression", texts, texts, numbers, np.arange(COUNT), "pairs")
    probe = fit_probe(LabelSet.of(examples), examples, train, np.arange(COUNT) % 5)
    assert probe.head.weight.shape == (1, 4 * WIDTH)
    assert spearman(probe.predict(test)[:, 0], expected) > 0.99  # 0.95 without the cosine
