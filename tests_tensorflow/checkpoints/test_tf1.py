"""TensorFlow opens the checkpoints that we write, by google's names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tests.support.axes import random_weights
from tests_tensorflow.written import CONFIG

from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.names import to_foreign
from albertkit.checkpoints.tf1.format import TF1
from albertkit.checkpoints.tf1.names import list_rows
from albertkit.spec import Weights

HEADS = ("masked_lm", "sentence_order")


def write_checkpoint(path: Path) -> Weights:
    weights = random_weights(CONFIG, HEADS, pooler=True)
    TF1.write(Checkpoint(weights), path)
    return weights


def test_load_checkpoint_finds_googles_variables(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path)
    reader = tf.train.load_checkpoint(str(tmp_path))
    table = list_rows(CONFIG, HEADS)
    assert set(reader.get_variable_to_shape_map()) == {row.foreign for row in table}
    for row in table:
        array = to_foreign(weights.arrays[row.canonical], row.layout, CONFIG.num_attention_heads)
        np.testing.assert_array_equal(reader.get_tensor(row.foreign), array, err_msg=row.foreign)


def test_the_directorys_latest_checkpoint_is_ours(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-best")


def test_a_graph_of_tensorflow_1_restores_it(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        kernel = tf.compat.v1.get_variable("bert/pooler/dense/kernel", (32, 32))
        tf.compat.v1.train.Saver([kernel]).restore(session, str(tmp_path / "model.ckpt-best"))
        value = session.run(kernel)
    np.testing.assert_array_equal(value, weights.arrays["pooler.weight"].T)


def test_what_a_graph_of_tensorflow_1_saves_is_read(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path / "ours")
    table = list_rows(CONFIG, HEADS)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for row in table:
            array = to_foreign(weights.arrays[row.canonical], row.layout, 4)
            tf.compat.v1.get_variable(row.foreign, initializer=tf.constant(array))
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "theirs" / "model.ckpt"))
    (tmp_path / "ours" / "albert_config.json").rename(tmp_path / "theirs" / "albert_config.json")
    restored = TF1.read(tmp_path / "theirs").weights
    assert set(restored.arrays) == set(weights.arrays)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(restored.arrays[name], array, err_msg=name)
