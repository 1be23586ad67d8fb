"""BERT's preprocessor in TensorFlow itself, against the tokenizer that opens from it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the operations that the module is made of
from tests.support.modules import HERE, fixture

from albertkit.tokenization import AlbertTokenizer

# Where the order of the steps, the whitespace that counts, or bytes and characters differ.
PARTS = (
    *("the", "albert", "A", "1993,", "don't", "e-mail", "[MASK]", "[CLS]", "##s", "x" * 101),
    *("中", "文本", "日本", "㍿", "㋿", "⺟", "一⼀", "a⼀b", "가", "각", "ｶﾞ", "𝔘", "ａ", "①", "½"),
    *("é", "e\u0301", "ß", "İ", "ǰ", "ᾳ", "\u0345a", "¨a", "Ω", "ﬁ", "ŉ", "Ǆ", "ẞ", "\u0301"),
    *("\u2028", "\u2029", "\u1680", "\u3000", "\xa0", "\x85", "\x0b", "\t", "\0", "\x01", "\x7f"),
    *("\u200d", "\u202e", "\u200b", "\xad", "\ufeff", "\ufffe", "\ue000", "\U000e0041", "😀"),
    *("é" * 49, "é" * 51, "q" * 99 + "é", "q" * 98 + "é", "ü" * 60, "и" * 50, "и" * 51, "_$“…”"),
)


@pytest.mark.parametrize("seed", range(3))
def test_random_texts_have_tensorflows_ids(seed: int, tmp_path: Path) -> None:
    path = fixture("bert_preprocess_tiny", HERE, tmp_path)
    rng = random.Random(seed)
    texts = [
        "".join(rng.choice(PARTS) + rng.choice(("", " ")) for _ in range(9)) for _ in range(400)
    ]
    module = tf.saved_model.load(str(path))
    wanted = module.tokenize(tf.constant(texts)).merge_dims(-2, -1).to_list()
    tokenizer = AlbertTokenizer.from_pretrained(path)
    assert [row.ids[1:-1].tolist() for row in tokenizer.encode_batch(texts)] == wanted
