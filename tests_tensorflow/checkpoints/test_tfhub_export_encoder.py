"""The encoder's SavedModel, opened by all that open TF Hub's: hub, tf_keras and Keras 3."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras
from tests.support.axes import CONFIGS
from tests.support.tiny_models import PIECES
from tests_tensorflow.written import CONFIG, batch, numpy_answers, tiny_weights, write

from albertkit.checkpoints.model_garden.names import list_encoder_rows, list_rows
from albertkit.checkpoints.tfhub.export import save
from albertkit.errors import ResourceError
from albertkit.spec import AlbertConfig

ATOL = 1e-5  # float32, values up to 5: some twenty roundings of the last place
MLM_ATOL = 5e-5  # sums over E and values up to 20
PLACES = (0, 0)  # where each text's words are predicted; twice, as padded positions come
# What TF Hub's form has a place for.
HELD = [
    pytest.param(config, id=name)
    for name, config in CONFIGS.items()
    if (config.num_hidden_groups, config.inner_group_num) == (1, 1)
    and {config.layer_norm_eps, config.prediction_eps} == {1e-12}
    and config.activation != "quick_gelu"
]


@pytest.mark.parametrize("config", HELD)
def test_all_outputs_equal_the_numpy_engine(config: AlbertConfig, tmp_path: Path) -> None:
    weights = tiny_weights(config)
    loaded = hub.load(str(write(weights, tmp_path / "module")))
    inputs = batch(config)
    outputs = loaded(inputs)
    words = loaded.mlm({**inputs, "masked_lm_positions": tf.constant([PLACES] * 3)})
    for row, expected in enumerate(numpy_answers(weights, inputs, PLACES)):
        length = len(expected["sequence_output"])
        assert_near(outputs["pooled_output"][row], expected["pooled_output"])
        assert_near(outputs["sequence_output"][row, :length], expected["sequence_output"])
        for number, output in enumerate(outputs["encoder_outputs"]):
            assert_near(output[row, :length], expected[f"encoder_output_{number}"])
        assert_near(words["mlm_logits"][row], expected["mlm_logits"], MLM_ATOL)
        assert_near(words["sequence_output"][row, :length], expected["sequence_output"])


def test_the_api_is_the_published_one(module: Path) -> None:
    loaded = hub.load(str(module))
    outputs = loaded(batch())
    assert set(outputs) == {"default", "encoder_outputs", "pooled_output", "sequence_output"}
    assert len(outputs["encoder_outputs"]) == CONFIG.num_hidden_layers
    np.testing.assert_array_equal(outputs["default"], outputs["pooled_output"])
    np.testing.assert_array_equal(outputs["encoder_outputs"][-1], outputs["sequence_output"])
    names = [row.foreign + ":0" for row in list_rows(CONFIG, ("masked_lm",))]
    assert [v.name for v in loaded.trainable_variables] == names[:25]
    assert [v.name for v in loaded.mlm.trainable_variables] == names
    assert [v.shape for v in loaded.trainable_variables][7:10] == [(32, 4, 8), (4, 8), (32, 4, 8)]
    assert len(loaded.variables) == 25
    words = loaded.mlm({**batch(), "masked_lm_positions": tf.zeros([3, 2], tf.int32)})
    assert set(words) == {"encoder_outputs", "mlm_logits", "pooled_output", "sequence_output"}
    asset = loaded.sp_model_file.asset_path.numpy().decode()
    assert Path(asset).read_bytes() == PIECES.read_bytes()


def test_variables_lie_under_the_published_keys(module: Path) -> None:
    keys = set(tf.train.load_checkpoint(module / "variables/variables").get_variable_to_shape_map())
    own = {f"variables/{n}/.ATTRIBUTES/VARIABLE_VALUE" for n in range(25)}
    words = {f"mlm/variables/{n}/.ATTRIBUTES/VARIABLE_VALUE" for n in range(25, 30)}
    assert keys == own | words | {"_CHECKPOINTABLE_OBJECT_GRAPH"}


def test_equal_widths_leave_23_variables(tmp_path: Path) -> None:
    config = replace(CONFIG, embedding_size=CONFIG.hidden_size)
    loaded = hub.load(str(write(tiny_weights(config), tmp_path / "module")))
    assert len(loaded.trainable_variables) == len(list_encoder_rows(config)) == 23


def test_a_signature_has_readable_names(module: Path) -> None:
    signature = tf.saved_model.load(module).signatures["serving_default"]
    outputs = signature(**batch())
    layers = {f"encoder_output_{n}" for n in range(CONFIG.num_hidden_layers)}
    assert set(outputs) == {"default", "pooled_output", "sequence_output"} | layers
    assert_near(outputs["pooled_output"], hub.load(str(module))(batch())["default"])


def test_dropout_acts_when_training_and_only_then(module: Path) -> None:
    loaded, inputs = hub.load(str(module)), batch()
    first, again, calm = (
        loaded(inputs, training=training)["sequence_output"] for training in (True, True, False)
    )
    assert not np.allclose(first, again, atol=1e-3)
    np.testing.assert_array_equal(calm, loaded(inputs)["sequence_output"])
    many = [loaded(inputs, training=True)["sequence_output"] for _ in range(100)]
    # dropping leaves the mean of what is dropped alone, and norms keep the rest near
    assert np.corrcoef(np.mean(many, 0).ravel(), calm.numpy().ravel())[0, 1] > 0.9


def test_persistent_tapes_give_the_gradient_of_each_variable(module: Path) -> None:
    loaded = hub.load(str(module))
    with tf.GradientTape(persistent=True) as tape:
        total = tf.reduce_sum(loaded(batch())["pooled_output"])
    together = tape.gradient(total, loaded.trainable_variables)
    assert all(np.abs(tf.convert_to_tensor(gradient)).max() > 0 for gradient in together)
    alone = tape.gradient(total, loaded.trainable_variables[7])
    np.testing.assert_array_equal(alone, together[7])


def test_a_loaded_module_is_saved_again(module: Path, tmp_path: Path) -> None:
    loaded = hub.load(str(module))
    tf.saved_model.save(loaded, tmp_path)
    again = hub.load(str(tmp_path))
    assert_near(again(batch())["sequence_output"], loaded(batch())["sequence_output"])
    assert len(again.mlm.trainable_variables) == 30


def test_rows_beyond_the_positions_are_refused_in_words(module: Path) -> None:
    long = {name: tf.ones([1, 41], tf.int32) for name in batch()}
    with pytest.raises(tf.errors.InvalidArgumentError, match="longer than the 40 positions"):
        hub.load(str(module))(long)


def test_what_tensorflow_cannot_write_is_one_line() -> None:
    with pytest.raises(ResourceError, match="TensorFlow could not write") as caught:
        save(tf, tf.Module(), {}, Path("/dev/null/module"))
    assert caught.value.diagnostic.code == "write-failed"


def test_tf_keras_trains_all_variables_and_saves_the_model(module: Path, tmp_path: Path) -> None:
    encoder = hub.KerasLayer(str(module), trainable=True)
    model = classifier(tf_keras, lambda inputs: encoder(inputs)["pooled_output"])
    before = [v.numpy() for v in encoder.trainable_weights]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batch(), np.array([0, 1, 0]), epochs=2, verbose=0)
    after = [v.numpy() for v in encoder.trainable_weights]
    assert sum((a != b).any() for a, b in zip(before, after, strict=True)) == 25
    model.save(tmp_path, save_format="tf")
    again = tf_keras.models.load_model(tmp_path)
    assert_near(again.predict(batch(), verbose=0), model.predict(batch(), verbose=0))
    assert len(again.trainable_weights) == 27


@pytest.mark.parametrize("endpoint", ["serve", "__call__"])
def test_keras_3_calls_either_endpoint(module: Path, endpoint: str) -> None:
    encoder = keras.layers.TFSMLayer(module, call_endpoint=endpoint)
    outputs = encoder(batch())
    expected = hub.load(str(module))(batch())
    assert_near(outputs["pooled_output"], expected["pooled_output"])
    assert_near(outputs["sequence_output"], expected["sequence_output"])
    assert len(outputs["encoder_outputs"]) == CONFIG.num_hidden_layers
    assert len(encoder.trainable_weights) == 25


def test_keras_3_trains_by_gradient_descent(module: Path) -> None:
    encoder = keras.layers.TFSMLayer(module)
    model = classifier(keras, lambda inputs: encoder(inputs)["pooled_output"])
    before = [v.numpy() for v in encoder.trainable_weights]
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    model.fit(batch(), np.array([0, 1, 0]), epochs=2, verbose=0)
    still = {
        v.name
        for old, v in zip(before, encoder.trainable_weights, strict=True)
        if (old == v.numpy()).all()
    }
    # a bias of all keys moves all scores of a slot alike, which no softmax sees
    assert still <= {"transformer_self_attention_key_bias:0"}


def test_keras_3_trains_what_stands_on_a_frozen_encoder_with_adam(module: Path) -> None:
    encoder = keras.layers.TFSMLayer(module)
    encoder.trainable = False
    model = classifier(keras, lambda inputs: encoder(inputs)["pooled_output"])
    before = [v.numpy() for v in model.weights]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(batch(), np.array([0, 1, 0]), epochs=1, verbose=0)
    changed = [(a != v.numpy()).any() for a, v in zip(before, model.weights, strict=True)]
    assert sum(changed) == 2  # the kernel and the bias of the classes
    assert len(model.trainable_weights) == 2


def classifier(k: Any, pooled: Any) -> Any:
    """Two classes on the pooled vectors, in the functional API of `k`."""
    inputs = {name: k.Input([None], dtype="int32", name=name) for name in batch()}
    classes = k.layers.Dense(2, activation="softmax")(pooled(inputs))
    return k.Model(inputs, classes)


def assert_near(actual: tf.Tensor, expected: np.ndarray, atol: float = ATOL) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)
