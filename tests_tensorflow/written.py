"""Modules that the package wrote, and what its numpy engine answers for the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import tensorflow as tf
from tests.support.axes import SMALL, random_weights
from tests.support.tiny_models import contents

from albertkit.arrays import FloatArray
from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.tfhub.export import write_tfhub
from albertkit.graph.encoder import emit_embeddings, emit_layer, emit_masked_lm_head, emit_pooler
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.parameters import make_layer_prefix

CONFIG = AlbertConfig(
    **{  # type: ignore[arg-type]  # plain data
        **SMALL,
        "vocab_size": 1000,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
    }
)
LENGTHS = (12, 5, 1)  # of texts, padded to the first: the mask has work to do


def write(weights: Weights, path: Path, files: tuple[Path, ...] = ()) -> Path:
    """A module of these weights, with no preprocessor unless a vocabulary is given."""
    write_tfhub(Checkpoint(weights, contents(files)), path)
    return path


def tiny_weights(config: AlbertConfig = CONFIG, *, seed: int = 0) -> Weights:
    """Random weights of all that a module holds, and the identity where it holds no projection."""
    weights = random_weights(config, ["masked_lm"], seed, pooler=True)
    if config.embedding_size != config.hidden_size:
        return weights
    name = "encoder.embedding_hidden_mapping_in"
    identity = {
        f"{name}.weight": np.eye(config.hidden_size, dtype=np.float32),
        f"{name}.bias": np.zeros(config.hidden_size, np.float32),
    }
    return replace(weights, arrays=MappingProxyType({**weights.arrays, **identity}))


def batch(config: AlbertConfig = CONFIG, *, seed: int = 0) -> dict[str, tf.Tensor]:
    """Random ids and types of texts of LENGTHS, padded."""
    rng = np.random.default_rng(seed)
    shape = (len(LENGTHS), max(LENGTHS))
    mask = np.arange(shape[1]) < np.array(LENGTHS)[:, None]
    arrays = {
        "input_word_ids": rng.integers(0, config.vocab_size, shape) * mask,
        "input_mask": mask,
        "input_type_ids": rng.integers(0, config.type_vocab_size, shape) * mask,
    }
    return {name: tf.constant(array, tf.int32) for name, array in arrays.items()}


def numpy_answers(
    weights: Weights, inputs: dict[str, tf.Tensor], places: tuple[int, ...] = (0,)
) -> list[dict[str, FloatArray]]:
    """What the numpy engine's arithmetic gives for each text alone, without its padding.

    places: where to predict words.
    """
    emit, config = NumpyEmitter(weights.config, weights.arrays), weights.config
    everything_seen = np.zeros((1, 1, 1, 1), np.float32)
    answers = []
    for ids, types, mask in zip(
        *(inputs[f"input_{kind}"].numpy() for kind in ("word_ids", "type_ids", "mask")), strict=True
    ):
        length = mask.sum()
        positions = np.arange(length, dtype=np.int32)[None]
        x = emit_embeddings(emit, ids[None, :length], types[None, :length], positions)  # [1, S, H]
        outputs = {}
        for number in range(config.num_hidden_layers):
            x = emit_layer(emit, config, x, everything_seen, make_layer_prefix(0, 0))
            outputs[f"encoder_output_{number}"] = x[0]
        outputs["sequence_output"] = x[0]
        outputs["pooled_output"] = emit_pooler(emit, x[:, 0])[0]
        if "masked_lm" in weights.heads:
            outputs["mlm_logits"] = emit_masked_lm_head(emit, config, x[0, list(places)])
        answers.append(outputs)
    return answers
