"""int8 is the native engine's, and its error is measured on the first texts, once a session."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from tests.support.axes import random_encodings, random_weights
from tests.support.native import needs_native
from tests.support.tiny_models import TINY, save_tiny
from tests.support.words import words_of

from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.errors import InputError, ResourceError
from albertkit.graph.quantization_error import compute_cosines
from albertkit.runtime import load
from albertkit.runtime.choose_engine import EngineChoice
from albertkit.spec import Weights
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.fill_mask import FillMask

Task = TypeVar("Task", TextEmbedder, FillMask)
WEIGHTS = random_weights(TINY)
TEXTS = [f"the {word} of {number}" for number in range(40) for word in ("house", "sea")]


@needs_native
@pytest.mark.parametrize("name", ["auto", "native"])
def test_the_error_is_measured_on_the_first_texts_and_a_closed_engine_comes_back_the_same(
    name: str,
) -> None:
    choice = EngineChoice(WEIGHTS, name, precision="int8")  # type: ignore[arg-type]  # two names
    texts = random_encodings(TINY, [5, 9, 3])
    vectors = compute_text_vectors(choice.engine_for(texts), texts, "mean")
    error = choice.int8_error
    assert error is not None
    assert error.texts == 3
    exact = compute_text_vectors(NumpyEngine(WEIGHTS), texts, "mean")
    assert compute_cosines(vectors, exact).min() == pytest.approx(error.least, abs=1e-4)
    assert 0.99 < error.least < 0.99999
    choice.close()
    engine = choice.engine_for(random_encodings(TINY, [4]))
    assert choice.int8_error is error
    np.testing.assert_array_equal(compute_text_vectors(engine, texts, "mean"), vectors)
    choice.close()


@needs_native
def test_one_text_has_no_centred_cosine(caplog: pytest.LogCaptureFixture) -> None:
    choice = EngineChoice(WEIGHTS, precision="int8")
    with caplog.at_level(logging.INFO):
        choice.engine_for(random_encodings(TINY, [9]))
    (message,) = caplog.messages
    assert re.fullmatch(r"int8: cosine .* [01]\.\d{4} \(mean [01]\.\d{4}\), on 1 text", message)
    choice.close()


@needs_native
def test_vectors_do_not_depend_on_the_texts_that_came_first() -> None:
    texts = random_encodings(TINY, [5, 9, 3])
    results = []
    for first in (texts, random_encodings(TINY, [20], seed=7)):
        choice = EngineChoice(WEIGHTS, precision="int8")
        choice.engine_for(first)
        results.append(compute_text_vectors(choice.engine_for(texts), texts, "mean"))
        choice.close()
    np.testing.assert_array_equal(results[0], results[1])


@needs_native
def test_a_model_that_int8_does_not_keep_is_refused() -> None:
    """Attention that looks at one token, and at another one after a small change."""
    name = "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"
    arrays = {**WEIGHTS.arrays, name: WEIGHTS.arrays[name] * 1000}
    spoiled = Weights(TINY, WEIGHTS.heads, arrays, origin="a spoiled model")
    texts = random_encodings(TINY, [3 + number % 9 for number in range(64)])
    with pytest.raises(InputError, match=r"a spoiled model.*\[quantization-error-too-large\]"):
        EngineChoice(spoiled, "native", precision="int8").engine_for(texts)


@needs_native
def test_a_model_whose_texts_may_change_their_order_is_used_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A large bias of the last norm makes all vectors alike, and hides the error but for order."""
    layer = "encoder.albert_layer_groups.0.albert_layers.0."
    bias, query = (f"{layer}{name}" for name in ("full_layer_layer_norm.bias", "ffn.weight"))
    arrays = {
        **WEIGHTS.arrays,
        bias: WEIGHTS.arrays[bias] * 50,
        query: WEIGHTS.arrays[query] * 5,
    }
    weights = Weights(TINY, WEIGHTS.heads, arrays, origin="an odd model")
    texts = random_encodings(TINY, [3 + number % 9 for number in range(64)])
    choice = EngineChoice(weights, precision="int8")
    choice.engine_for(texts)
    assert choice.int8_error is not None
    assert choice.int8_error.least_centred < 0.97
    (warning,) = caplog.messages
    assert warning.startswith("an odd model: in int8 similar texts may change their order")
    assert warning.endswith("[quantization-error-notable]")


@needs_native
def test_tasks_answer_in_int8(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model", ["masked_lm"])
    embedder, fill = TextEmbedder(directory), FillMask(directory)
    exact = embedder.encode(TEXTS)
    words = words_of(fill("a [MASK] of water", top_k=50))
    vectors = in_int8(embedder).encode(TEXTS)
    assert 0.99 < compute_cosines(vectors, exact).min() < 0.99999
    candidates = words_of(in_int8(fill)("a [MASK] of water", top_k=50))
    assert {word["token"] for word in words[:5]} <= {word["token"] for word in candidates}


@pytest.mark.usefixtures("without_native")
def test_int8_without_the_native_engine_is_refused_by_every_door(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"native engine cannot be used.*-unavailable\]"):
        EngineChoice(WEIGHTS, precision="int8").engine_for(random_encodings(TINY, [3]))
    with pytest.raises(ResourceError, match=r"native engine cannot be used.*-unavailable\]"):
        load(tmp_path / "nowhere", engine="native")
    with pytest.raises(InputError, match=r"numpy computes in float32 only.*\[option-invalid\]"):
        load(tmp_path / "nowhere", engine="numpy", precision="int8")


def in_int8(task: Task) -> Task:
    """By an engine put in: `load` refuses int8 on a processor without the instructions."""
    choice = EngineChoice(task.model.weights, precision="int8")
    task.model = replace(task.model, engines=choice)
    return task
