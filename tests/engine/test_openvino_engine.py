"""What only the OpenVINO engine can get wrong: memory that is not its own, threads, repetitions."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.compiled_encoder import (
    LayerwiseEncoder,
    Settings,
    SingleGraphEncoder,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.openvino.graphs import build_encoder_graph
from albertkit.engine.packing import Layout, compute_text_vectors, pack, plan
from albertkit.engine.process import count_usable_cores
from albertkit.engine.protocol import OutputRequest, PackedBatch, require_output
from albertkit.spec import AlbertConfig, Weights

WEIGHTS = random_weights(CONFIG)
ATOL = 1e-5  # float32
SETTINGS: Settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


@pytest.fixture
def engine() -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(WEIGHTS, threads=2)
    yield engine
    engine.close()


def test_outputs_are_not_overwritten_by_the_next_call(engine: OpenVinoEngine) -> None:
    first = engine.run(batch_of([40], seed=1), OutputRequest(tokens=True)).tokens
    assert first is not None
    before = first.copy()
    engine.run(batch_of([40], seed=2), OutputRequest(tokens=True))
    np.testing.assert_array_equal(first, before)


def test_several_threads_may_ask_one_engine(engine: OpenVinoEngine) -> None:
    lists = [random_encodings(CONFIG, [2 + seed, 9, 17], seed) for seed in range(16)]
    expected = [compute_text_vectors(NumpyEngine(WEIGHTS), texts, "mean") for texts in lists]
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(lambda texts: compute_text_vectors(engine, texts, "mean"), lists))
    for one, other in zip(vectors, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=ATOL)


def test_the_number_of_threads_changes_no_vector(engine: OpenVinoEngine) -> None:
    texts = random_encodings(CONFIG, [7, 30, 12, 3] * 20)
    alone = compute_text_vectors(OpenVinoEngine(WEIGHTS, threads=1), texts, "mean")
    np.testing.assert_allclose(
        compute_text_vectors(engine, texts, "mean"), alone, rtol=0, atol=ATOL
    )


def test_weights_may_lie_in_a_mapped_file_that_cannot_be_written(tmp_path: Path) -> None:
    mapped = {}
    for number, (name, array) in enumerate(WEIGHTS.arrays.items()):
        path = tmp_path / f"{number}.f32"
        array.tofile(path)
        mapped[name] = np.memmap(path, np.float32, "r", shape=array.shape)
    texts = random_encodings(CONFIG, [7, 30, 12, 3])
    for kind in (OpenVinoEngine, NumpyEngine):
        vectors = compute_text_vectors(kind(Weights(CONFIG, (), mapped)), texts, "mean")
        expected = compute_text_vectors(kind(WEIGHTS), texts, "mean")
        np.testing.assert_array_equal(vectors, expected)


def test_a_shared_layer_is_in_the_graph_once() -> None:
    matrices = [
        node
        for node in build_encoder_graph(OpenVinoEmitter(CONFIG, WEIGHTS.arrays)).get_ops()
        if node.get_type_name() == "Constant" and len(node.shape) == 2
    ]
    # three tables, the step from E to H, and six matrices for all three repetitions
    assert len(matrices) == 10


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_layer_by_layer_gives_the_bits_of_the_whole_graph(config: AlbertConfig) -> None:
    emit = partial(OpenVinoEmitter, config, random_weights(config).arrays)
    whole, layered = (
        form(emit, SETTINGS).request() for form in (SingleGraphEncoder, LayerwiseEncoder)
    )
    texts = random_encodings(config, [40, 3, 17, 9, 2])
    for width, rows in ((40, ((0,), (2, 1, 3, 4))), (16, ((1, 4, 3),)), (40, ((0,), (2,)))):
        batch = pack(texts, Layout(width, rows))
        np.testing.assert_array_equal(
            layered.vectors(batch, batch.slots), whole.vectors(batch, batch.slots)
        )


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_few_vectors_are_those_that_all_slots_give(config: AlbertConfig) -> None:
    emit = partial(OpenVinoEmitter, config, random_weights(config).arrays)
    texts = random_encodings(config, [40, 3, 17, 9, 2])
    batch = pack(texts, Layout(40, ((0,), (2, 1, 3, 4))))
    for form in (SingleGraphEncoder, LayerwiseEncoder):
        request = form(emit, SETTINGS).request()
        everywhere = request.vectors(batch, batch.slots)
        for read in ([0], [0, 40, 43, 60, 69], list(range(1, 71)), []):
            few = request.vectors(batch, batch.slots[read])
            np.testing.assert_allclose(few, everywhere[read], rtol=0, atol=ATOL)


def test_each_graph_is_compiled_when_it_is_first_asked() -> None:
    asked = []

    def emit() -> OpenVinoEmitter:
        asked.append("a graph")
        return OpenVinoEmitter(CONFIG, WEIGHTS.arrays)

    form = SingleGraphEncoder(emit, SETTINGS)
    batch = batch_of([9, 5])
    for slots, graphs in ((batch.slots[:1], 1), (batch.slots[:2], 1), (batch.slots, 2)):
        form.request().vectors(batch, slots)
        assert len(asked) == graphs


@pytest.mark.parametrize(
    ("threads", "cores"), [("3", 3), ("2,4", 2), ("0", None), ("all", None), ("", None)]
)
def test_cores_come_from_omp_num_threads_or_from_the_process(
    threads: str, cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert count_usable_cores() == (cores or len(os.sched_getaffinity(0)))


def test_requests_during_a_close_are_answered_or_refused(
    engine: OpenVinoEngine,
) -> None:
    batch = batch_of([40])
    expected = require_output(engine.run(batch, OutputRequest(tokens=True)).tokens)
    asked = threading.Barrier(4)

    def run_request(_: int) -> bool | str:
        asked.wait()
        try:
            vectors = require_output(engine.run(batch, OutputRequest(tokens=True)).tokens)
            return np.array_equal(vectors, expected)
        except RuntimeError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        actual = pool.map(run_request, range(3))
        asked.wait()
        engine.close()
        assert set(actual) <= {True, "this engine was closed"}


def test_a_closed_engine_says_so(engine: OpenVinoEngine) -> None:
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.run(batch_of([3]), OutputRequest(tokens=True))


def batch_of(lengths: list[int], seed: int = 0) -> PackedBatch:
    texts = random_encodings(CONFIG, lengths, seed)
    (layout,) = plan(texts.lengths)
    return pack(texts, layout)
