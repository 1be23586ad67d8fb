"""Published encoders, read without TensorFlow and written again, answer as they did."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub

from albertkit.checkpoints.tfhub.format import TFHUB

INPUTS = ("input_word_ids", "input_mask", "input_type_ids")
ATOL, MLM_ATOL = 1e-5, 5e-5  # as for the fixtures' other readers: their README
GRADIENT_ATOL = 1e-6


Again = Callable[[str], tuple[Path, dict[str, np.ndarray]]]


@pytest.fixture(scope="module")
def again(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """A fixture's name → where it was written again, and its reference; each is written once."""

    @cache
    def open_written(name: str) -> tuple[Path, dict[str, np.ndarray]]:
        fixtures, folder = shared / "fixtures", tmp_path_factory.mktemp(name)
        path = fixtures / name
        if not path.is_dir():
            path = folder / "unpacked"
            with tarfile.open(fixtures / f"{name}.tar.gz") as archive:
                archive.extractall(path, filter="data")
        TFHUB.write(TFHUB.read(path), folder / "written")
        with np.load(fixtures / f"{name}_reference.npz") as reference:
            return folder / "written", dict(reference)

    return open_written


@pytest.mark.parametrize(
    "name", ["tfhub_tiny_v3", "tfhub_tiny_v3_nomlm", "tfhub_tiny_v3_eh", "tfhub_tiny_v3_tf212"]
)
def test_outputs_are_the_recorded_ones(again: Again, name: str) -> None:
    path, expected = again(name)
    loaded = hub.load(str(path))
    inputs = {key: tf.constant(expected[key]) for key in INPUTS}
    outputs = loaded(inputs)
    for key in ("pooled_output", "sequence_output", "default"):
        np.testing.assert_allclose(outputs[key], expected[key], rtol=0, atol=ATOL)
    for number, output in enumerate(outputs["encoder_outputs"]):
        np.testing.assert_allclose(output, expected[f"encoder_output_{number}"], rtol=0, atol=ATOL)
    second = loaded({key: tf.constant(expected[f"b_{key}"]) for key in INPUTS})
    np.testing.assert_allclose(
        second["sequence_output"], expected["b_sequence_output"], rtol=0, atol=ATOL
    )
    assert hasattr(loaded, "mlm") == ("mlm_logits" in expected)
    if "mlm_logits" in expected:
        places = tf.constant(expected["masked_lm_positions"])
        words = loaded.mlm({**inputs, "masked_lm_positions": places})["mlm_logits"]
        np.testing.assert_allclose(words, expected["mlm_logits"], rtol=0, atol=MLM_ATOL)


def test_gradients_are_the_recorded_ones(shared: Path, again: Again) -> None:
    path, _ = again("tfhub_tiny_v3")
    loaded = hub.load(str(path))
    with np.load(shared / "fixtures" / "tfhub_tiny_grads_s16.npz") as file:
        expected = dict(file)
    inputs = {key: tf.constant(expected[key]) for key in (*INPUTS, "masked_lm_positions")}
    with tf.GradientTape(persistent=True) as tape:
        outputs = loaded.mlm(inputs)
        parts = {
            key: tf.reduce_sum(expected[f"w_{key}"] * outputs[key])
            for key in ("pooled_output", "sequence_output", "mlm_logits")
        }
        encoder_loss = parts["pooled_output"] + parts["sequence_output"]
        loss = encoder_loss + parts["mlm_logits"]
    for target, variables, prefix in (
        (loss, loaded.mlm.trainable_variables, "grad:"),
        (encoder_loss, loaded.trainable_variables, "encoder_grad:"),
    ):
        names = {key.removeprefix(prefix) for key in expected if key.startswith(prefix)}
        assert names == {v.name for v in variables}
        for v, gradient in zip(variables, tape.gradient(target, variables), strict=True):
            np.testing.assert_allclose(
                tf.convert_to_tensor(gradient),
                expected[prefix + v.name],
                rtol=0,
                atol=GRADIENT_ATOL,
                err_msg=v.name,
            )


def test_tensorflow_reads_back_what_was_read(shared: Path, again: Again) -> None:
    path, _ = again("tfhub_tiny_v3")
    first = tf.train.load_checkpoint(shared / "fixtures/tfhub_tiny_v3/variables/variables")
    second = tf.train.load_checkpoint(path / "variables/variables")
    keys = [key for key in first.get_variable_to_shape_map() if "VARIABLE_VALUE" in key]
    assert len(keys) == 30
    for key in keys:
        np.testing.assert_array_equal(second.get_tensor(key), first.get_tensor(key))
