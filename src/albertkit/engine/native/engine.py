"""The engine in C++: whole texts go through all layers in the caches of one core.

It computes each text without padding, and a text's token vectors have the same bits whatever the
other texts of the batch and the number of threads. The heads run in
numpy, as those of other engines.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from functools import partial

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.native.library import (
    PRECISION_NUMBERS,
    NativeConfig,
    choose_instruction_set,
    load_library,
)
from albertkit.engine.numpy_engine import compute_outputs, list_read_tokens
from albertkit.engine.process import count_usable_cores, reset_after_fork
from albertkit.engine.protocol import OutputRequest, Outputs, PackedBatch, Precision, check_request
from albertkit.fileformats.tensors import release_pages
from albertkit.graph.encoder import list_layer_prefixes
from albertkit.graph.numpy_emitter import NumpyEmitter, multiply_on_one_core
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.config_values import ACTIVATION_NAMES
from albertkit.spec.parameters import WORD_TABLE, CachedArrays

EMBEDDING_TABLES = (
    WORD_TABLE,
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
)
MODEL_LAYERS = ("embeddings.LayerNorm", "encoder.embedding_hidden_mapping_in")
BLOCK_LAYERS = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.dense",
    "attention.LayerNorm",
    "ffn",
    "ffn_output",
    "full_layer_layer_norm",
)
# Eight tiles a thread: all end at nearly the same time, and the token vectors of a call stay few.
TOKENS_OF_A_THREAD = 1024


class NativeEngine:
    """Runs one model in the compiled library."""

    name = "native"

    def __init__(
        self,
        weights: Weights,
        *,
        precision: Precision = "float32",
        threads: int | None = None,
        deterministic: bool = False,
    ) -> None:
        """Pack the weights.

        Args:
            weights: The model. The embedding tables are read in place and must not change.
            precision: Numerical precision of the encoder's products. Sums, norms and softmax are
                float32, and so are the heads.
            threads: Number of cores to use; None for all that this process may use.
            deterministic: The heads, too, compute bit-identical outputs whatever the batch.

        Raises:
            InputError: [option-invalid] if ALBERTKIT_ISA cannot be used.
            ResourceError: [engine-unavailable] if there is no library for this processor.
            MemoryError: If the weights do not fit.
        """
        self.weights = weights
        self.precision = precision
        self.threads = threads
        self.deterministic = deterministic
        cores = threads or count_usable_cores()
        self.tokens_per_call: int | None = cores * TOKENS_OF_A_THREAD
        self.instruction_set = choose_instruction_set(precision)
        self._library = load_library()
        arrays = CachedArrays(weights.arrays)
        self._heads = NumpyEmitter(
            weights.config, arrays, multiply_on_one_core if deterministic else None
        )
        self._tables = [arrays[name] for name in EMBEDDING_TABLES]  # read by every call
        self._handle: int | None = self._create(cores)
        self._free = weakref.finalize(self, self._library.albertkit_destroy, self._handle)
        self._lock = threading.Lock()
        reset_after_fork(self)

    @property
    def config(self) -> AlbertConfig:
        """The model's config."""
        return self.weights.config

    def run(self, batch: PackedBatch, request: OutputRequest) -> Outputs:
        """Compute the requested outputs of a packed batch; as `Engine.run`."""
        check_request(self.weights, batch, request)
        read = list_read_tokens(batch, request)
        vectors = self._compute(batch, read)
        has_heads = any((request.pooled, request.head, request.mlm_tokens is not None))
        if self.deterministic and (has_heads or request.spans is not None):
            return self._compute_heads_of_each_text(batch, request, vectors)
        return compute_outputs(self._heads, vectors, batch.offsets, request, read)

    def close(self) -> None:
        """Free the memory, when the call that is running has ended."""
        with self._lock:
            self._handle = None
            self._free()

    def reset_after_fork(self) -> None:
        """Forget the parent's threads; a forked child calls this."""
        self._lock = threading.Lock()
        if self._handle is not None:
            self._library.albertkit_reset_after_fork(self._handle)

    def __reduce__(self) -> tuple[Callable[[], NativeEngine], tuple[()]]:
        """Copies and pickles hold the weights and the options; they pack their own matrices."""
        return (
            partial(
                NativeEngine,
                self.weights,
                precision=self.precision,
                threads=self.threads,
                deterministic=self.deterministic,
            ),
            (),
        )

    def _compute_heads_of_each_text(
        self, batch: PackedBatch, request: OutputRequest, vectors: FloatArray
    ) -> Outputs:
        """Compute the heads text by text: numpy's products depend on the number of rows."""
        from albertkit.engine.batch_invariant import concat_outputs, split_texts  # seldom used

        parts: list[Outputs] = []
        begin = 0
        for single, part in split_texts(batch, request):
            read = list_read_tokens(single, part)
            end = begin + (len(single.slots) if read is None else len(read))
            parts.append(
                compute_outputs(self._heads, vectors[begin:end], single.offsets, part, read)
            )
            begin = end
        return concat_outputs(parts)

    def _compute(self, batch: PackedBatch, read: Int64Array | None) -> FloatArray:
        """The vectors [K, H] of the tokens that are read, or of all."""
        offsets = np.ascontiguousarray(batch.offsets, np.int64)  # [N + 1]
        ids, types, positions = (
            np.ascontiguousarray(values.reshape(-1)[batch.slots], np.int32)  # [T]
            for values in (batch.ids, batch.type_ids, batch.positions)
        )
        count = len(ids) if read is None else len(read)
        vectors = np.empty((count, self.config.hidden_size), np.float32)
        with self._lock:
            if self._handle is None:
                raise RuntimeError("this engine was closed")
            failed = self._library.albertkit_run(
                self._handle,
                len(offsets) - 1,
                offsets.ctypes.data,
                ids.ctypes.data,
                types.ctypes.data,
                positions.ctypes.data,
                None if read is None else read.ctypes.data,
                count,
                vectors.ctypes.data,
            )
        if failed:
            raise MemoryError(f"a batch of {len(ids)} tokens does not fit in memory")
        return vectors

    def _create(self, cores: int) -> int:
        """Pack the matrices; the float32 arrays are not kept."""
        config = self.config
        order = list_layer_prefixes(config)
        prefixes = list(dict.fromkeys(order))
        pairs = [
            *MODEL_LAYERS,
            *(f"{prefix}{name}" for prefix in prefixes for name in BLOCK_LAYERS),
        ]
        arrays = CachedArrays(self.weights.arrays)
        packed = [arrays[f"{pair}.{kind}"] for pair in pairs for kind in ("weight", "bias")]
        used = [*self._tables, *packed]
        native = NativeConfig(
            config.embedding_size,
            config.hidden_size,
            config.num_attention_heads,
            config.intermediate_size,
            len(prefixes),
            len(order),
            ACTIVATION_NAMES.index(config.activation),
            PRECISION_NUMBERS[self.precision],
            config.layer_norm_eps,
            cores,
        )
        numbers = np.array([prefixes.index(prefix) for prefix in order], np.int32)
        pointers = (ctypes.c_void_p * len(used))(*(array.ctypes.data for array in used))
        handle: int | None = self._library.albertkit_create(
            self.instruction_set.encode(), ctypes.byref(native), numbers.ctypes.data, pointers
        )
        if handle is None:
            raise MemoryError("the model's weights do not fit in memory")
        for array in packed:
            release_pages(array)
        return handle
