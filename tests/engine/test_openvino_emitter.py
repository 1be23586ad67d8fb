"""What OpenVINO computes in another form than the other engines: activations, queries over √D."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from tests.support.axes import CONFIG, random_weights

from albertkit.engine.openvino.emitter import OpenVinoEmitter, ScaledQueries
from albertkit.engine.openvino.engine import is_bare_product_faster
from albertkit.engine.openvino_library import get_core, import_openvino
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec.config_values import Activation

WEIGHTS = random_weights(CONFIG)
FAR = (-1e6, -1e4, -300, -88, 88, 300, 1e4)  # where an exponential overflows


@pytest.mark.parametrize("bare", [True, False], ids=["bare", "fused"])
@pytest.mark.parametrize("kind", get_args(Activation))
def test_an_activation_is_numpy_s_near_0_and_far_from_it(kind: Activation, bare: bool) -> None:
    x = np.concatenate([np.linspace(-12, 12, 2001), FAR]).astype(np.float32)[None]
    ov = import_openvino()
    entering = ov.opset15.parameter([-1, -1], np.float32)
    emit = OpenVinoEmitter(CONFIG, WEIGHTS.arrays, bare_products=bare)
    model = ov.Model([emit.activate(entering, kind)], [entering], kind)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    actual = get_core().compile_model(model, "CPU", settings)([x])[0]
    expected = NumpyEmitter(CONFIG, WEIGHTS.arrays).activate(x.copy(), kind)
    # the last place of values to 12
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


def test_queries_are_over_the_root_of_a_head_s_size_and_nothing_else_is_touched() -> None:
    scaled = ScaledQueries(CONFIG, WEIGHTS.arrays)
    assert list(scaled) == list(WEIGHTS.arrays)
    for name, array in WEIGHTS.arrays.items():
        if ".query." in name:
            np.testing.assert_allclose(scaled[name] * np.sqrt(CONFIG.head_size), array, rtol=1e-6)
            assert scaled[name] is scaled[name]
        else:
            assert scaled[name] is array


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"avx2", "fma"}, True), ({"avx2", "avx512f"}, False), ({"asimddp"}, False), (None, False)],
)
def test_products_are_bare_where_there_is_avx2_and_nothing_wider(
    flags: set[str] | None, expected: bool
) -> None:
    assert is_bare_product_faster(None if flags is None else frozenset(flags)) is expected
