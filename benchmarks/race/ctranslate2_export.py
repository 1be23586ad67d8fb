"""ALBERT as a model of CTranslate2, which knows encoders in BERT's form only; the same function.

Two things of ALBERT are not in that form: its embeddings are E wide, not H, and a product takes
them from E to H after their norm. Both fit in exactly, by an extra first layer:

- A table's rows are centred, multiplied by √(H / E) and filled up with zeros to H. The norm over H
  then has the variance of ALBERT's norm over E, and its scale is divided by √(H / E).
- The extra layer's attention adds zero, so its norm is that of the embeddings. Its feed-forward
  part has no norm, and therefore no residual sum, and multiplies by the matrix from E to H:
  a(z) - a(-z) = z for relu, silu and both gelus.

All repetitions are given the same arrays, which CTranslate2 stores once. It costs one attention
with heads of width 1 and a product of 2E·2H; a repetition has 4H² + 2HF.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from ctranslate2.specs import TransformerEncoderModelSpec, TransformerEncoderSpec
from ctranslate2.specs.common_spec import Activation, LayerNormSpec, LinearSpec
from transformers import AlbertModel

FOLDER: Final = "ctranslate2"  # in the directory of the model
ACTIVATIONS: Final = {
    "gelu": Activation.GELU,
    "gelu_new": Activation.GELUTanh,
    "relu": Activation.RELU,
    "silu": Activation.SWISH,
}


def write_ctranslate2(directory: Path) -> None:
    """The folder that ctranslate2.Encoder opens. Texts are single: their type is always 0."""
    albert = AlbertModel.from_pretrained(directory, dtype=torch.float32)
    config = albert.config
    groups: Any = albert.encoder.albert_layer_groups
    layers = [
        layer
        for number in range(config.num_hidden_layers)
        for layer in groups[
            int(number / (config.num_hidden_layers / config.num_hidden_groups))  # as transformers
        ].albert_layers
    ]
    encoder = TransformerEncoderSpec(
        1 + len(layers),
        config.num_attention_heads,
        pre_norm=False,
        activation=ACTIVATIONS[config.hidden_act],
    )
    encoder.scale_embeddings = False
    fill_embeddings(encoder, albert)
    for spec, layer in zip(encoder.layer[1:], layers, strict=True):
        fill_layer(spec, layer)
    model = TransformerEncoderModelSpec(encoder)
    pieces = [f"piece {number}" for number in range(config.vocab_size)]
    model.register_vocabulary(pieces)  # ids are given, so that no piece is ever looked up
    model.config.unk_token = pieces[0]
    model.config.layer_norm_epsilon = config.layer_norm_eps
    model.validate()
    model.optimize()
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    model.save(str(folder))


def fill_embeddings(encoder: TransformerEncoderSpec, albert: AlbertModel) -> None:
    """The tables, and the extra first layer: their norm and the product from E to H."""
    tables, mapping = albert.embeddings, albert.encoder.embedding_hidden_mapping_in
    hidden, embedding = mapping.weight.shape
    growth = np.sqrt(hidden / embedding)

    def widen(rows: np.ndarray) -> np.ndarray:
        """[N, E] → [N, H], the columns from E on zero."""
        wide = np.zeros((len(rows), hidden), np.float32)
        wide[:, :embedding] = rows
        return wide

    def centre(table: np.ndarray) -> np.ndarray:
        return widen((table - table.mean(1, keepdims=True)) * growth)

    kind = array(tables.token_type_embeddings.weight)[0]
    encoder.embeddings[0].weight = centre(array(tables.word_embeddings.weight))
    encoder.position_encodings.encodings = centre(array(tables.position_embeddings.weight) + kind)

    first = encoder.layer[0]
    heads = albert.config.num_attention_heads
    attention, forward = first.self_attention, first.ffn
    fill(attention.linear[0], np.zeros((3 * heads, hidden)), np.zeros(3 * heads))
    fill(attention.linear[1], np.zeros((hidden, heads)), np.zeros(hidden))
    attention.layer_norm.gamma = widen(array(tables.LayerNorm.weight)[None] / growth)[0]
    attention.layer_norm.beta = widen(array(tables.LayerNorm.bias)[None])[0]
    same = widen(np.eye(embedding))
    matrix = array(mapping.weight)
    fill(forward.linear_0, np.concatenate([same, -same]), np.zeros(2 * embedding))
    fill(forward.linear_1, np.concatenate([matrix, -matrix], axis=1), array(mapping.bias))
    del forward.layer_norm


def fill_layer(spec: Any, layer: Any) -> None:
    attention = layer.attention
    inputs = (attention.query, attention.key, attention.value)
    fill(
        spec.self_attention.linear[0],
        np.concatenate([array(each.weight) for each in inputs]),
        np.concatenate([array(each.bias) for each in inputs]),
    )
    fill(spec.self_attention.linear[1], array(attention.dense.weight), array(attention.dense.bias))
    fill_norm(spec.self_attention.layer_norm, attention.LayerNorm)
    fill(spec.ffn.linear_0, array(layer.ffn.weight), array(layer.ffn.bias))
    fill(spec.ffn.linear_1, array(layer.ffn_output.weight), array(layer.ffn_output.bias))
    fill_norm(spec.ffn.layer_norm, layer.full_layer_layer_norm)


def fill(spec: LinearSpec, weight: np.ndarray, bias: np.ndarray) -> None:
    spec.weight, spec.bias = weight.astype(np.float32), bias.astype(np.float32)


def fill_norm(spec: LayerNormSpec, norm: torch.nn.LayerNorm) -> None:
    spec.gamma = array(norm.weight).astype(np.float32)
    spec.beta = array(norm.bias).astype(np.float32)


def array(tensor: torch.Tensor) -> np.ndarray:
    """In float64: sums and products here are rounded once."""
    return tensor.detach().double().numpy()
