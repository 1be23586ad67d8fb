"""keras_hub opens the presets that we write, and computes the same; we open what it saves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from albertkit.arrays import FloatArray

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras_hub
from keras_hub import models
from sentencepiece import SentencePieceProcessor
from tests.support.axes import SMALL, random_weights
from tests.support.tiny_models import PIECES, contents

from albertkit.checkpoints import Checkpoint, read_checkpoint
from albertkit.checkpoints.keras_hub.format import KERAS_HUB
from albertkit.graph.encoder import emit_encoder, emit_linear_head, emit_masked_lm_head, emit_pooler
from albertkit.graph.numpy_emitter import NumpyEmitter
from albertkit.spec import AlbertConfig, Weights
from albertkit.spec.heads import SEQUENCE_CLASSIFICATION
from albertkit.tokenization import AlbertTokenizer

ATOL, LOGITS_ATOL = 1e-5, 5e-5
CONFIG = AlbertConfig(**{**SMALL, "vocab_size": 1000})  # type: ignore[arg-type]  # plain data
GROUPS = replace(CONFIG, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2)
EQUAL = replace(CONFIG, embedding_size=CONFIG.hidden_size)
THREE = replace(CONFIG, id2label=MappingProxyType({0: "a", 1: "b", 2: "c"}))


def write_preset(path: Path, config: AlbertConfig, *heads: str) -> Weights:
    """A preset with a vocabulary; returns the weights as they are read back."""
    files = AlbertTokenizer.from_pretrained(PIECES).save_pretrained(path.with_name("tokenizer"))
    KERAS_HUB.write(Checkpoint(random_weights(config, heads, pooler=True), contents(files)), path)
    return read_checkpoint(path).weights


def batch(config: AlbertConfig) -> dict[str, np.ndarray[Any, Any]]:
    """Random texts of 12, 5 and 1 ids, padded."""
    rng = np.random.default_rng(0)
    mask = np.arange(12) < np.array([12, 5, 1])[:, None]
    return {
        "token_ids": (rng.integers(0, config.vocab_size, mask.shape) * mask).astype(np.int32),
        "segment_ids": (rng.integers(0, 2, mask.shape) * mask).astype(np.int32),
        "padding_mask": mask.astype(np.int32),
    }


def vectors(weights: Weights, inputs: dict[str, np.ndarray[Any, Any]]) -> FloatArray:
    """The token vectors [B, S, H] by our own arithmetic."""
    mask = inputs["padding_mask"]
    tokens: FloatArray = emit_encoder(
        NumpyEmitter(weights.config, weights.arrays),
        weights.config,
        ids=inputs["token_ids"],
        type_ids=inputs["segment_ids"],
        positions=np.broadcast_to(np.arange(mask.shape[1], dtype=np.int32), mask.shape),
        mask=np.where(mask[:, None, None, :] == 1, 0, -1e4).astype(np.float32),
    )
    return tokens


def assert_close(actual: Any, wanted: FloatArray, atol: float = ATOL) -> None:
    np.testing.assert_allclose(np.asarray(actual), wanted, rtol=0, atol=atol)


def assert_same_encoder(backbone: Any, weights: Weights) -> None:
    inputs = batch(weights.config)
    theirs, ours = backbone(inputs), vectors(weights, inputs)
    seen = inputs["padding_mask"] == 1
    assert_close(np.asarray(theirs["sequence_output"])[seen], ours[seen])
    emit = NumpyEmitter(weights.config, weights.arrays)
    assert_close(theirs["pooled_output"], emit_pooler(emit, ours[:, 0]))


@pytest.mark.parametrize("config", [CONFIG, GROUPS, EQUAL], ids=["plain", "groups", "equal"])
def test_keras_hub_opens_a_backbone(config: AlbertConfig, tmp_path: Path) -> None:
    weights = write_preset(tmp_path / "m", config)
    assert_same_encoder(models.AlbertBackbone.from_preset(str(tmp_path / "m")), weights)


def test_keras_hub_opens_a_masked_language_model(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    weights = write_preset(tmp_path / "m", CONFIG, "masked_lm")
    model = models.AlbertMaskedLM.from_preset(str(tmp_path / "m"))
    assert not [w for w in recwarn if "Skipping" in str(w.message)]  # nothing is missing
    assert_same_encoder(model.backbone, weights)
    inputs = batch(CONFIG)
    positions = np.array([[0, 3, 11], [4, 1, 1], [0, 0, 0]], np.int32)
    logits = model({**inputs, "mask_positions": positions})
    asked = np.take_along_axis(vectors(weights, inputs), positions[:, :, None], axis=1)  # [B, P, H]
    emit = NumpyEmitter(weights.config, weights.arrays)
    assert_close(logits, emit_masked_lm_head(emit, weights.config, asked), LOGITS_ATOL)


def test_keras_hub_opens_a_classifier(tmp_path: Path) -> None:
    weights = write_preset(tmp_path / "m", THREE, "sequence_classification")
    model = models.AlbertTextClassifier.from_preset(str(tmp_path / "m"))
    assert model.num_classes == 3
    emit, inputs = NumpyEmitter(weights.config, weights.arrays), batch(THREE)
    pooled = emit_pooler(emit, vectors(weights, inputs)[:, 0])
    assert_close(model(inputs), emit_linear_head(emit, SEQUENCE_CLASSIFICATION, pooled))


def test_the_tasks_read_text(tmp_path: Path) -> None:
    pieces = SentencePieceProcessor(model_file=str(PIECES))
    write_preset(tmp_path / "masked", CONFIG, "masked_lm")
    write_preset(tmp_path / "classes", THREE, "sequence_classification")
    write_preset(tmp_path / "bare", CONFIG)
    masked = models.AlbertMaskedLM.from_preset(str(tmp_path / "masked"))
    (inputs, _, _) = masked.preprocessor(["hello world, how are you today"])
    assert inputs["token_ids"].shape == (1, CONFIG.max_position_embeddings)
    classifier = models.AlbertTextClassifier.from_preset(str(tmp_path / "classes"))
    assert classifier.predict(["hello world"], verbose=0).shape == (1, 3)
    for path in ("masked", "classes", "bare"):
        tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(str(tmp_path / path))
        assert list(tokenizer("hello world")) == pieces.encode("hello world")


def test_a_new_head_is_put_on_a_preset(tmp_path: Path) -> None:
    weights = write_preset(tmp_path / "m", CONFIG, "masked_lm")
    model = models.TextClassifier.from_preset(str(tmp_path / "m"), num_classes=5)
    assert_same_encoder(model.backbone, weights)


@pytest.mark.parametrize("head", [None, "masked_lm", "sequence_classification"])
def test_what_keras_hub_saves_is_read_bit_by_bit(head: str | None, tmp_path: Path) -> None:
    heads = [head] if head else []
    weights = write_preset(tmp_path / "ours", THREE if head else GROUPS, *heads)
    kind = {
        None: models.AlbertBackbone,
        "masked_lm": models.AlbertMaskedLM,
        "sequence_classification": models.AlbertTextClassifier,
    }[head]
    kind.from_preset(str(tmp_path / "ours")).save_to_preset(str(tmp_path / "theirs"))
    stored = read_checkpoint(tmp_path / "theirs")
    assert stored.weights.heads == weights.heads
    assert not any(note.code == "checkpoint-extra-tensors" for note in stored.notes)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(stored.weights.arrays[name], array, err_msg=name)
