"""How wrong OpenVINO's int8 products are by how many steps a weight has.

    python benchmarks/int8_sums.py

Products of random numbers, whole steps of 256 times whole steps of a weight, held against exact
sums: the largest difference, as a part of the largest sum. A processor without VNNI, AMX or the
like adds two products in 16 bits, which hold 2·255·64.
"""

from __future__ import annotations

import numpy as np

from albertkit.engine.openvino_library import import_openvino
from albertkit.engine.processor import detect_processor
from albertkit.graph.quantization import ACTIVATION_QMAX, QMAX

LEVELS = ACTIVATION_QMAX + 1
INT8_MAX = 127
ROWS, DEPTH, COLUMNS = 64, 768, 768


def main() -> None:
    print(detect_processor().describe_int8())
    for levels in (QMAX, INT8_MAX):
        print(f"steps of a weight: -{levels} to {levels}; off by up to {worst(levels):.1%}")


def worst(levels: int) -> float:
    ov = import_openvino()
    op, rng = ov.opset15, np.random.default_rng(0)
    x = rng.integers(0, LEVELS, (ROWS, DEPTH)).astype(np.float32)
    matrix = rng.integers(-levels, levels + 1, (COLUMNS, DEPTH)).astype(np.int8)
    given = op.parameter([ROWS, DEPTH], np.float32)
    ends = np.float32(0), np.float32(LEVELS - 1)
    steps = op.fake_quantize(given, *ends, *ends, LEVELS)
    worth = op.constant(np.ones((COLUMNS, 1), np.float32))
    factor = op.multiply(op.convert(op.constant(matrix), "f32"), worth)
    model = ov.Model([op.matmul(steps, factor, False, True)], [given], "sums")
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    exact = x.astype(np.float64) @ matrix.T.astype(np.float64)
    return float(np.abs(compiled(x)[0] - exact).max() / np.abs(exact).max())


if __name__ == "__main__":
    main()
