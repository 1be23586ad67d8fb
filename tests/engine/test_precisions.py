"""int8 on every axis of the config: the graph that OpenVINO runs, and the scheme."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.support.axes import (
    CONFIG,
    CONFIG_AXES,
    CONFIGS,
    random_encodings,
    random_weights,
)
from tests.support.int8_oracle import int8_tokens

from albertkit.engine.int8.calibration import Extremes, Inputs, measure_product_inputs
from albertkit.engine.int8.search import PLANS, RoundingPlan, build_scheme
from albertkit.engine.int8_scheme import Int8Scheme
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.openvino.graphs import build_encoder_graph
from albertkit.engine.openvino.int8_emitter import OpenVinoInt8Emitter
from albertkit.engine.openvino_library import openvino_core
from albertkit.engine.packing import Layout, pack
from albertkit.engine.processor import detect_processor
from albertkit.engine.protocol import OutputRequest, SpanSearch, require_output
from albertkit.graph.quantization_error import cosines
from albertkit.spec import HEADS, AlbertConfig, HeadSpec, Weights

pytestmark = pytest.mark.usefixtures("processor_without_bfloat16")

TWO_GROUPS = CONFIGS["groups_of_two_layers"]
LEVELS = detect_processor().weight_qmax
# Short texts, most of which have no value halfway between two steps; rows filled unevenly.
LENGTHS = [1, 2, 9, 3] * 6
LAYOUT = Layout(width=16, rows=tuple((n + 1, n, n + 2, n + 3) for n in range(0, 24, 4)))
ATOL = 1e-5  # as of float32: the sums of whole numbers are exact
WHOLE, ENDS_IN_FLOAT, SMOOTHED, BOTH = PLANS


@pytest.mark.parametrize("config", CONFIG_AXES)
def test_int8_is_the_scheme_done_by_hand(config: AlbertConfig) -> None:
    check_by_hand(config, WHOLE)


@pytest.mark.parametrize("plan", [ENDS_IN_FLOAT, SMOOTHED, BOTH], ids=lambda plan: plan.name)
def test_so_is_every_plan(plan: RoundingPlan) -> None:
    check_by_hand(TWO_GROUPS, plan)


def check_by_hand(config: AlbertConfig, plan: RoundingPlan) -> None:
    weights = random_weights(config)
    batch = pack(random_encodings(config, LENGTHS), LAYOUT)
    scheme = build_scheme(plan, weights, any_inputs(weights), LEVELS)
    expected, decided = int8_tokens(weights, scheme, batch)
    tokens = int8_engine(weights, scheme).run(batch, OutputRequest(tokens=True)).tokens
    errors = np.abs(require_output(tokens) - expected).max(1)  # [T]
    differences = np.maximum.reduceat(errors, batch.offsets[:-1])  # [N]
    assert decided.mean() > 0.3
    np.testing.assert_array_less(differences[decided], ATOL)
    assert differences.max() < 0.1  # a step the other way


def test_vectors_of_int8_are_near_those_of_float32_and_nearer_with_the_ends_in_float() -> None:
    weights = random_weights(CONFIG)
    batch = pack(random_encodings(CONFIG, LENGTHS), LAYOUT)
    exact = require_output(NumpyEngine(weights).run(batch, OutputRequest(tokens=True)).tokens)
    differences = []
    for plan in (WHOLE, ENDS_IN_FLOAT):
        engine = int8_engine(weights, scheme_for(weights, plan))
        tokens = require_output(engine.run(batch, OutputRequest(tokens=True)).tokens)
        assert cosines(tokens, exact).mean() > 0.99
        differences.append(np.abs(tokens - exact).mean())
    assert 0 < differences[1] < differences[0]


@pytest.mark.parametrize("spec", HEADS, ids=lambda spec: spec.name)
def test_every_head_answers_from_vectors_of_int8(spec: HeadSpec) -> None:
    weights = random_weights(CONFIG, [spec.name], pooler=True)
    batch = pack(random_encodings(CONFIG, LENGTHS), LAYOUT)
    tokens = np.array([1, 8, 20])
    wanted = {
        "masked_lm": OutputRequest(mlm_tokens=tokens, pooled=True),
        "span_search": OutputRequest(spans=SpanSearch(2, 2), pooled=True),
    }.get(spec.name, OutputRequest(head=spec.name if spec.is_linear else None, pooled=True))
    outputs = int8_engine(weights, scheme_for(weights, WHOLE)).run(batch, wanted)
    exact = NumpyEngine(weights).run(batch, wanted)
    assert np.abs(require_output(outputs.pooled) - require_output(exact.pooled)).max() < 0.2
    for one, other in (
        (outputs.mlm_logits, exact.mlm_logits),
        (outputs.head_logits, exact.head_logits),
        *(
            [(outputs.spans.no_answer_logit, exact.spans.no_answer_logit)]
            if outputs.spans is not None and exact.spans is not None
            else []
        ),
    ):
        assert (outputs.spans is None) == (exact.spans is None)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert np.abs(one - other).max() < 0.5


def test_few_vectors_of_int8_are_those_that_all_slots_give() -> None:
    weights = random_weights(CONFIG, pooler=True)
    batch = pack(random_encodings(CONFIG, LENGTHS), LAYOUT)
    for plan in (WHOLE, ENDS_IN_FLOAT):
        scheme = scheme_for(weights, plan)
        _, decided = int8_tokens(weights, scheme, batch)
        engine = int8_engine(weights, scheme)
        alone = require_output(engine.run(batch, OutputRequest(pooled=True)).pooled)
        in_batch = require_output(engine.run(batch, OutputRequest(tokens=True, pooled=True)).pooled)
        assert decided.mean() > 0.3
        np.testing.assert_allclose(alone[decided], in_batch[decided], rtol=0, atol=ATOL)
        assert np.abs(alone - in_batch).max() < 0.1  # a step the other way


def test_a_matrix_in_int8_is_in_the_graph_once() -> None:
    weights = random_weights(CONFIG)
    for plan, in_float in ((WHOLE, 0), (ENDS_IN_FLOAT, 6)):
        emit = OpenVinoInt8Emitter(CONFIG, weights.arrays, scheme_for(weights, plan))
        kinds = [
            node.get_output_element_type(0).get_type_name()
            for node in build_encoder_graph(emit).get_ops()
            if node.get_type_name() == "Constant" and math.prod(node.shape) > 400
        ]
        assert kinds.count("i8") == 6
        # three tables and the step from E to H, but the type table is too small to count
        assert kinds.count("f32") == 3 + in_float


def test_openvino_multiplies_in_int8_what_the_scheme_says() -> None:
    weights = random_weights(CONFIG)
    for plan, repetitions in ((WHOLE, 3), (ENDS_IN_FLOAT, 1)):
        emit = OpenVinoInt8Emitter(CONFIG, weights.arrays, scheme_for(weights, plan))
        compiled = openvino_core().compile_model(
            build_encoder_graph(emit), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        products = [
            node.get_rt_info()["primitiveType"].value
            for node in compiled.get_runtime_model().get_ops()
            if node.get_rt_info()["layerType"].value == "FullyConnected"
        ]
        assert len(products) == 3 * 6 + 1
        assert sum(kind.lower().endswith("i8") for kind in products) == 6 * repetitions


def scheme_for(weights: Weights, plan: RoundingPlan) -> Int8Scheme:
    inputs = measure_product_inputs(weights, random_encodings(weights.config, LENGTHS))
    return build_scheme(plan, weights, inputs, LEVELS)


def any_inputs(weights: Weights) -> Inputs:
    """Extremes that differ from use to use; what lies outside is cut off."""
    rng = np.random.default_rng(1)
    config = weights.config
    groups = [config.group_of(repetition) for repetition in range(config.num_hidden_layers)]
    inputs: dict[str, tuple[Extremes, ...]] = {}
    for row in weights.table():
        if row.group is None or len(row.shape) < 2:
            continue
        together = row.name.replace(".key.", ".query.").replace(".value.", ".query.")
        low, high = rng.uniform(1, 3, (2, groups.count(row.group), row.shape[1]))
        uses = tuple(
            Extremes(-each.astype(np.float32), other.astype(np.float32))
            for each, other in zip(low, high, strict=True)
        )
        inputs[row.name] = inputs.get(together, uses)
    return inputs


def int8_engine(weights: Weights, scheme: Int8Scheme) -> OpenVinoEngine:
    return OpenVinoEngine(weights, precision="int8", scheme=scheme, threads=1)
