"""int8 is fitted to the first texts, or to those of a file, once a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from tests.support.axes import random_encodings, random_weights
from tests.support.native import needs_native
from tests.support.tiny_models import TINY, save_tiny, save_tiny_vectors
from tests.support.words import words_of

from albertkit.engine.int8.gate import MeasuredInt8
from albertkit.engine.int8.search import MeasuredScheme, find_scheme
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_text_vectors
from albertkit.errors import AlbertKitError, InputError
from albertkit.graph.quantization_error import cosines
from albertkit.runtime import EngineName, choose_engine, load, open_model
from albertkit.runtime.calibration import read_calibration
from albertkit.runtime.choose_engine import EngineChoice
from albertkit.spec import Weights
from albertkit.spec.pooling_config import Pooling, PoolingConfig
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.fill_mask import FillMask
from albertkit.tokenization import Encodings

Task = TypeVar("Task", TextEmbedder, FillMask)
WEIGHTS = random_weights(TINY)
TEXTS = [f"the {word} of {number}" for number in range(40) for word in ("house", "sea")]


@pytest.mark.usefixtures("without_native")
def test_the_first_texts_are_fitted_to_and_a_closed_engine_comes_back_the_same() -> None:
    choice = EngineChoice(WEIGHTS, precision="int8")
    texts = random_encodings(TINY, [3 + number % 9 for number in range(64)])
    vectors = compute_text_vectors(choice.engine_for(texts), texts, "mean")
    measured = choice.measured_scheme
    assert measured is not None
    choice.close()
    engine = choice.engine_for(random_encodings(TINY, [4]))  # too few to be fitted to
    assert engine.precision == "int8"
    assert choice.measured_scheme is measured
    np.testing.assert_array_equal(compute_text_vectors(engine, texts, "mean"), vectors)
    exact = compute_text_vectors(NumpyEngine(WEIGHTS), texts, "mean")
    assert 0.99 < cosines(vectors, exact).min() < 0.99999
    choice.close()


@pytest.mark.usefixtures("without_native")
def test_few_first_texts_are_refused_unless_others_are_given() -> None:
    few = random_encodings(TINY, [5] * 3)
    with pytest.raises(InputError, match=r"there are 3 different texts.*\[calibration-missing\]"):
        EngineChoice(WEIGHTS, precision="int8").engine_for(few)
    given = random_encodings(TINY, [5] * 70)
    choice = EngineChoice(WEIGHTS, precision="int8")
    assert choice.engine_for(few, calibration=lambda: given).precision == "int8"
    choice.close()


def test_texts_to_fit_to_come_from_a_file_or_a_list(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("\n".join(TEXTS), encoding="utf-8")
    assert (
        read_calibration(file)
        == read_calibration(str(file))
        == read_calibration(tuple(TEXTS))
        == TEXTS
    )


def test_texts_to_fit_to_that_are_too_few_or_for_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there are 2 different texts.*\[calibration-missing\]"):
        read_calibration(["one", "two"])
    with pytest.raises(InputError, match=r"precision is 'float32'.*\[option-invalid\]"):
        load(save_tiny(tmp_path / "model"), calibration=TEXTS)
    with pytest.raises(InputError, match=r"calibration is 5.*\[text-not-a-string\]"):
        read_calibration(5)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(InputError, match=r"calibration\[80\] is None.*\[text-not-a-string\]"):
        read_calibration([*TEXTS, None])  # type: ignore[list-item]  # too
    with pytest.raises(InputError, match=r"no file '.*absent\.txt'.*\[file-not-found\]"):
        read_calibration(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "few.txt",
            b"one\ntwo\n",
            r"few\.txt: there are 2 different texts.*\[calibration-missing\]",
        ),
        ("t.csv", b"id,title\n1,a\n", r"no column 'text'.*Rename the column.*\[column-missing\]"),
        ("old.txt", b"caf\xe9\n" * 70, r"row 1 .*leave it out of the file\. \[file-not-utf8\]"),
    ],
)
def test_an_unfit_calibration_file_is_refused_with_its_own_options_only(
    tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(AlbertKitError, match=says) as caught:
        read_calibration(tmp_path / name)
    assert "--" not in str(caught.value)


@pytest.mark.usefixtures("without_native")
def test_what_the_task_does_to_a_text_is_done_to_those_that_are_fitted_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt and lower-casing for vectors, neither for words, whatever the other texts are."""
    plan = PoolingConfig(prompts={"ask": "Question: "}, default_prompt="ask", lower_case=True)
    directory = save_tiny_vectors(tmp_path / "vectors", plan)
    seen: list[Encodings] = []

    def record_scheme(
        weights: Weights, encodings: Encodings, pooling: Pooling, _: EngineName
    ) -> MeasuredScheme:
        seen.append(encodings)
        return find_scheme(weights, encodings, pooling)

    monkeypatch.setattr(choose_engine, "measure_quantization", record_scheme)
    shouted = [text.upper() for text in TEXTS]
    for first in ({}, {"prompt": "another "}):
        embedder = in_int8(TextEmbedder(directory), shouted)
        embedder.encode("the", **first)
    fill = in_int8(FillMask(save_tiny(tmp_path / "words", ["masked_lm"])), shouted)
    fill("a [MASK] of water")
    read = embedder.tokenizer.encode_batch([f"question: {text}" for text in TEXTS])
    plain = fill.tokenizer.encode_batch(shouted)
    for actual, expected in zip(seen, (read, read, plain), strict=True):
        np.testing.assert_array_equal(actual.ids, expected.ids)


