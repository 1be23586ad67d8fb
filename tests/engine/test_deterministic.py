"""A deterministic engine gives a text the same bits, whatever the other texts of the batch are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG, random_encodings, random_weights
from tests.support.native import needs_native

from albertkit.arrays import FloatArray
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_mlm_logits, compute_text_vectors, pack, plan
from albertkit.engine.protocol import Engine, OutputRequest, PackedBatch, SpanSearch
from albertkit.spec import HEADS
from albertkit.spec.pooling_config import Pooling
from albertkit.tokenization.encodings import Encodings, select

WEIGHTS = random_weights(CONFIG, [spec.name for spec in HEADS])
TEXTS = random_encodings(CONFIG, np.random.default_rng(1).integers(1, 41, 30).tolist())
POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "max", "pooler")
some_texts = st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=20)
ATOL = 1e-5  # float32: other row counts and widths sum in another order


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(NativeEngine, id="native", marks=needs_native),
        pytest.param(OpenVinoEngine, id="openvino"),
    ],
)
def make(request: pytest.FixtureRequest) -> type[NativeEngine | OpenVinoEngine]:
    kind: type[NativeEngine | OpenVinoEngine] = request.param
    return kind


@pytest.fixture(scope="module", params=[1, 2], ids=["one thread", "two threads"])
def engine(
    make: type[NativeEngine | OpenVinoEngine], request: pytest.FixtureRequest
) -> Iterator[Engine]:
    engine = make(WEIGHTS, threads=request.param, deterministic=True)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def alone(make: type[NativeEngine | OpenVinoEngine]) -> Callable[[Pooling], FloatArray]:
    """The vectors of TEXTS, each asked for by itself, with one thread."""
    engine = make(WEIGHTS, threads=1, deterministic=True)
    each = range(len(TEXTS))
    vectors = {
        pooling: np.concatenate(
            [compute_text_vectors(engine, select(TEXTS, [text]), pooling) for text in each]
        )
        for pooling in POOLINGS
    }
    engine.close()
    return vectors.__getitem__


@pytest.fixture(scope="module")
def wide(make: type[NativeEngine | OpenVinoEngine]) -> Iterator[Engine]:
    """A model whose heads' products numpy would share among threads."""
    config = replace(CONFIG, vocab_size=16_001, embedding_size=128, hidden_size=180)
    weights = random_weights(config, [spec.name for spec in HEADS])
    engine = make(weights, threads=2, deterministic=True)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def usual() -> list[Engine]:
    return [OpenVinoEngine(WEIGHTS, threads=threads) for threads in (1, 2)]


@pytest.mark.parametrize("pooling", POOLINGS)
@given(numbers=some_texts, slots=st.sampled_from([40, 100, 512]))
@settings(max_examples=15, deadline=None)
def test_a_vector_has_the_same_bits_in_any_batch(
    engine: Engine,
    alone: Callable[[Pooling], FloatArray],
    pooling: Pooling,
    numbers: list[int],
    slots: int,
) -> None:
    vectors = compute_text_vectors(engine, select(TEXTS, numbers), pooling, slots=slots)
    np.testing.assert_array_equal(vectors, alone(pooling)[numbers])


@given(numbers=some_texts)
@settings(max_examples=15, deadline=None)
def test_so_are_the_logits_of_words(engine: Engine, numbers: list[int]) -> None:
    first = np.array([0])
    one_by_one = [compute_mlm_logits(engine, select(TEXTS, [number]), first) for number in numbers]
    together = select(TEXTS, numbers)
    logits = compute_mlm_logits(engine, together, together.offsets[:-1])
    np.testing.assert_array_equal(logits, np.concatenate(one_by_one))


@pytest.mark.parametrize(
    "wanted",
    [
        OutputRequest(tokens=True, pooled=True, mlm_tokens=np.array([2, 3, 40, 60])),
        *(OutputRequest(head=spec.name) for spec in HEADS if spec.is_linear),
        OutputRequest(spans=SpanSearch(3, 2, is_excluded=np.arange(64) % 5 == 0)),
    ],
    ids=lambda wanted: wanted.head or ("spans" if wanted.spans else "vectors"),
)
def test_what_is_answered_text_by_text_is_what_a_batch_is_answered(
    engine: Engine, wanted: OutputRequest
) -> None:
    batch = batch_of([30, 20, 14])
    together = OpenVinoEngine(WEIGHTS, threads=1).run(batch, wanted)
    outputs = engine.run(batch, wanted)
    for name in ("tokens", "pooled", "mlm_logits", "head_logits"):
        one, other = getattr(outputs, name), getattr(together, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(one, other, rtol=0, atol=ATOL)
    if wanted.spans:
        assert outputs.spans is not None
        assert together.spans is not None
        np.testing.assert_array_equal(outputs.spans.end_index, together.spans.end_index)
        np.testing.assert_allclose(
            outputs.spans.no_answer_logit, together.spans.no_answer_logit, atol=ATOL
        )


@pytest.mark.parametrize(
    "wanted",
    [
        OutputRequest(mlm_tokens=np.array([3])),
        OutputRequest(mlm_tokens=np.arange(64), pooled=True),
        *(OutputRequest(head=spec.name) for spec in HEADS if spec.is_linear),
        OutputRequest(spans=SpanSearch(3, 2)),
    ],
    ids=lambda wanted: (
        wanted.head or ("spans" if wanted.spans else f"{len(wanted.mlm_tokens)} words")
    ),
)
def test_heads_have_the_same_bits_with_any_number_of_threads_of_numpy(
    wide: OpenVinoEngine, wanted: OutputRequest
) -> None:
    import threadpoolctl

    batch = batch_of([30, 34])
    actual = []
    for threads in (1, 3, 5):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            actual.append(wide.run(batch, wanted))
    for other in actual[1:]:
        np.testing.assert_equal(asdict(other), asdict(actual[0]))


@given(st.permutations(range(len(TEXTS))), st.sampled_from([64, 200, 512]))
@settings(max_examples=10, deadline=None)
def test_without_it_a_vector_is_the_same_to_1e_5(
    usual: list[Engine], alone: Callable[[Pooling], FloatArray], order: list[int], slots: int
) -> None:
    for engine in usual:
        vectors = compute_text_vectors(engine, select(TEXTS, order), "mean", slots=slots)
        np.testing.assert_allclose(vectors, alone("mean")[order], rtol=0, atol=ATOL)


def test_a_closed_engine_says_so() -> None:
    engine = OpenVinoEngine(WEIGHTS, threads=2, deterministic=True)
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.run(batch_of([3]), OutputRequest(tokens=True))


def batch_of(lengths: Sequence[int]) -> PackedBatch:
    texts: Encodings = random_encodings(CONFIG, lengths)
    (layout,) = plan(texts.lengths)
    return pack(texts, layout)
