"""The engine of the extra openvino: the encoder compiled by OpenVINO for this processor.

The precision is always given: by default OpenVINO computes in bfloat16 on processors that have it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from albertkit.engine.batch_invariant import concat_outputs, split_texts
from albertkit.engine.numpy_engine import compute_outputs, list_read_tokens
from albertkit.engine.openvino.compiled_encoder import (
    CompiledEncoder,
    InferenceRequest,
    LayerwiseEncoder,
    Settings,
    SingleGraphEncoder,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.process import count_usable_cores, keep_inherited, reset_after_fork
from albertkit.engine.processor import read_cpu_flags
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision, check_request
from albertkit.graph.numpy_emitter import NumpyEmitter, multiply_on_one_core
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import CachedArrays

# How many shapes OpenVINO keeps kernels and plans for; its default is 5,000. With H 256 and single
# texts of 128 lengths a process grows by 19 MB if all are kept, by 6 MB with 64, and by 125 MB with
# none, because each call then leaves its own behind (benchmarks/kept_shapes.py).
CACHED_SHAPES = 64


class OpenVinoEngine:
    """Runs one model, compiled for this processor."""

    name = "openvino"
    tokens_per_call: int | None = None

    def __init__(
        self,
        weights: Weights,
        *,
        precision: Precision = "float32",
        threads: int | None = None,
        deterministic: bool = False,
    ) -> None:
        """Compile the encoder.

        Args:
            weights: The model. The engine uses the arrays' memory, which must not change.
            precision: Numerical precision of the encoder, float32 or bfloat16. The heads compute
                in float32.
            threads: Number of cores to use; None for all that this process may use.
            deterministic: Bit-identical vectors whatever the batch and the number of threads
                (slower): one thread computes each text alone, several texts at a time.

        Raises:
            ResourceError: [extra-missing] if OpenVINO is not installed, [engine-unavailable] if it
                cannot be imported.
        """
        self.weights = weights
        self.precision = precision
        self.threads = threads
        self.deterministic = deterministic
        arrays = CachedArrays(weights.arrays)
        self._heads = NumpyEmitter(
            weights.config, arrays, multiply_on_one_core if deterministic else None
        )
        bare = precision == "float32" and is_bare_product_faster(read_cpu_flags())
        self._create_emitter = partial(OpenVinoEmitter, weights.config, arrays, bare_products=bare)
        self._requests: RequestPool | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._start()
        reset_after_fork(self)

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute the requested outputs of a packed batch; as `Engine.run`."""
        check_request(self.weights, batch, request)
        requests, executor = self._running()
        if executor is None:
            return self._compute(requests, batch, request)
        parts = [
            executor.submit(self._compute, requests, *part) for part in split_texts(batch, request)
        ]
        return concat_outputs([part.result() for part in parts])

    def close(self) -> None:
        """Free the compiled graphs; the engine cannot run afterwards."""
        self._is_closed = True
        if self._requests is not None:
            self._requests.close()

    def reset_after_fork(self) -> None:
        """Compile again at the next call; a forked child calls this."""
        keep_inherited(self._requests, self._executor)
        self._lock = threading.Lock()
        self._requests = None
        self._executor = None

    def __reduce__(self) -> tuple[Callable[[], OpenVinoEngine], tuple[()]]:
        """Copies and pickles hold the weights and the options; they compile their own graphs."""
        return (
            partial(
                OpenVinoEngine,
                self.weights,
                precision=self.precision,
                threads=self.threads,
                deterministic=self.deterministic,
            ),
            (),
        )

    def _start(self) -> None:
        """Compile the encoder and create its requests: one, or one a thread if deterministic."""
        cores = self.threads or count_usable_cores()
        streams = cores if self.deterministic else 1
        settings: Settings = {
            "INFERENCE_PRECISION_HINT": "f32" if self.precision == "float32" else "bf16",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": cores,
            # Pinned threads of all processes share the first cores.
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": CACHED_SHAPES,
        }
        kind = LayerwiseEncoder if self.precision == "bfloat16" else SingleGraphEncoder
        encoder: CompiledEncoder = kind(self._create_emitter, settings)
        self._requests = RequestPool([encoder.request() for _ in range(streams)])
        self._executor = ThreadPoolExecutor(streams, "albertkit") if self.deterministic else None

    def _running(self) -> tuple[RequestPool, ThreadPoolExecutor | None]:
        """The requests and threads of this process."""
        with self._lock:
            if self._requests is None and not self._is_closed:
                self._start()
            if self._requests is None:
                raise RuntimeError("this engine was closed")
            return self._requests, self._executor

    def _compute(self, pool: RequestPool, batch: PackedBatch, request: OutputRequest) -> Outputs:
        # If deterministic, all vectors are computed: the number of slots read changes the bits.
        read = None if self.deterministic else list_read_tokens(batch, request)
        slots = batch.slots if read is None else batch.slots[read]
        with pool.acquire() as inference:
            vectors = inference.vectors(batch, slots)  # [K, H]
        return compute_outputs(self._heads, vectors, batch.offsets, request, read)


class RequestPool:
    """The idle requests of an engine: as many threads compute at a time as there are requests."""

    def __init__(self, requests: Sequence[InferenceRequest]) -> None:
        self._idle = list(requests)
        self._is_closed = False
        self._changed = threading.Condition()

    @contextmanager
    def acquire(self) -> Iterator[InferenceRequest]:
        """Lend the request that was used last to this thread; waits until one is idle."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._is_closed)
            if self._is_closed:
                raise RuntimeError("this engine was closed")
            request = self._idle.pop()
        try:
            yield request
        finally:
            with self._changed:
                if not self._is_closed:
                    self._idle.append(request)
                    self._changed.notify()

    def close(self) -> None:
        """Free the idle requests now, and those at work when they have finished."""
        with self._changed:
            self._is_closed = True
            self._idle.clear()
            self._changed.notify_all()


def is_bare_product_faster(flags: frozenset[str] | None) -> bool:
    """Return whether float32 products run faster without a fused activation.

    True for AVX2 without AVX-512. OpenVINO 2026.4 gives bare products to MLAS and products with an
    activation to oneDNN, which is the slower one on AVX2 and the faster one with AVX-512
    (benchmarks/tried.py).
    """
    return flags is not None and "avx2" in flags and "avx512f" not in flags
