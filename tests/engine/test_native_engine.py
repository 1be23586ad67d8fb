"""The compiled engine: all instruction sets of this machine, the same bits in every batch, threads.

Its parity with transformers is in test_parity.py; the numpy engine is the oracle here.
"""

from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights
from tests.support.native import PRECISIONS, needs_native

from albertkit.arrays import FloatArray
from albertkit.engine.native import library
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import Layout, compute_text_vectors, compute_token_vectors, pack
from albertkit.engine.protocol import Precision
from albertkit.errors import InputError, ResourceError
from albertkit.spec import AlbertConfig
from albertkit.tokenization.encodings import select

pytestmark = needs_native

LENGTHS = (40, 3, 17, 9, 2, 33, 1)
SETS = [
    pytest.param(precision, isa, id=f"{precision} {isa}")
    for precision in PRECISIONS
    for isa in library.list_instruction_sets(precision)
]
WEIGHTS = random_weights(CONFIG, ["masked_lm"], pooler=True)
TEXTS = random_encodings(CONFIG, np.random.default_rng(1).integers(1, 41, 30).tolist())
# Of the largest number. bfloat16 has 8 bits and int8 7, in products of some 50 numbers, thrice.
TOLERANCE: dict[Precision, float] = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.06}


def token_vectors(config: AlbertConfig, precision: Precision, threads: int = 2) -> FloatArray:
    engine = NativeEngine(random_weights(config), precision=precision, threads=threads)
    vectors = compute_token_vectors(engine, random_encodings(config, LENGTHS))
    engine.close()
    return vectors


@pytest.mark.parametrize(("precision", "isa"), SETS)
@pytest.mark.parametrize("config", CONFIG_AXES)
def test_every_instruction_set_computes_every_config(
    config: AlbertConfig, precision: Precision, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(library.ISA_VARIABLE, isa)
    expected = compute_token_vectors(
        NumpyEngine(random_weights(config)), random_encodings(config, LENGTHS)
    )
    error = np.abs(token_vectors(config, precision) - expected).max()
    assert error <= TOLERANCE[precision] * max(1.0, np.abs(expected).max())


@pytest.fixture(scope="module", params=PRECISIONS)
def engine(request: pytest.FixtureRequest) -> Iterator[NativeEngine]:
    engine = NativeEngine(WEIGHTS, precision=request.param, threads=2)
    yield engine
    engine.close()


@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=20), st.integers(1, 3))
@settings(max_examples=20)
def test_a_text_has_the_same_bits_in_every_batch_and_on_every_number_of_threads(
    engine: NativeEngine, numbers: list[int], threads: int
) -> None:
    texts = select(TEXTS, numbers)
    other = NativeEngine(WEIGHTS, precision=engine.precision, threads=threads)
    vectors = compute_token_vectors(other, texts)
    other.close()
    alone = [compute_token_vectors(engine, select(TEXTS, [text])) for text in numbers]
    np.testing.assert_array_equal(vectors, np.concatenate(alone))


@given(st.sets(st.integers(0, len(TEXTS.ids) - 1), max_size=12))
@settings(max_examples=20)
def test_only_the_vectors_that_are_read_are_computed_and_are_the_same(
    engine: NativeEngine, tokens: set[int]
) -> None:
    batch = pack(TEXTS, Layout(len(TEXTS.ids), (tuple(range(len(TEXTS))),)))
    wanted = np.array(sorted(tokens), np.int64)
    read = engine._compute(batch, wanted)
    np.testing.assert_array_equal(read, engine._compute(batch, None)[wanted])


def test_the_plainest_instruction_set_is_last_and_an_emulated_build_has_all(
    request: pytest.FixtureRequest,
) -> None:
    sets = library.list_instruction_sets("int8")
    assert sets[-1] == "avx2"
    if request.config.option.native_library:
        assert sets == list(library.INSTRUCTION_SETS)
        assert library.list_instruction_sets("bfloat16") == ["avx512_bf16"]


def test_one_long_text_is_divided_among_threads() -> None:
    config = AlbertConfig(
        vocab_size=97,
        embedding_size=64,
        hidden_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2048,  # matrices of 2 MiB, which have large pages
        max_position_embeddings=700,
    )
    weights, text = random_weights(config), random_encodings(config, [700])
    expected = compute_token_vectors(NumpyEngine(weights), text)
    for threads in (1, 2, 3):
        vectors = compute_token_vectors(NativeEngine(weights, threads=threads), text)
        np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)


