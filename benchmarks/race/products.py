"""The ceiling: a layer's products at the model's sizes, and nothing else, as fast as a library can.

2,048 slots a product, all of them real tokens; no attention, norm, residual sum or tokenization.
A job takes as long as its tokens' products would. int8 stays int8 from product to product.
"""

from __future__ import annotations

import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SLOTS = 2048
CHAIN = 4  # products of a call, so that the call itself costs little
SPELL = 0.25  # seconds of measuring each product
HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class Products(ABC):
    """Times the four products; a subclass computes one."""

    def __init__(self, directory: Path, threads: int, precision: str) -> None:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        hidden, wide = config["hidden_size"], config["intermediate_size"]
        shapes = [(hidden, 3 * hidden), (hidden, hidden), (hidden, wide), (wide, hidden)]
        self.repetitions = config["num_hidden_layers"]
        self.calls = [self.product(rows, columns, threads, precision) for rows, columns in shapes]

    @abstractmethod
    def product(self, rows: int, columns: int, threads: int, precision: str) -> Callable[[], None]:
        """A call that multiplies [SLOTS, rows] by [rows, columns], CHAIN times."""

    def proof(self, texts: list[str]) -> None:
        return None

    def seconds(self, calls: list[list[str]], tokens: int) -> float:
        a_slot = sum(map(fastest, self.calls)) / CHAIN / SLOTS
        return tokens * self.repetitions * a_slot


def fastest(call: Callable[[], None]) -> float:
    """Seconds of the quickest of the calls in a spell."""
    best, ends = float("inf"), time.perf_counter() + SPELL
    while time.perf_counter() < ends:
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return best


class Torch(Products):
    def product(self, rows: int, columns: int, threads: int, precision: str) -> Callable[[], None]:
        import torch

        torch.set_num_threads(threads)
        slots, bias = torch.randn(SLOTS, rows), torch.randn(columns)
        matrices = [torch.randn(columns, rows) for _ in range(CHAIN)]

        def call() -> None:
            with torch.inference_mode():
                for matrix in matrices:
                    torch.nn.functional.linear(slots, matrix, bias)

        return call


class OpenVino(Products):
    def product(self, rows: int, columns: int, threads: int, precision: str) -> Callable[[], None]:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it calls home
        import openvino
        from openvino import opset15 as op

        rng = np.random.default_rng(0)
        slots = op.parameter([SLOTS, rows], np.float32)
        inside = _in_eight_bits(op, slots, 3.0) if precision == "int8" else slots
        results = []
        for _ in range(CHAIN):
            matrix = rng.standard_normal((rows, columns), np.float32)
            factor = op.constant(matrix)
            if precision == "int8":
                whole = op.constant(np.clip(matrix * 40, -127, 127).astype(np.int8))
                scale = op.constant(np.full((1, columns), 0.025, np.float32))
                factor = op.multiply(op.convert(whole, "f32"), scale)
            product = op.matmul(inside, factor, False, False)
            product = op.add(product, op.constant(np.zeros(columns, np.float32)))
            if precision == "int8":
                product = _in_eight_bits(op, product, 200.0)
            results.append(op.result(op.slice(product, [0], [1], [1], [0])))
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # as ours: the system knows which core is free
        }
        model = openvino.Model(results, [slots], "products")
        request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        given = rng.standard_normal((SLOTS, rows), np.float32)

        def call() -> None:
            request.infer([given], share_inputs=True)

        return call


def _in_eight_bits(op: Any, node: object, largest: float) -> object:
    bounds = [np.float32(bound) for bound in (-largest, largest, -largest, largest)]
    return op.fake_quantize(node, *bounds, 256)
