"""The engine for many texts: the encoder as one OpenVINO graph.

The graph takes rows of any number and width. The precision is always said: left to itself
OpenVINO computes in bfloat16 where the processor has it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from albertkit.engine.answers import answers
from albertkit.engine.checks import check
from albertkit.engine.held import HeldArrays
from albertkit.engine.openvino_emitter import OpenVinoEmitter
from albertkit.engine.processor import system_flags
from albertkit.engine.protocol import Outputs, PackedBatch, Precision, Wanted
from albertkit.engine.quiet_openvino import openvino
from albertkit.graph.emitter import UNSEEN
from albertkit.graph.encoder import encoder
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, FloatArray, Weights

if TYPE_CHECKING:
    from openvino import Core, InferRequest, Model, Node

    from albertkit.engine.int8_scheme import Int8Scheme


class OpenVinoEngine:
    """Runs one model compiled for this processor.

    scheme: how the products of "int8" are rounded, which no other precision asks for. threads:
    cores to use; None means all that this process may use. deterministic: a text's vector is the
    same to the bit, whatever is asked beside it. The weights' memory is used where it lies and
    must stay as it is.
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
        self.weights = weights
        self.precision = precision
        self.deterministic = deterministic
        arrays = HeldArrays(weights.arrays)
        self._heads = NumpyEmitter(weights.config, arrays)
        core = openvino().Core()
        settings = {
            "INFERENCE_PRECISION_HINT": _hint(core, precision),
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads or own_cores(),
            # Pinned, the threads of every process sit on the first cores, whoever else is there:
            # beside one busy process an answer took seven times as long.
            "ENABLE_CPU_PINNING": False,
        }
        emit = _emitter(weights.config, arrays, precision, scheme)
        compiled = core.compile_model(encoder_graph(emit), "CPU", settings)
        self._request: InferRequest | None = compiled.create_infer_request()
        self._one_at_a_time = threading.Lock()  # a request has one set of buffers

    @property
    def config(self) -> AlbertConfig:
        return self.weights.config

    def run(self, batch: PackedBatch, wanted: Wanted) -> Outputs:
        check(self.weights, batch, wanted)
        inputs = [batch.ids, batch.type_ids, batch.positions, batch.owners]
        with self._one_at_a_time:
            if self._request is None:
                raise RuntimeError("this engine was closed")
            self._request.infer(inputs, share_inputs=True)
            rows = self._request.get_output_tensor(0).data  # [R, W, H]
            return answers(self._heads, rows, batch, wanted)

    def close(self) -> None:
        """Give the compiled graph's memory back; the engine does not run afterwards."""
        with self._one_at_a_time:
            self._request = None


def own_cores() -> int:
    """Cores to compute on: OMP_NUM_THREADS, by which Ray tells a worker its share of a machine,
    else those that this process may run on, where the system tells; else all there are.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _hint(core: Core, precision: Precision) -> str:
    """The type of what is not rounded to int8: bfloat16 beside int8 too, where there is such."""
    if precision == "float32":
        return "f32"
    has_bfloat16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if precision == "bfloat16" or has_bfloat16 else "f32"


def is_bare_product_faster(flags: frozenset[str] | None) -> bool:
    """Whether float32 products are faster without an activation in them: AVX2 and no AVX-512.

    OpenVINO 2026.4 gives bare products to MLAS, and those with an activation to oneDNN, which on
    AVX2 takes 1.25 to 1.4 times as long; a whole call gains x1.15 (H 768 and 384). With AVX-512
    oneDNN is the faster of the two.
    """
    return flags is not None and "avx2" in flags and "avx512f" not in flags


def _emitter(
    config: AlbertConfig,
    arrays: Mapping[str, FloatArray],
    precision: Precision,
    scheme: Int8Scheme | None,
) -> OpenVinoEmitter:
    if scheme is None:
        bare = precision == "float32" and is_bare_product_faster(system_flags())
        return OpenVinoEmitter(config, arrays, bare_products=bare)
    from albertkit.engine.openvino_int8_emitter import OpenVinoInt8Emitter

    return OpenVinoInt8Emitter(config, arrays, scheme)


def encoder_graph(emit: OpenVinoEmitter) -> Model:
    """ids, type ids, positions, owners (int32 [R, W]) → token vectors [R, W, H]."""
    ov = openvino()
    ids, type_ids, positions, owners = (
        ov.opset15.parameter([-1, -1], np.int32, name=name)
        for name in ("ids", "type_ids", "positions", "owners")
    )
    vectors = encoder(
        emit,
        emit.config,
        ids=ids,
        type_ids=type_ids,
        positions=positions,
        mask=own_text(owners),
    )
    return ov.Model([vectors], [ids, type_ids, positions, owners], "albert")


def own_text(owners: Node) -> Node:
    """The mask [R, 1, W, W]: 0 between slots of one owner, UNSEEN elsewhere; once for all layers.

    Empty slots see each other, so that no softmax is over nothing.
    """
    op = openvino().opset15
    same = op.equal(op.unsqueeze(owners, np.int64(1)), op.unsqueeze(owners, np.int64(2)))
    return op.unsqueeze(op.select(same, np.float32(0), np.float32(UNSEEN)), np.int64(1))
