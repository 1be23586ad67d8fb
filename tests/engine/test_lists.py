"""A whole list comes back in its own order, and the other texts do not change a vector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.support.axes import CONFIG, random_encodings, random_weights

from albertkit.arrays import FloatArray
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_mlm_logits, compute_text_vectors, compute_token_vectors
from albertkit.engine.protocol import Engine
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization.encodings import select

WEIGHTS = random_weights(CONFIG, ["masked_lm", "sentence_order"])
LENGTHS = np.random.default_rng(1).integers(2, 41, 60).tolist()
TEXTS = random_encodings(CONFIG, LENGTHS)
ATOL = 1e-5  # float32: other row counts and widths sum in another order
POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "max", "pooler")


@pytest.fixture(scope="module", params=["numpy", "openvino"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "numpy":
        return NumpyEngine(WEIGHTS)
    return OpenVinoEngine(WEIGHTS, threads=2)


@pytest.fixture(scope="module", params=POOLINGS)
def encode(engine: Engine, request: pytest.FixtureRequest) -> Callable[..., FloatArray]:
    return lambda texts, **options: compute_text_vectors(engine, texts, request.param, **options)


def test_a_text_alone_has_the_vector_that_it_has_in_the_list(
    encode: Callable[..., FloatArray],
) -> None:
    alone = np.concatenate([encode(select(TEXTS, [text])) for text in range(len(TEXTS))])
    np.testing.assert_allclose(encode(TEXTS), alone, rtol=0, atol=ATOL)


def test_the_order_of_the_list_changes_no_vector(encode: Callable[..., FloatArray]) -> None:
    order = np.random.default_rng(2).permutation(len(TEXTS))
    shuffled = encode(select(TEXTS, order.tolist()))
    np.testing.assert_allclose(shuffled, encode(TEXTS)[order], rtol=0, atol=ATOL)


@pytest.mark.parametrize("slots", [64, 300])
def test_the_size_of_calls_changes_no_vector(encode: Callable[..., FloatArray], slots: int) -> None:
    np.testing.assert_allclose(encode(TEXTS, slots=slots), encode(TEXTS), rtol=0, atol=ATOL)


def test_token_vectors_come_in_the_order_of_the_ids(engine: Engine) -> None:
    tokens = compute_token_vectors(engine, TEXTS)
    alone = np.concatenate(
        [compute_token_vectors(engine, select(TEXTS, [t])) for t in range(len(TEXTS))]
    )
    np.testing.assert_allclose(tokens, alone, rtol=0, atol=ATOL)
    means = np.stack([text.mean(0) for text in np.split(tokens, TEXTS.offsets[1:-1])])
    np.testing.assert_allclose(
        compute_text_vectors(engine, TEXTS, "mean"), means, rtol=0, atol=ATOL
    )


def test_word_logits_come_in_the_order_asked(engine: Engine) -> None:
    tokens = np.array([0, 1, 50, 51, 700, len(TEXTS.ids) - 1])
    logits = compute_mlm_logits(engine, TEXTS, tokens, slots=300)
    everywhere = compute_mlm_logits(engine, TEXTS, np.arange(len(TEXTS.ids)))
    assert logits.shape == (6, CONFIG.vocab_size)
    np.testing.assert_allclose(logits, everywhere[tokens], rtol=0, atol=ATOL)


def test_progress_counts_every_text_once(engine: Engine) -> None:
    counts: list[int] = []
    compute_text_vectors(engine, TEXTS, "mean", slots=300, progress=counts.append)
    assert len(counts) > 1
    assert sum(counts) == len(TEXTS)


def test_an_empty_list_gives_no_vectors(engine: Engine) -> None:
    assert compute_text_vectors(engine, select(TEXTS, []), "mean").shape == (0, CONFIG.hidden_size)
