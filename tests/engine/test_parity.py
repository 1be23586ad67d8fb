"""All engines against transformers, on every axis of the config, with texts packed together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pytest
from tests.support.axes import CONFIG, CONFIG_AXES, random_encodings, random_weights
from tests.support.native import needs_native
from tests.support.oracle import ask, transformers_model

from albertkit.arrays import FloatArray
from albertkit.engine.native.engine import NativeEngine
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.openvino.engine import OpenVinoEngine
from albertkit.engine.packing import Layout, pack
from albertkit.engine.protocol import Engine, OutputRequest, Outputs
from albertkit.model.torch_engine import TorchEngine
from albertkit.spec import AlbertConfig, Weights, head

# Two rows filled unevenly: texts next to each other, out of order, and empty slots.
LENGTHS = (40, 3, 17, 9, 2)
LAYOUT = Layout(width=40, rows=((0,), (2, 1, 3, 4)))
MLM_AT = np.array([3, 40, 41, 70])  # token numbers in the order of the layout
ATOL = 1e-5  # float32, values up to 5: some twenty roundings of the last place

MakeEngine: TypeAlias = Callable[[Weights], Engine]


def one_thread(weights: Weights) -> OpenVinoEngine:
    return OpenVinoEngine(weights, threads=1)


engines = pytest.mark.parametrize(
    "make",
    [
        pytest.param(NumpyEngine, id="numpy"),
        pytest.param(NativeEngine, id="native", marks=needs_native),
        pytest.param(one_thread, id="openvino"),
        pytest.param(TorchEngine, id="torch"),
    ],
)
configs = pytest.mark.parametrize("config", CONFIG_AXES)


@engines
@configs
def test_token_and_pooled_vectors_equal_transformers(
    make: MakeEngine, config: AlbertConfig
) -> None:
    weights = random_weights(config)
    outputs = run(make, weights, OutputRequest(tokens=True, pooled=True))
    expected = oracle_outputs(weights, "AlbertModel")
    assert_close(outputs.tokens, np.concatenate([text["last_hidden_state"] for text in expected]))
    assert_close(outputs.pooled, np.stack([text["pooler_output"] for text in expected]))


@engines
@configs
def test_word_logits_equal_transformers(make: MakeEngine, config: AlbertConfig) -> None:
    weights = random_weights(config, ["masked_lm"])
    outputs = run(make, weights, OutputRequest(mlm_tokens=MLM_AT))
    logits = np.concatenate(
        [text["logits"] for text in oracle_outputs(weights, "AlbertForMaskedLM")]
    )
    assert_close(outputs.mlm_logits, logits[MLM_AT])


@engines
def test_sentence_order_logits_equal_transformers(make: MakeEngine) -> None:
    weights = random_weights(CONFIG, ["masked_lm", "sentence_order"])
    outputs = run(make, weights, OutputRequest(mlm_tokens=MLM_AT, head="sentence_order"))
    expected = oracle_outputs(weights, "AlbertForPreTraining")
    words = np.concatenate([text["prediction_logits"] for text in expected])
    assert_close(outputs.mlm_logits, words[MLM_AT])
    assert_close(outputs.head_logits, np.stack([text["sop_logits"] for text in expected]))


@engines
@pytest.mark.parametrize("name", ["sequence_classification", "multiple_choice"])
def test_logits_of_a_text_equal_transformers(make: MakeEngine, name: str) -> None:
    weights = random_weights(THREE_LABELS, [name])
    outputs = run(make, weights, OutputRequest(head=name))
    if name == "multiple_choice":  # one choice a question: the choices do not meet in the model
        expected = [choice_logits(weights, number) for number in TEXTS]
    else:
        expected = [
            text["logits"] for text in oracle_outputs(weights, str(head(name).architecture))
        ]
    assert_close(outputs.head_logits, np.stack(expected))


@engines
def test_labels_of_tokens_equal_transformers(make: MakeEngine) -> None:
    weights = random_weights(THREE_LABELS, ["token_classification"])
    outputs = run(make, weights, OutputRequest(head="token_classification"))
    expected = oracle_outputs(weights, "AlbertForTokenClassification")
    assert_close(outputs.head_logits, np.concatenate([text["logits"] for text in expected]))


@engines
def test_spans_equal_transformers(make: MakeEngine) -> None:
    weights = random_weights(CONFIG, ["question_answering"])
    outputs = run(make, weights, OutputRequest(head="question_answering"))
    expected = [
        np.stack([text["start_logits"], text["end_logits"]], axis=1)
        for text in oracle_outputs(weights, "AlbertForQuestionAnswering")
    ]
    assert_close(outputs.head_logits, np.concatenate(expected))


@engines
def test_only_what_was_wanted_is_given(make: MakeEngine) -> None:
    weights = random_weights(CONFIG, ["masked_lm"], pooler=True)
    outputs = run(make, weights, OutputRequest(pooled=True))
    assert outputs.pooled is not None
    assert (outputs.tokens, outputs.mlm_logits, outputs.head_logits) == (None, None, None)


THREE_LABELS = dataclasses.replace(CONFIG, id2label={0: "a", 1: "b", 2: "c"})
TEXTS: Iterable[int] = LAYOUT.texts.tolist()


def run(make: MakeEngine, weights: Weights, request: OutputRequest) -> Outputs:
    engine = make(weights)
    outputs = engine.run(pack(random_encodings(weights.config, LENGTHS), LAYOUT), request)
    engine.close()
    return outputs


def oracle_outputs(weights: Weights, architecture: str) -> list[dict[str, FloatArray]]:
    """What transformers gives for each text, alone, in the order of the layout."""
    model = transformers_model(weights, architecture)
    encodings = random_encodings(weights.config, LENGTHS)
    return [ask(model, encodings[text].ids, encodings[text].type_ids) for text in TEXTS]


def choice_logits(weights: Weights, text: int) -> FloatArray:
    model = transformers_model(weights, "AlbertForMultipleChoice")
    one = random_encodings(weights.config, LENGTHS)[text]
    return ask(model, one.ids[None], one.type_ids[None])["logits"]


def assert_close(actual: FloatArray | None, expected: FloatArray) -> None:
    assert actual is not None
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ATOL)