@pytest.mark.usefixtures("without_native")
def test_inspect_fits_as_the_task_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = PoolingConfig(prompts={"ask": "Question: "}, default_prompt="ask", lower_case=True)
    model = open_model(save_tiny_vectors(tmp_path / "vectors", plan))
    embedder = in_int8(TextEmbedder(model.path), TEXTS)
    embedder.encode("the")
    scheme = embedder.model.engines.measured_scheme
    fitted = model.quantization(TEXTS)
    assert isinstance(scheme, MeasuredScheme)
    assert isinstance(fitted, MeasuredScheme)
    assert fitted.scheme.ranges == scheme.scheme.ranges


def test_tasks_answer_in_int8(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model", ["masked_lm"])
    embedder, fill = TextEmbedder(directory), FillMask(directory)
    exact = embedder.encode(TEXTS)
    words = words_of(fill("a [MASK] of water", top_k=50))
    vectors = in_int8(embedder, TEXTS).encode(TEXTS)
    assert 0.99 < cosines(vectors, exact).min() < 0.99999
    candidates = words_of(in_int8(fill, TEXTS)("a [MASK] of water", top_k=50))
    assert {word["token"] for word in words[:5]} <= {word["token"] for word in candidates}


@needs_native
def test_the_native_engine_needs_no_calibration_and_is_measured_on_the_first_texts() -> None:
    choice = EngineChoice(WEIGHTS, "native", precision="int8")
    texts = random_encodings(TINY, [5, 9, 3])
    vectors = compute_text_vectors(choice.engine_for(texts), texts, "mean")
    measured = choice.measured_scheme
    assert isinstance(measured, MeasuredInt8)
    assert measured.error.texts == 3
    exact = compute_text_vectors(NumpyEngine(WEIGHTS), texts, "mean")
    assert cosines(vectors, exact).min() == pytest.approx(measured.error.least, abs=1e-4)
    one = random_encodings(TINY, [4])
    assert compute_text_vectors(choice.engine_for(one), one, "mean").shape == (1, 32)
    choice.close()


@needs_native
def test_the_native_int8_of_a_model_that_it_does_not_keep_is_refused() -> None:
    """Attention that looks at one token, and at another one after a small change."""
    name = "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"
    arrays = {**WEIGHTS.arrays, name: WEIGHTS.arrays[name] * 1000}
    spoiled = Weights(TINY, WEIGHTS.heads, arrays, origin="a spoiled model")
    texts = random_encodings(TINY, [3 + number % 9 for number in range(64)])
    with pytest.raises(InputError, match=r"a spoiled model.*\[quantization-error-too-large\]"):
        EngineChoice(spoiled, "native", precision="int8").engine_for(texts)


def in_int8(task: Task, calibration: Sequence[str]) -> Task:
    """By an engine put in: `load` refuses int8 on a processor without the instructions."""
    choice = EngineChoice(task.model.weights, precision="int8")
    task.model = replace(task.model, engines=choice, calibration=calibration)
    return task
