"""The engine for many texts: the encoder compiled by OpenVINO for this processor.

The precision is always said: left to itself OpenVINO computes in bfloat16 where the processor has
it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from albertkit.arrays import FloatArray
from albertkit.engine.answers import answers, tokens_read
from albertkit.engine.batch_invariant import joined, texts_apart
from albertkit.engine.cached_arrays import CachedArrays
from albertkit.engine.checks import check
from albertkit.engine.openvino.compiled_encoder import (
    CompiledEncoder,
    LayerwiseEncoder,
    Settings,
    SingleGraphEncoder,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino.request_pool import RequestPool
from albertkit.engine.processor import detect_processor, read_cpu_flags
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.graph.single_core import single_core_matmul
from albertkit.spec import AlbertConfig, Weights

if TYPE_CHECKING:
    from albertkit.engine.int8_scheme import Int8Scheme


# Kernels and plans that OpenVINO keeps for shapes it has met, of its usual 5,000. Over single texts
# of 128 lengths at H 256 a process grows by 19 MB with all, by 6 MB with 64; by 125 MB with none:
# each call then leaves its own behind (benchmarks/kept_shapes.py).
KEPT = 64


class OpenVinoEngine:
    """Runs one model compiled for this processor.

    scheme: how the products of "int8" are rounded, which no other precision asks for. threads:
    cores to use; None means all that this process may use. deterministic: a text's vectors are
    the same to the bit, whatever is asked beside it and however many threads there are: each text
    is computed alone and by one thread, several texts at a time. The weights' memory is used where
    it lies and must stay as it is.
    """

    name = "openvino"

    def __init__(
        self,
        weights: Weights,
        *,
        precision: Precision = "float32",
        scheme: Int8Scheme | None = None,
        threads: int | None = None,
        deterministic: bool = False,
    ) -> None:
        if (precision == "int8") != (scheme is not None):
            raise ValueError(
                f"precision is {precision!r}: a scheme goes with int8, and with it alone"
            )
        self.weights = weights
        self.precision = precision
        arrays = CachedArrays(weights.arrays)
        self._heads = NumpyEmitter(
            weights.config, arrays, single_core_matmul if deterministic else None
        )
        cores = threads or count_usable_cores()
        streams = cores if deterministic else 1
        settings: Settings = {
            "INFERENCE_PRECISION_HINT": _hint(precision),
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": cores,
            # Pinned, the threads of every process sit on the first cores, whoever else is there.
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": KEPT,
        }
        emit = partial(_emitter, weights.config, arrays, precision, scheme)
        form: CompiledEncoder = (
            LayerwiseEncoder if precision == "bfloat16" else SingleGraphEncoder
        )(emit, settings)
        self._requests = RequestPool([form.request() for _ in range(streams)])
        self._texts = ThreadPoolExecutor(streams, "albertkit") if deterministic else None

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs:
        check(self.weights, batch, wanted)
        if self._texts is None:
            return self._answers(batch, wanted)
        each = [self._texts.submit(self._answers, *one) for one in texts_apart(batch, wanted)]
        return joined([answer.result() for answer in each])

    def close(self) -> None:
        """Give the compiled graphs' memory back; the engine does not run afterwards."""
        self._requests.close()

    def _answers(self, batch: PackedBatch, wanted: OutputRequest) -> Outputs:
        # how many others are read must not matter to the bits of one
        read = None if self._texts else tokens_read(batch, wanted)
        slots = batch.slots if read is None else batch.slots[read]
        with self._requests.one() as request:
            vectors = request.vectors(batch, slots)  # [K, H]
        return answers(self._heads, vectors, batch.offsets, wanted, read)


def count_usable_cores() -> int:
    """Cores to compute on: OMP_NUM_THREADS, by which Ray tells a worker its share of a machine,
    else those that this process may run on, where the system tells; else all there are.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _hint(precision: Precision) -> str:
    """The type of what is not rounded to int8: bfloat16 beside int8 too, where there is such."""
    if precision == "float32":
        return "f32"
    return "bf16" if precision == "bfloat16" or detect_processor().bfloat16 else "f32"


def is_bare_product_faster(flags: frozenset[str] | None) -> bool:
    """Whether float32 products are faster without an activation in them: AVX2 and no AVX-512.

    OpenVINO 2026.4 gives bare products to MLAS, and those with an activation to oneDNN, which is
    the slower of the two on AVX2 and the faster with AVX-512 (benchmarks/tried.py).
    """
    return flags is not None and "avx2" in flags and "avx512f" not in flags


def _emitter(
    config: AlbertConfig,
    arrays: Mapping[str, FloatArray],
    precision: Precision,
    scheme: Int8Scheme | None,
) -> OpenVinoEmitter:
    if scheme is None:
        bare = precision == "float32" and is_bare_product_faster(read_cpu_flags())
        return OpenVinoEmitter(config, arrays, bare_products=bare)
    from albertkit.engine.openvino.int8_emitter import OpenVinoInt8Emitter

    return OpenVinoInt8Emitter(config, arrays, scheme)
