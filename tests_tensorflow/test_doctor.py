"""Real messages of TensorFlow, TensorFlow Hub and Keras are recognised by the doctor."""

from __future__ import annotations

import http.server
import subprocess
import sys
import tarfile
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
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


def test_a_model_that_has_signatures_only_is_recognised(tmp_path: Path) -> None:
    function = tf.function(lambda ids: ids + 1, input_signature=[tf.TensorSpec([1, 4], tf.int32)])
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=function)
    call = lambda: hub.KerasLayer(str(tmp_path))(ids())  # noqa: E731
    assert first_code(call) == "signature-not-named"


def test_a_preprocessor_without_tensorflow_text_is_recognised(module: Path) -> None:
    """In a process of its own: here tensorflow_text is imported already."""
    preprocessor = module / "preprocessor"
    code = f"import tensorflow_hub as hub; hub.load({str(preprocessor)!r})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert diagnose_message(result.stderr)[0].code == "tensorflow-text-not-imported"


def write_variable(directory: Path, shape: list[int]) -> str:
    """A checkpoint of TensorFlow 1 with one variable."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        variable = v1.get_variable("bert/pooler/dense/bias", shape)
        session.run(variable.initializer)
        return str(v1.train.Saver([variable]).save(session, str(directory / "model.ckpt")))


def test_what_tensorflow_1_code_says_is_recognised(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    prefix = write_variable(tmp_path, [64])

    def restore() -> None:
        with tf.Graph().as_default(), v1.Session() as session:
            v1.train.Saver([v1.get_variable("output_bias", [2])]).restore(session, prefix)

    def restore_other_shape() -> None:
        with tf.Graph().as_default():
            v1.get_variable("bert/pooler/dense/bias", [128])
            names = {"bert/pooler/dense/bias": "bert/pooler/dense/bias"}
            v1.train.init_from_checkpoint(prefix, names)

    def read() -> None:
        with tf.Graph().as_default(), v1.Session() as session:
            session.run(v1.get_variable("module/bert/x", [1], use_resource=True))

    meta = lambda: v1.train.import_meta_graph(f"{prefix}.meta")  # noqa: E731
    assert first_code(meta) == "graph-call-in-eager"
    assert first_code(restore) == "variable-not-in-checkpoint"
    assert first_code(restore_other_shape) == "bert-config-for-albert"
    assert first_code(read) == "tf1-variables-not-initialized"


def test_what_is_gone_from_tensorflow_is_recognised(module: Path) -> None:
    keras: Any = tf.keras
    names: Any = hub
    assert first_code(lambda: names.Module("albert")) == "hub-too-old"
    assert first_code(lambda: import_module("tensorflow.contrib")) == "google-code-needs-tf1"
    layer = lambda: keras.layers.TFSMLayer(str(module), call_endpoint="nowhere")  # noqa: E731
    assert first_code(layer) == "endpoint-missing"


def test_a_training_without_gradients_is_recognised() -> None:
    variable: Any = tf.keras.Variable([1.0])
    optimizer: Any = tf.keras.optimizers.SGD()
    call = lambda: optimizer.apply_gradients([(None, variable)])  # noqa: E731
    assert first_code(call) == "nothing-trainable"


def test_a_tensor_that_is_too_large_is_recognised() -> None:
    assert first_code(lambda: tf.zeros([10**6, 10**7])) == "memory-exhausted"


class Forbidden(http.server.BaseHTTPRequestHandler):
    """A server that answers 403, as the store of tfhub.dev does at times."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def test_a_refused_download_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    with http.server.HTTPServer(("127.0.0.1", 0), Forbidden) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/albert"
        assert first_code(lambda: hub.load(address)) == "hub-forbidden"
        server.shutdown()


def test_a_setuptools_without_pkg_resources_is_recognised(tmp_path: Path) -> None:
    """In a process that sees every installed package but this one."""
    installed = [Path(name) for name in sys.path if any(Path(name).glob("*.dist-info"))]
    for path in (path for directory in installed for path in directory.iterdir()):
        if path.name != "pkg_resources" and not (tmp_path / path.name).exists():
            (tmp_path / path.name).symlink_to(path)
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import tensorflow_hub"
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert diagnose_message(result.stderr)[0].code == "pkg-resources-gone"
