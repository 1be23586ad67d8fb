"""Sentence vectors from a TF Hub ALBERT: the well-known article's steps, as they run today.

    pip install '.[tensorflow]'
    albertkit convert small-en albert --to tfhub --without sentence_order
    python examples/vectorization.py albert

The article makes ids, masks and segments by hand, and tokenizes without lower-casing, so that each
capital letter becomes an unknown piece. Here the preprocessor makes them. hub.KerasLayer is a layer
of Keras 2, which is called tf_keras since TensorFlow 2.16. The cosines are high for every pair, as
for any ALBERT that was only pretrained; the vectors of albertkit.TextEmbedder were trained for
comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401 - registers the operations of the preprocessor
import tf_keras

SENTENCES = [
    "I like my phone",
    "My phone is not good.",
    "Recently a lot of hurricanes have hit the US",
    "Global warming is real",
    "How old are you?",
    "what is your age?",
]


def get_model(directory: Path) -> tf_keras.Model:
    """Texts [N] → the pooled vectors [N, H], and the mean of each text's token vectors [N, H]."""
    text = tf_keras.Input([], dtype=tf.string)
    inputs = hub.KerasLayer(str(directory / "preprocessor"))(text)
    outputs = hub.KerasLayer(str(directory), trainable=False)(inputs)
    real = tf.cast(inputs["input_mask"], tf.float32)[:, :, None]  # [N, S, 1]
    mean = tf.reduce_sum(outputs["sequence_output"] * real, 1) / tf.reduce_sum(real, 1)
    return tf_keras.Model(text, [outputs["pooled_output"], mean])


def similarities(vectors: np.ndarray) -> np.ndarray:
    """The cosine of each pair [N, N]."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def show(title: str, cosines: np.ndarray) -> None:
    print(f"\n{title}")
    for sentence, row in zip(SENTENCES, cosines, strict=True):
        print(" ".join(f"{value:6.3f}" for value in row), sentence)


def main(directory: Path) -> None:
    pooled, mean = get_model(directory).predict(tf.constant(SENTENCES), verbose=0)
    print("pooled_output", pooled.shape)
    # The pooled vector was trained to predict the order of two segments, not to compare texts.
    show("cosines of pooled vectors", similarities(pooled))
    show("cosines of mean token vectors", similarities(mean))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
