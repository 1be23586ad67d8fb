"""The examples of TF Hub's page on ALBERT's encoder and preprocessor, run from end to end.

pip install '.[tensorflow]'
albertkit convert small-en albert --to tfhub --without sentence_order
python examples/tfhub_page.py albert
"""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_hub as hub
import tensorflow_text  # noqa: F401 - registers the operations of the preprocessor
import tf_keras
from sentencepiece import SentencePieceProcessor


def simple_use(directory: Path) -> None:
    """Texts to vectors, in Keras 2's functional API; the encoder can be trained."""
    text_input = tf_keras.layers.Input(shape=(), dtype=tf.string)
    preprocessor = hub.KerasLayer(str(directory / "preprocessor"))
    encoder_inputs = preprocessor(text_input)
    encoder = hub.KerasLayer(str(directory), trainable=True)
    outputs = encoder(encoder_inputs)
    pooled_output = outputs["pooled_output"]  # [batch_size, H]
    sequence_output = outputs["sequence_output"]  # [batch_size, seq_length, H]
    embedding_model = tf_keras.Model(text_input, [pooled_output, sequence_output])
    sentences = tf.constant(["(your text here)"])
    for name, output in zip(
        ("pooled_output", "sequence_output"), embedding_model(sentences), strict=True
    ):
        print(name, output.shape)
    print("trainable variables", len(encoder.trainable_variables))


def general_use(directory: Path) -> None:
    """Tokenize segments, then pack them to a length of your choice."""
    preprocessor = hub.load(str(directory / "preprocessor"))
    text_inputs = [tf_keras.layers.Input(shape=(), dtype=tf.string) for _ in range(2)]
    tokenize = hub.KerasLayer(preprocessor.tokenize)
    tokenized_inputs = [tokenize(segment) for segment in text_inputs]
    seq_length = 16
    bert_pack_inputs = hub.KerasLayer(
        preprocessor.bert_pack_inputs, arguments={"seq_length": seq_length}
    )
    model = tf_keras.Model(text_inputs, bert_pack_inputs(tokenized_inputs))
    packed = model([tf.constant(["How old are you?"]), tf.constant(["what is your age?"])])
    for name, rows in packed.items():
        print(name, rows.numpy()[0].tolist())
    special_tokens = preprocessor.tokenize.get_special_tokens_dict()
    print({name: int(number) for name, number in special_tokens.items()})


def predict_masks(directory: Path) -> None:
    """The masked-LM head: which pieces fit the masked positions?"""
    preprocessor = hub.load(str(directory / "preprocessor"))
    encoder = hub.load(str(directory))
    mask = int(preprocessor.tokenize.get_special_tokens_dict()["mask_id"])
    text = "plants create oxygen through a process known as photosynthesis."
    inputs = preprocessor([text])
    position = 3  # [CLS] plants create oxygen
    ids = tf.tensor_scatter_nd_update(inputs["input_word_ids"], [[0, position]], [mask])
    mlm_inputs = {
        **inputs,
        "input_word_ids": ids,
        "masked_lm_positions": tf.constant([[position]]),
    }
    logits = encoder.mlm(mlm_inputs)["mlm_logits"]  # [batch_size, num_predictions, vocab_size]
    print("mlm_logits", logits.shape)
    pieces = SentencePieceProcessor(model_file=encoder.sp_model_file.asset_path.numpy().decode())
    best = tf.math.top_k(logits[0, 0], 5).indices.numpy().tolist()
    print("most probable pieces", [pieces.id_to_piece(number) for number in best])


def keras_3(directory: Path) -> None:
    """The same encoder in Keras 3, for inference or plain gradient descent."""
    import keras

    preprocessor = keras.layers.TFSMLayer(directory / "preprocessor")
    encoder = keras.layers.TFSMLayer(directory)
    outputs = encoder(preprocessor(tf.constant(["(your text here)"])))
    print("in Keras 3", outputs["pooled_output"].shape, len(encoder.trainable_weights), "weights")


def main(directory: Path) -> None:
    simple_use(directory)
    general_use(directory)
    predict_masks(directory)
    keras_3(directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
