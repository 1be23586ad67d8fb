"""A model opens with the tokenizer that belongs to it, or with a line that says why not."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.axes import random_weights
from tests.support.tiny_models import PIECES, TINY, save_tiny, save_tiny_vectors

from albertkit import TextEmbedder
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.engine.packing import compute_text_vectors
from albertkit.errors import AlbertKitError, FormatError, InputError
from albertkit.runtime import load
from albertkit.runtime.loaded_model import FINGERPRINT, add_fingerprint
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tokenization import AlbertTokenizer, Encodings


def test_a_hugging_face_directory_opens_with_weights_and_tokenizer(tmp_path: Path) -> None:
    loaded = load(save_tiny(tmp_path / "model", ["masked_lm"]))
    assert loaded.weights.heads == ("masked_lm",)
    assert loaded.tokenizer.vocab_size == loaded.config.vocab_size == 1000
    assert loaded.pooling is None
    assert loaded.max_length == TINY.max_position_embeddings


def test_a_sentence_transformers_directory_brings_its_plan_and_its_length(tmp_path: Path) -> None:
    plan = PoolingConfig(pooling="max", max_length=12)
    loaded = load(save_tiny_vectors(tmp_path / "model", plan))
    assert loaded.pooling is not None
    assert loaded.pooling.pooling == "max"
    assert loaded.max_length == 12


def test_an_unknown_name_gets_one_line() -> None:
    with pytest.raises(InputError, match="did you mean 'small-en'") as caught:
        load("smal-en")
    assert "[unknown-model]" in str(caught.value)


def test_a_directory_without_a_vocabulary_computes_ids_and_refuses_text(tmp_path: Path) -> None:
    HUGGINGFACE.write(Checkpoint(random_weights(TINY)), tmp_path / "model")
    loaded = load(tmp_path / "model", engine="numpy")
    ids = np.array([2, 5, 6, 3], np.int32)
    encodings = Encodings(ids, np.zeros_like(ids), np.array([0, 4]), np.zeros(1, np.int64))
    vectors = compute_text_vectors(loaded.engine_for(encodings), encodings, "mean")
    assert vectors.shape == (1, TINY.hidden_size)
    with pytest.raises(AlbertKitError, match=r"\[no-vocabulary\]"):
        _ = loaded.tokenizer
    with pytest.raises(AlbertKitError, match=r"\[no-vocabulary\]"):
        TextEmbedder(tmp_path / "model").encode("a text")


def test_a_copy_and_a_pickle_open_the_same_files_with_the_same_pooling(tmp_path: Path) -> None:
    directory = save_tiny_vectors(tmp_path / "model", PoolingConfig())
    loaded = load(directory, engine="numpy", token="secret").with_pooling(PoolingConfig("max"))
    pickled = pickle.dumps(loaded)
    assert b"secret" not in pickled
    for other in (copy.deepcopy(loaded), pickle.loads(pickled)):  # noqa: S301
        assert other.engines is not loaded.engines
        assert other.pooling == PoolingConfig("max")
        assert other.options == loaded.options
        for name, array in loaded.weights.arrays.items():
            np.testing.assert_array_equal(other.weights.arrays[name], array)


def test_a_model_is_printed_by_its_path_and_sizes(tmp_path: Path) -> None:
    directory = save_tiny(tmp_path / "model")
    assert repr(load(directory)) == (
        f"LoadedModel('{directory}', huggingface, {TINY.num_hidden_layers} layers of "
        f"{TINY.hidden_size}, engine 'auto')"
    )


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "model"
    HUGGINGFACE.write(Checkpoint(random_weights(TINY)), path)
    (path / "spiece.model").write_bytes((shared / "fixtures" / "spiece.model").read_bytes())
    with pytest.raises(InputError, match=r"30,000 pieces.*1,000 rows.*\[vocabulary-mismatch\]"):
        load(path)


def test_notes_on_the_files_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wider = replace(TINY, vocab_size=1008)  # eight rows of padding
    HUGGINGFACE.write(Checkpoint(random_weights(wider)), tmp_path / "model")
    AlbertTokenizer.from_pretrained(PIECES).save_pretrained(tmp_path / "model")
    with caplog.at_level(logging.INFO):
        (note,) = load(tmp_path / "model").notes
    assert note.severity == "note"
    assert note.line() in caplog.messages
    assert note.line().endswith("[vocabulary-mismatch]")


def test_a_fingerprint_recognises_another_vocabulary_of_the_same_size(tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer.from_pretrained(PIECES)
    weights = add_fingerprint(random_weights(TINY), tokenizer)
    HUGGINGFACE.write(Checkpoint(weights), tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    assert load(tmp_path / "model").config.extra[FINGERPRINT] == tokenizer.fingerprint

    config = tmp_path / "model" / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps({**content, FINGERPRINT: "0123456789abcdef"}))
    with pytest.raises(FormatError, match=r"0123456789abcdef.*\[vocabulary-mismatch\]"):
        load(tmp_path / "model")
