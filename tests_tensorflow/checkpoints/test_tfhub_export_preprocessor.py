"""The preprocessor's SavedModel: TF Hub's ids and rows exactly, in all that calls it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401 - brings the operations that the module is made of
import tf_keras
from tests.support.axes import SMALL
from tests.support.tiny_models import PIECES, contents
from tests_tensorflow.written import CONFIG, tiny_weights

from albertkit.checkpoints import Checkpoint
from albertkit.checkpoints.model_garden.names import PREPROCESSOR
from albertkit.checkpoints.tfhub.export import write_tfhub
from albertkit.spec import AlbertConfig
from albertkit.tokenization import AlbertTokenizer

TEXTS = ["Hello, World!", "", "  Ｆｕｌｌ  ½ café\u0301 STRASSE", "in 2001, he", "[MASK] x\u200by"]
LENGTH = CONFIG.max_position_embeddings  # which is less than the published 128


@pytest.fixture(scope="module")
def preprocessor(module: Path) -> Any:
    return hub.load(str(module / PREPROCESSOR))


@dataclass(frozen=True)
class Published:
    """Our preprocessor with the published vocabulary, and what the published one answered."""

    ours: Any
    expected: Any
    fuzz: Any


@pytest.fixture(scope="module")
def published(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    fixtures, path = shared / "fixtures", tmp_path_factory.mktemp("published") / "albert"
    config = AlbertConfig(
        **{**SMALL, "vocab_size": 30000, "num_hidden_layers": 1, "max_position_embeddings": 512}  # type: ignore[arg-type]  # plain data
    )
    write_tfhub(Checkpoint(tiny_weights(config), contents([fixtures / "spiece.model"])), path)
    fuzz = gzip.decompress((fixtures / "preprocess_fuzz_reference.json.gz").read_bytes())
    return Published(
        hub.load(str(path / PREPROCESSOR)),
        json.loads((fixtures / "preprocess_reference.json").read_text("utf-8")),
        json.loads(fuzz),
    )


def test_ids_are_the_published_preprocessors(published: Published) -> None:
    pieces = published.ours.tokenize(published.expected["texts"])
    assert pieces.to_list() == published.expected["tokenize"]
    assert pieces.dtype == tf.int32
    assert pieces.row_splits.dtype == tf.int64
    assert published.ours.tokenize(published.fuzz["texts"]).to_list() == published.fuzz["tokenize"]


def test_rows_are_the_published_preprocessors(published: Published) -> None:
    outputs = published.ours(published.expected["texts"])
    ids = published.expected["call"]["input_word_ids"]
    assert {tuple(rows.shape) for rows in outputs.values()} == {(len(ids), 128)}
    for row, expected in enumerate(ids):
        np.testing.assert_array_equal(outputs["input_word_ids"][row, : len(expected)], expected)
    np.testing.assert_array_equal(outputs["input_mask"], outputs["input_word_ids"].numpy() > 0)
    assert not outputs["input_type_ids"].numpy().any()


def test_special_tokens_are_the_published_ones(published: Published) -> None:
    specials = published.ours.tokenize.get_special_tokens_dict()
    assert {name: int(x) for name, x in specials.items()} == published.expected[
        "special_tokens_dict"
    ]
    assert {x.dtype for x in specials.values()} == {tf.int32}


def test_packing_is_the_published_one(published: Published) -> None:
    pack, expected = published.ours.bert_pack_inputs, published.expected
    ids = published.ours.tokenize(expected["texts"])[:24]
    for length, rows in expected["pack_single"].items():
        assert_rows(pack([ids], seq_length=int(length)), rows)
    pairs = [published.ours.tokenize(list(side)) for side in zip(*expected["pairs"], strict=True)]
    for length, rows in expected["pack_pairs"].items():
        assert_rows(pack(pairs, tf.constant(int(length))), rows)
    words = dict(expected["pack_words"])
    given = tf.ragged.constant(words.pop("input"), tf.int32, ragged_rank=2)
    assert_rows(pack([given], seq_length=words.pop("seq_length")), words)
    assert pack([ids])["input_word_ids"].shape == (24, 128)


def test_pairs_are_cut_in_turn_as_the_published_one_cuts(published: Published) -> None:
    rows = np.array(published.expected["truncation"]["rows"])
    assert len(rows) == 729
    for length in sorted(set(rows[:, 0])):
        _, first, second, kept_first, kept_second = rows[rows[:, 0] == length].T
        pair = [rows_from(100, first), rows_from(500, second)]
        packed_inputs = published.ours.bert_pack_inputs(pair, seq_length=int(length))[
            "input_word_ids"
        ]
        np.testing.assert_array_equal(
            ((packed_inputs >= 100) & (packed_inputs < 200)).numpy().sum(1), kept_first
        )
        np.testing.assert_array_equal((packed_inputs >= 500).numpy().sum(1), kept_second)


def test_the_tokenizer_in_the_same_policy_gives_the_same_ids(preprocessor: Any) -> None:
    ours = AlbertTokenizer.from_pretrained(PIECES, policy="tfhub").encode_batch(TEXTS)
    expected = [ours.ids[start + 1 : end - 1].tolist() for start, end in pairwise(ours.offsets)]
    assert preprocessor.tokenize(TEXTS).to_list() == expected
    actual = preprocessor(TEXTS)["input_word_ids"]
    assert actual.shape == (len(TEXTS), LENGTH)
    assert actual[0].numpy()[: len(expected[0]) + 2].tolist() == [2, *expected[0], 3]


def test_case_and_accents_are_kept_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text('{"do_lower_case": false, "keep_accents": true}')
    write_tfhub(Checkpoint(tiny_weights(), contents([PIECES, settings])), tmp_path / "module")
    cased = hub.load(str(tmp_path / "module" / PREPROCESSOR))
    unknown = 1  # the vocabulary has small letters without accents alone
    assert cased.tokenize(["É A é"]).to_list() == [[13, unknown, 13, unknown, 13, unknown]]


def test_hub_layers_know_the_shapes_before_they_run(module: Path, preprocessor: Any) -> None:
    text = tf_keras.Input([], dtype=tf.string)
    rows = hub.KerasLayer(str(module / PREPROCESSOR))(text)
    assert {tuple(x.shape) for x in rows.values()} == {(None, LENGTH)}
    ids = hub.KerasLayer(preprocessor.tokenize)(text)
    pack = hub.KerasLayer(preprocessor.bert_pack_inputs, arguments={"seq_length": 16})
    rows = pack([ids, ids])
    assert {tuple(x.shape) for x in rows.values()} == {(None, 16)}
    pooled = hub.KerasLayer(str(module), trainable=True)(rows)["pooled_output"]
    vectors = tf_keras.Model(text, pooled).predict(tf.constant(TEXTS), verbose=0)
    assert vectors.shape == (len(TEXTS), CONFIG.hidden_size)


def test_keras_3_and_data_pipelines_call_it(module: Path, preprocessor: Any) -> None:
    expected = preprocessor(TEXTS)
    layer = keras.layers.TFSMLayer(module / PREPROCESSOR)
    assert_rows(layer(tf.constant(TEXTS)), expected)
    data = tf.data.Dataset.from_tensor_slices(TEXTS).batch(len(TEXTS))
    assert_rows(next(iter(data.map(preprocessor))), expected)
    signature = tf.saved_model.load(module / PREPROCESSOR).signatures["serving_default"]
    assert_rows(signature(sentences=tf.constant(TEXTS)), expected)


def rows_from(first: int, lengths: np.ndarray) -> tf.RaggedTensor:
    """Rows first, first + 1 … of these lengths."""
    return tf.ragged.constant([list(range(first, first + n)) for n in lengths], tf.int32, 1)


def assert_rows(actual: Any, expected: Any) -> None:
    assert set(actual) == {"input_word_ids", "input_mask", "input_type_ids"}
    for name, rows in actual.items():
        assert rows.dtype == tf.int32
        np.testing.assert_array_equal(rows, expected[name])
