"""int8 is fitted to the first texts, or to those of a file, once a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from albertkit.engine.lists import vectors_of_texts
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.errors import InputError
from albertkit.graph.fidelity import cosines
from albertkit.runtime import load
from albertkit.runtime.calibration_texts import calibration_texts
from albertkit.runtime.choose_engine import EngineChoice
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.fill_mask import FillMask
from axes import random_encodings, random_weights
from tiny_models import TINY, save_tiny

WEIGHTS = random_weights(TINY)
TEXTS = [f"the {word} of {number}" for number in range(40) for word in ("house", "sea")]


def test_the_first_texts_are_fitted_to_and_a_closed_engine_comes_back_the_same() -> None:
    choice = EngineChoice(WEIGHTS, precision="int8")
    texts = random_encodings(TINY, [3 + number % 9 for number in range(64)])
    vectors = vectors_of_texts(choice.engine_for(texts), texts, "mean")
    found = choice.found
    assert found is not None
    choice.close()
    engine = choice.engine_for(random_encodings(TINY, [4]))  # too few to be fitted to
    assert engine.precision == "int8"
    assert choice.found is found
    np.testing.assert_array_equal(vectors_of_texts(engine, texts, "mean"), vectors)
    exact = vectors_of_texts(NumpyEngine(WEIGHTS), texts, "mean")
    assert 0.99 < cosines(vectors, exact).min() < 0.99999
    choice.close()


def test_few_first_texts_are_refused_unless_others_are_given() -> None:
    few = random_encodings(TINY, [5] * 3)
    with pytest.raises(InputError, match=r"there are 3 texts.*\[calibration-missing\]"):
        EngineChoice(WEIGHTS, precision="int8").engine_for(few)
    given = random_encodings(TINY, [5] * 70)
    choice = EngineChoice(WEIGHTS, precision="int8", calibration=given)
    assert choice.engine_for(few).precision == "int8"
    choice.close()


def test_texts_to_fit_to_come_from_a_file_or_a_list(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("\n".join(TEXTS), encoding="utf-8")
    tokenizer = load(save_tiny(tmp_path / "model")).tokenizer
    of_file, of_list = (calibration_texts(given, "int8", tokenizer, 40) for given in (file, TEXTS))
    assert of_file is not None
    assert of_list is not None
    np.testing.assert_array_equal(of_file.ids, of_list.ids)
    assert calibration_texts(None, "int8", tokenizer, 40) is None


def test_texts_to_fit_to_that_are_too_few_or_for_nothing_are_refused(tmp_path: Path) -> None:
    place = save_tiny(tmp_path / "model")
    tokenizer = load(place).tokenizer
    with pytest.raises(InputError, match=r"there are 2 texts.*\[calibration-missing\]"):
        calibration_texts(["one", "two"], "int8", tokenizer, 40)
    with pytest.raises(InputError, match=r"precision is 'float32'.*\[option-invalid\]"):
        load(place, calibration=TEXTS)
    with pytest.raises(InputError, match=r"calibration is 5.*\[text-not-a-string\]"):
        calibration_texts(5, "int8", tokenizer, 40)  # type: ignore[arg-type]  # that is the test
    with pytest.raises(InputError, match=r"calibration\[80\] is None.*\[text-not-a-string\]"):
        calibration_texts([*TEXTS, None], "int8", tokenizer, 40)  # type: ignore[list-item]  # too
    with pytest.raises(InputError, match=r"no file '.*absent\.txt'.*\[file-not-found\]"):
        calibration_texts(tmp_path / "absent.txt", "int8", tokenizer, 40)


def test_tasks_answer_in_int8(tmp_path: Path) -> None:
    """By an engine put in: `load` refuses int8 on a processor without the instructions."""
    place = save_tiny(tmp_path / "model", ["masked_lm"])
    embedder, fill = TextEmbedder(place), FillMask(place)
    exact = embedder.encode(TEXTS)
    words = fill("a [MASK] of water", top_k=50)
    for task in (embedder, fill):
        given = task.loaded.tokenizer.encode_batch(TEXTS)
        choice = EngineChoice(task.loaded.weights, precision="int8", calibration=given)
        task.loaded = replace(task.loaded, engines=choice)
    vectors = embedder.encode(TEXTS)
    assert 0.99 < cosines(vectors, exact).min() < 0.99999
    found = fill("a [MASK] of water", top_k=50)
    assert {word["token"] for word in words[:5]} <= {word["token"] for word in found}