def test_threads_that_call_at_the_same_time_get_their_own_vectors(engine: NativeEngine) -> None:
    expected = [compute_text_vectors(engine, select(TEXTS, [n]), "mean") for n in range(8)]
    results: list[FloatArray | None] = [None] * 8

    def compute(number: int) -> None:
        for _ in range(5):
            results[number] = compute_text_vectors(engine, select(TEXTS, [number]), "mean")

    threads = [threading.Thread(target=compute, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(results, expected)


def test_a_closed_engine_refuses_and_ends_no_call_early() -> None:
    engine = NativeEngine(WEIGHTS, threads=2)
    expected = compute_text_vectors(engine, TEXTS, "mean")
    answers: list[FloatArray] = []

    def compute_until_closed() -> None:
        while True:
            answers.append(compute_text_vectors(engine, TEXTS, "mean"))

    def compute_and_be_refused() -> None:
        with pytest.raises(RuntimeError, match="closed"):
            compute_until_closed()

    thread = threading.Thread(target=compute_and_be_refused)
    thread.start()
    while not answers:
        pass
    engine.close()
    thread.join()
    engine.close()  # twice is once
    for vectors in answers:
        np.testing.assert_array_equal(vectors, expected)


def test_copies_compute_the_same(engine: NativeEngine) -> None:
    expected = compute_text_vectors(engine, TEXTS, "mean")
    for other in (copy.deepcopy(engine), pickle.loads(pickle.dumps(engine))):  # noqa: S301
        assert other.precision == engine.precision
        np.testing.assert_array_equal(compute_text_vectors(other, TEXTS, "mean"), expected)


def test_an_instruction_set_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(library.ISA_VARIABLE, "avx1024")
    with pytest.raises(InputError, match=r"ALBERTKIT_ISA is 'avx1024'.*\[option-invalid\]"):
        NativeEngine(WEIGHTS)


def test_a_package_without_the_library_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "albertkit_native.so")
    library.load_library.cache_clear()
    try:
        with pytest.raises(
            ResourceError, match=r"without a C\+\+ compiler.*\[engine-unavailable\]"
        ):
            NativeEngine(WEIGHTS)
        (tmp_path / "albertkit_native.so").write_bytes(b"no library")
        with pytest.raises(ResourceError, match=r"\[engine-unavailable\]"):
            NativeEngine(WEIGHTS)
    finally:
        library.load_library.cache_clear()


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
def test_code_for_an_instruction_set_is_called_by_nothing_else() -> None:
    """Inline functions of C++'s library, compiled for one processor, must not serve the others."""
    objects = sorted((Path(__file__).parents[2] / "build" / "native").rglob("isa/*.o"))
    if not objects:
        pytest.skip("a build in build/native is not installed")
    for file in objects:
        names = subprocess.run(
            ["nm", "-C", file], capture_output=True, text=True, check=True
        ).stdout
        shared = [line for line in names.splitlines() if " W " in line]
        assert shared == [], file.name


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="/proc is not there")
@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("os.environ['OMP_NUM_THREADS'] = '3'", 2),
        ("os.environ['OMP_NUM_THREADS'] = '1'", 0),
        ("os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})", 0),
    ],
)
def test_it_starts_no_more_threads_than_it_may_use(setup: str, expected: int) -> None:
    program = f"""
import os
os.environ.pop("OMP_NUM_THREADS", None)
{setup}
from tests.support.axes import CONFIG, random_encodings, random_weights
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.packing import compute_text_vectors
engine = NativeEngine(random_weights(CONFIG))
before = len(os.listdir("/proc/self/task"))
compute_text_vectors(engine, random_encodings(CONFIG, [40] * 400), "mean")
print(len(os.listdir("/proc/self/task")) - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) == expected


def test_no_thread_computes_between_calls() -> None:
    program = """
import time
from tests.support.axes import CONFIG, random_encodings, random_weights
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.packing import compute_text_vectors
engine = NativeEngine(random_weights(CONFIG), threads=2)
compute_text_vectors(engine, random_encodings(CONFIG, [40] * 200), "mean")
before = time.process_time()
time.sleep(0.3)
assert time.process_time() - before < 0.05
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
