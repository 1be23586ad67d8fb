"""Code of five web pages about ALBERT and BERT on TF Hub and Hugging Face, as people paste it.

Each has wrong or outdated lines; PAGES says which, and the code of each.
"""

from __future__ import annotations

TF1_MODULE = """
import tensorflow as tf
import tensorflow_hub as hub
albert_model = hub.load("https://tfhub.dev/google/albert_base/1")
tokenizer = albert_model.bert_tokenizer
tokens = tokenizer(["a text"], return_tensors='tf', padding=True, truncation=True, max_length=128)
input_ids = tokens['input_ids']
output = albert_model(input_ids)
input_ids = tf.reshape(input_ids, [1, -1])
try:
    output = albert_model(input_ids)
except tf.errors.InvalidArgumentError as e:
    print(e)
from transformers import BertTokenizer
bert_tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")
"""
VECTORIZATION = """
!wget
tar -xzf a.tar.gz
albert_layer = hub.KerasLayer("albert_en_base/1", trainable=False)
sp_model_file = albert_layer.resolved_object.sp_model_file.asset_path.numpy()
tokenizer = tokenization.FullSentencePieceTokenizer(sp_model_file)
def get_segments(tokens, max_seq_length):
    segments = []
    current_segment_id = 0
    for token in tokens:
        if token == "[SEP]":
            current_segment_id = 1
    return segments + [0] * (max_seq_length - len(tokens))
stokens = tokenizer.tokenize(text)
stokens = stokens[:MAX_LEN]
stokens = ["[CLS]"] + stokens + ["[SEP]"]
pooled_output, sequence_output = albert_layer([input_ids, input_mask, segment_ids])
"""
MODEL_PAGE = """
text_input = tf.keras.layers.Input(shape=(), dtype=tf.string)
preprocessor = hub.KerasLayer("http://tfhub.dev/tensorflow/albert_en_preprocess/3")
encoder_inputs = preprocessor(text_input)
encoder = hub.KerasLayer("https://tfhub.dev/tensorflow/albert_en_large/3", trainable=True)
outputs = encoder(encoder_inputs)
pooled_output = outputs["pooled_output"]
"""
HUGGING_FACE = """
!transformers run --task fill-mask --model albert/albert-base-v2 --device 0
from transformers import pipeline, AlbertTokenizer, AlbertForMultipleChoice, TFAlbertModel
fill = pipeline("fill-mask", model="albert/albert-base-v2", device=0)
fill("Plants create [MASK] through a process known as photosynthesis.", targets=["energy"])
tokenizer = AlbertTokenizer.from_pretrained("albert/albert-base-v2")
encoding = tokenizer([prompt, prompt], [choice0, choice1], return_tensors="pt", padding=True)
answer = pipeline("question-answering", model="albert/albert-base-v2")
"""
BERT_ON_HUB = """
import tensorflow_hub as hub
bert_layer = hub.KerasLayer("https://tfhub.dev/tensorflow/bert_en_uncased_L-12_H-768_A-12/3")
output = bert_layer(inputs=dict(text=["Hello world"]))
"""
PAGES: dict[str, tuple[str, str, set[tuple[int, str]]]] = {
    "What is causing issues with the ALBERT pretrained model on TF Hub?": (
        "tf1_module.py",
        TF1_MODULE,
        {
            (5, "module-attribute-missing"),
            (6, "tensorflow-tensors-removed"),
            (8, "tf1-module-called"),
            (9, "batch-flattened"),
            (11, "tf1-module-called"),
            (12, "exception-never-raised"),
            (15, "tokenizer-of-bert"),
        },
    ),
    "Albert Vectorization (with TensorFlow Hub)": (
        "vectorization.py",
        VECTORIZATION,
        {(6, "text-not-lowercased"), (8, "segments-never-filled"), (15, "pieces-not-cut")},
    ),
    "The page of tensorflow/albert_en_large/3": (
        "model_page.py",
        MODEL_PAGE,
        {
            (3, "tensorflow-text-not-imported"),
            (3, "keras3-with-hub-layer"),
            (5, "keras3-with-hub-layer"),
        },
    ),
    "The page of ALBERT at Hugging Face": (
        "hugging_face.py",
        HUGGING_FACE,
        {
            (2, "shell-command-removed"),
            (0, "tf-classes-removed"),
            (4, "gpu-not-available"),
            (5, "target-without-underline"),
            (7, "pair-without-token-types"),
            (7, "truncation-not-asked"),
            (8, "pipeline-removed"),
        },
    ),
    "Why can't TensorFlow Hub load a BERT model?": (
        "bert_on_hub.py",
        BERT_ON_HUB,
        {(4, "text-into-encoder")},
    ),
}
