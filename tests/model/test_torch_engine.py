"""What only the torch engine can get wrong; tests/engine/test_parity.py holds its numbers."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights

from albertkit import AlbertConfig
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_mlm_logits, compute_text_vectors, pack, plan
from albertkit.engine.protocol import OutputRequest, PackedBatch
from albertkit.errors import InputError
from albertkit.model.torch_engine import TorchEngine, build_encoder
from albertkit.spec import Weights

WEIGHTS = random_weights(CONFIG, ["masked_lm"], pooler=True)
LENGTHS = [7, 30, 12, 3, 12, 40, 1, 7]
TEXTS = random_encodings(CONFIG, LENGTHS)
ATOL = 1e-5  # float32


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # where the other core is busy, each small product would wait for it


def batch_of(lengths: list[int], seed: int = 0) -> PackedBatch:
    texts = random_encodings(CONFIG, lengths, seed)
    (layout,) = plan(texts.lengths)
    return pack(texts, layout)


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_a_list_has_numpys_vectors(config: AlbertConfig) -> None:
    weights = random_weights(config)
    texts = random_encodings(config, LENGTHS)
    vectors, expected = (
        compute_text_vectors(engine, texts, "mean")
        for engine in (TorchEngine(weights), NumpyEngine(weights))
    )
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=ATOL)


def test_a_list_has_openvinos_vectors() -> None:
    vectors, expected = (
        compute_text_vectors(engine, TEXTS, "mean")
        for engine in (TorchEngine(WEIGHTS), OpenVinoEngine(WEIGHTS, threads=1))
    )
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=ATOL)


def test_logits_of_words_are_numpys() -> None:
    tokens = np.array([3, 7, 40, 111])
    logits, expected = (
        compute_mlm_logits(engine, TEXTS, tokens)
        for engine in (TorchEngine(WEIGHTS), NumpyEngine(WEIGHTS))
    )
    np.testing.assert_allclose(logits, expected, rtol=0, atol=ATOL)


def test_a_text_has_the_same_vector_alone_and_in_a_batch() -> None:
    engine = TorchEngine(WEIGHTS)
    together = compute_text_vectors(engine, TEXTS, "mean")
    for number, text in enumerate(TEXTS):
        alone = random_encodings(CONFIG, [len(text)])
        alone.ids[:], alone.type_ids[:] = text.ids, text.type_ids
        (vector,) = compute_text_vectors(engine, alone, "mean")
        np.testing.assert_allclose(vector, together[number], rtol=0, atol=ATOL)


def test_bfloat16_stays_near_float32() -> None:
    engine = TorchEngine(WEIGHTS, precision="bfloat16")
    vectors = compute_text_vectors(engine, TEXTS, "mean")
    exact = compute_text_vectors(TorchEngine(WEIGHTS), TEXTS, "mean")
    assert engine.precision == "bfloat16"
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, exact, rtol=0, atol=0.05)  # eight bits, values up to 2
    assert np.abs(vectors - exact).max() > ATOL  # and it is not float32


def test_int8_is_refused() -> None:
    with pytest.raises(InputError, match=r"float32 or bfloat16.*\[precision-unsupported\]"):
        TorchEngine(WEIGHTS, precision="int8")


def test_float32_on_a_cpu_uses_the_weights_where_they_lie_though_protected() -> None:
    arrays = dict(WEIGHTS.arrays)
    for array in arrays.values():
        array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = build_encoder(Weights(CONFIG, (), arrays), torch.float32, torch.device("cpu"))
    for name, value in encoder.named_parameters():
        assert np.shares_memory(value.numpy(), arrays[name])
        assert not value.requires_grad


def test_several_threads_may_ask_one_engine() -> None:
    engine = TorchEngine(WEIGHTS)
    lists = [random_encodings(CONFIG, [2 + seed, 9, 17], seed) for seed in range(8)]
    expected = [compute_text_vectors(NumpyEngine(WEIGHTS), texts, "mean") for texts in lists]
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(lambda texts: compute_text_vectors(engine, texts, "mean"), lists))
    for one, other in zip(vectors, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=ATOL)


def test_outputs_belong_to_the_caller() -> None:
    engine = TorchEngine(WEIGHTS)
    first = engine.run(batch_of([40], seed=1), OutputRequest(tokens=True)).tokens
    assert first is not None
    before = first.copy()
    engine.run(batch_of([40], seed=2), OutputRequest(tokens=True))
    np.testing.assert_array_equal(first, before)
    first += 1  # and can be written to


def test_a_closed_engine_says_so() -> None:
    engine = TorchEngine(WEIGHTS)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.run(batch_of([3]), OutputRequest(tokens=True))
