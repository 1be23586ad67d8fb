"""The plainest rounding that holds is taken; a model that none keeps is refused with figures."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

import pytest
from tests.support.axes import CONFIG, random_encodings, random_weights

from albertkit.engine.int8.search import PLANS, MeasuredScheme, find_scheme
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.errors import InputError
from albertkit.graph.quantization import REDUCED_QMAX
from albertkit.graph.quantization_error import measure_quantization_error
from albertkit.spec import Weights
from albertkit.tokenization.encodings import Encodings

pytestmark = pytest.mark.usefixtures("processor_without_bfloat16")

# Four repetitions: two stay in int8 where the ends are in float.
FOUR_LAYERS = replace(CONFIG, num_hidden_layers=4)
LAYER = "encoder.albert_layer_groups.0.albert_layers.0."


def search_scheme(weights: Weights, texts: int = 80) -> MeasuredScheme:
    return find_scheme(weights, encodings(texts), "mean", weight_qmax=REDUCED_QMAX)


def encodings(texts: int, seed: int = 0) -> Encodings:
    return random_encodings(FOUR_LAYERS, [4 + number % 20 for number in range(texts)], seed)


def scale_channels(name: str, size: float, channels: list[int] | slice) -> Weights:
    """Random weights, of which a few are much larger."""
    weights = random_weights(FOUR_LAYERS)
    larger = weights.arrays[f"{LAYER}{name}"].copy()
    larger[channels] *= size
    return replace(weights, arrays={**weights.arrays, f"{LAYER}{name}": larger})


def sharp(size: float) -> Weights:
    """Attention that looks at one token, and at another one after a small change."""
    return scale_channels("attention.query.weight", size, slice(None))


def test_an_even_model_is_rounded_everywhere_and_its_figures_are_those_of_the_engine() -> None:
    weights = random_weights(FOUR_LAYERS)
    choice = search_scheme(weights)
    assert choice.name == PLANS[0].name
    assert choice.error.texts == 20
    engine = OpenVinoEngine(weights, precision="int8", scheme=choice.scheme, threads=1)
    others = encodings(64, seed=1)
    vectors, exact = (
        compute_text_vectors(each, others, "mean") for each in (engine, NumpyEngine(weights))
    )
    engine.close()
    measured = measure_quantization_error(vectors, exact)
    assert measured.is_acceptable
    assert abs(measured.mean - choice.error.mean) < 0.001


def test_plans_are_tried_in_their_order_and_each_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    weights = scale_channels("full_layer_layer_norm.weight", 30, [3, 17])  # channels above the rest
    with caplog.at_level(logging.INFO):
        choice = search_scheme(weights)
    lines = [message for message in caplog.messages if message.startswith("int8 (")]
    assert len(lines) > 1
    for message, plan in zip(lines, PLANS, strict=False):
        assert message.startswith(f"int8 ({plan.name}): cosine to float32 at least ")
    assert lines[-1] == choice.line()
    for message in lines[:-1]:  # each of these would have been taken
        least, centred = (float(n) for n in re.findall(r"(?:least|centred) (\S+)", message))
        assert least < 0.99 or centred < 0.97


def test_a_model_whose_ranking_changes_gets_a_warning_and_the_best_plan(
    caplog: pytest.LogCaptureFixture,
) -> None:
    choice = search_scheme(sharp(40))
    assert choice.error.is_acceptable
    assert not choice.error.keeps_order
    (warning,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert f"{choice.error.least_centred:.4f}" in warning.getMessage()
    assert warning.getMessage().endswith("[quantization-error-notable]")


def test_a_model_that_no_plan_keeps_is_refused_with_the_best_figures() -> None:
    with pytest.raises(
        InputError, match=r"least 0\.\d+.*below 0\.99.*\[quantization-error-too-large\]"
    ):
        search_scheme(sharp(1000))


def test_a_model_of_two_repetitions_has_only_the_plans_that_round_something() -> None:
    config = replace(FOUR_LAYERS, num_hidden_layers=2)
    weights = random_weights(config)
    choice = find_scheme(weights, encodings(64), "mean", weight_qmax=REDUCED_QMAX)
    assert any(spread for uses in choice.scheme.ranges.values() for spread in uses)


def test_the_pooling_that_is_asked_for_is_measured() -> None:
    weights = random_weights(FOUR_LAYERS)
    by_pooling = {
        pooling: find_scheme(weights, encodings(64), pooling, weight_qmax=REDUCED_QMAX)
        for pooling in ("mean", "cls")
    }
    assert by_pooling["cls"].error != by_pooling["mean"].error


def test_too_few_texts_are_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"there are 63 different texts.*\[calibration-missing\]"):
        search_scheme(random_weights(FOUR_LAYERS), texts=63)
