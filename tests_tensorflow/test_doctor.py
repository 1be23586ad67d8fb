"""Real messages of TensorFlow, TensorFlow Hub and Keras are recognised by the doctor."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_hub as hub

from albertkit.doctor.messages import diagnose_message

IDS = [[2, 5, 6, 3]]


def first_code(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception:
        return diagnose_message(traceback.format_exc())[0].code
    pytest.fail("the call raised nothing")


@pytest.fixture(scope="module")
def encoder(module: Path) -> Any:
    return hub.load(str(module))


def ids(dtype: str = "int32") -> Any:
    return tf.constant(IDS, dtype=dtype)


def names() -> tuple[str, str, str]:
    return "input_word_ids", "input_mask", "input_type_ids"


def unpack(encoder: Any) -> None:
    _pooled, _sequence = encoder(dict.fromkeys(names(), tf.ones((1, 4), tf.int32)))


CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "bare ids": ("hub-inputs-wrong", lambda encoder: encoder(ids())),
    "text": (
        "text-into-encoder",
        lambda encoder: encoder(dict.fromkeys(names(), tf.constant([["a text"]]))),
    ),
    "int64": ("hub-inputs-int64", lambda encoder: encoder(dict.fromkeys(names(), ids("int64")))),
    "a list": ("hub-inputs-list", lambda encoder: encoder([ids(), ids(), ids()])),
    "other names": (
        "hub-inputs-names",
        lambda encoder: encoder({"input_ids": ids(), "attention_mask": ids()}),
    ),
    "keywords": ("hub-inputs-keywords", lambda encoder: encoder(input_word_ids=ids())),
    "a tokenizer": ("module-attribute-missing", lambda encoder: encoder.bert_tokenizer("a")),
    "a pair": ("outputs-unpacked", unpack),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_module_says_is_recognised(name: str, encoder: Any) -> None:
    code, call = CALLS[name]
    assert first_code(lambda: call(encoder)) == code


def test_what_keras_3_says_is_recognised(module: Path) -> None:
    layer = hub.KerasLayer(str(module))
    assert first_code(lambda: tf.keras.Sequential([layer])) == "keras3-with-hub-layer"
    assert first_code(lambda: tf.keras.models.load_model(module)) == "keras3-savedmodel"


def test_a_directory_without_a_model_is_recognised(tmp_path: Path) -> None:
    assert first_code(lambda: hub.load(str(tmp_path))) == "cache-half-empty"


def test_a_tf1_module_is_recognised(shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "fixtures" / "tf1hub_tiny.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    [directory] = {path.parent for path in tmp_path.rglob("tfhub_module.pb")}
    assert first_code(lambda: hub.load(str(directory))(ids())) == "tf1-module-called"
    assert first_code(lambda: hub.KerasLayer(str(directory))(ids())) == "tf1-module-in-keras-layer"


def test_a_preprocessor_without_tensorflow_text_is_recognised(module: Path) -> None:
    """In a process of its own: here tensorflow_text is imported already."""
    preprocessor = module / "preprocessor"
    code = f"import tensorflow_hub as hub; hub.load({str(preprocessor)!r})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert diagnose_message(result.stderr)[0].code == "tensorflow-text-not-imported"
