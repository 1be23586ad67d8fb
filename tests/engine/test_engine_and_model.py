"""Every engine, in every precision that it has, is the torch model: one test, every axis.

The model reads each text alone, the engines all of them packed together. The native engine's
precisions are held by test_native_engine.py, and every head by test_parity.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tests.support.axes import CONFIG_AXES, random_encodings, random_weights

from albertkit import AlbertModel
from albertkit.arrays import FloatArray
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.openvino_library import get_core, import_openvino
from albertkit.engine.packing import Layout, pack
from albertkit.engine.protocol import Engine, OutputRequest, require_output
from albertkit.model.torch_engine import TorchEngine
from albertkit.spec import AlbertConfig, Weights

# Two rows filled unevenly: texts next to each other, out of order, and empty slots.
LENGTHS = (40, 3, 17, 9, 2)
LAYOUT = Layout(width=40, rows=((0,), (2, 1, 3, 4)))

Holds = Callable[[AlbertConfig, FloatArray, FloatArray], None]  # config, found, the model's


def to_float32(config: AlbertConfig, actual: FloatArray, model: FloatArray) -> None:
    """Values up to 5, and some twenty roundings of the last place."""
    np.testing.assert_allclose(actual, model, rtol=0, atol=1e-5)


def to_bfloat16(config: AlbertConfig, actual: FloatArray, model: FloatArray) -> None:
    """A number of 8 bits is off by up to 2⁻⁹ of itself, by a √3rd of that in the mean square.

    Numbers of size one are rounded some ten times in a pass, and five before the first; errors that
    know nothing of each other add as squares. Twice that, as scales of norms reach 1.3 and large
    numbers err more.
    """
    passes = config.num_hidden_layers * config.inner_group_num
    expected = 2**-9 / math.sqrt(3) * math.sqrt(10 * passes + 5)
    difference = np.sqrt(np.mean((actual - model) ** 2))
    assert 1e-3 < difference < 2 * expected  # and float32 it is not


def openvino_computes_bfloat16() -> bool:
    """Whether it does where it is asked to, by what it says of a graph that it compiled."""
    ov = import_openvino()
    x = ov.opset13.parameter([1, 16])
    graph = ov.Model([ov.opset13.relu(x)], [x])
    compiled = get_core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    precision: str = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return precision == "bf16"


@dataclass(frozen=True)
class Case:
    """An engine in a precision, and how near it must be."""

    name: str
    engine: Callable[[Weights], Engine]
    holds: Holds


CASES = (
    Case("numpy float32", NumpyEngine, to_float32),
    Case("torch float32", TorchEngine, to_float32),
    Case("torch bfloat16", lambda weights: TorchEngine(weights, precision="bfloat16"), to_bfloat16),
    Case("openvino float32", lambda weights: OpenVinoEngine(weights, threads=1), to_float32),
    Case(
        "openvino bfloat16",
        lambda weights: OpenVinoEngine(weights, precision="bfloat16", threads=1),
        # OpenVINO computes the same graphs in float32 where a processor has no instructions at all
        # that serve: with AVX-512 it makes do without those of bfloat16
        to_bfloat16 if openvino_computes_bfloat16() else to_float32,
    ),
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # where the other core is busy, each small product would wait for it


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("config", CONFIG_AXES)
def test_every_engine_in_every_precision_is_the_model(config: AlbertConfig, case: Case) -> None:
    weights = random_weights(config)
    encodings = random_encodings(config, LENGTHS)
    model = AlbertModel.from_weights(weights)
    engine = case.engine(weights)
    outputs = engine.run(pack(encodings, LAYOUT), OutputRequest(tokens=True, pooled=True))
    engine.close()
    alone = [encodings[number] for number in LAYOUT.texts.tolist()]
    with torch.no_grad():
        answers = [
            model(
                torch.from_numpy(each.ids)[None].long(),
                token_type_ids=torch.from_numpy(each.type_ids)[None].long(),
            )
            for each in alone
        ]
    tokens = np.concatenate([answer.last_hidden_state[0].numpy() for answer in answers])
    pooled = np.concatenate([answer.pooler_output.numpy() for answer in answers])
    case.holds(config, require_output(outputs.tokens), tokens)
    case.holds(config, require_output(outputs.pooled), pooled)
