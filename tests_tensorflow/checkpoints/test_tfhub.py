"""TF Hub's modules: TensorFlow itself finds the variables and the outputs that are read here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tests.support.axes import random_encodings
from tests.support.modules import HERE, fixture

from albertkit.checkpoints.model_garden.variables import GardenVariables
from albertkit.checkpoints.tfhub.format import TFHUB
from albertkit.engine.numpy_engine import NumpyEngine
from albertkit.engine.packing import compute_text_vectors, compute_token_vectors
from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle

LENGTHS = (30, 11, 1)


@pytest.fixture(params=["tfhub_tiny_v3_nomlm", "bert_tiny_v3"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return fixture(request.param, HERE, tmp_path)


def test_every_variable_is_the_one_that_tensorflow_restores(path: Path) -> None:
    module = tf.saved_model.load(str(path))
    variables = GardenVariables(read_bundle(path / "variables" / "variables"))
    restored = [*module.variables, *(module.mlm.variables if hasattr(module, "mlm") else ())]
    weights = [each for each in restored if each.dtype == tf.float32]
    assert len(weights) >= 25
    for variable in weights:
        name = variable.name.removesuffix(":0")
        np.testing.assert_array_equal(variables[name], variable.numpy(), err_msg=name)


def test_random_texts_have_tensorflows_vectors(path: Path) -> None:
    weights = TFHUB.read(path).weights
    texts = random_encodings(weights.config, LENGTHS)
    shape = (len(LENGTHS), max(LENGTHS))
    mask = np.arange(shape[1])[None] < np.array(LENGTHS)[:, None]  # [B, S]
    ids, types = np.zeros((2, *shape), np.int32)
    ids[mask], types[mask] = texts.ids, texts.type_ids
    module = tf.saved_model.load(str(path))
    wanted = module(
        {
            "input_word_ids": tf.constant(ids),
            "input_mask": tf.constant(mask.astype(np.int32)),
            "input_type_ids": tf.constant(types),
        }
    )
    engine = NumpyEngine(weights)
    close = partial(np.testing.assert_allclose, rtol=0, atol=1e-5)  # float32, two orders of sums
    tokens = compute_token_vectors(engine, texts)
    close(tokens, wanted["sequence_output"].numpy()[mask])
    pooled = compute_text_vectors(engine, texts, "pooler")
    close(pooled, wanted["pooled_output"].numpy())
