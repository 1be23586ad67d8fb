"""The names of Keras Hub's variables: layers by their class and number, or by what they are called.

In: a config, or a file that Keras wrote. Out: rows of names for reading and writing. A path in a
file counts the layers of one class in the order of the model (`layers/dense_1/vars/0`); releases
since 2024 also store each layer's own name with its variables; that name is used then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from albertkit.checkpoints.names import Layout, Row
from albertkit.fileformats.hdf5.file import Hdf5File
from albertkit.fileformats.hdf5.writer import Array
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import MASKED_LM, SEQUENCE_CLASSIFICATION
from albertkit.spec.parameters import WORD_TABLE, make_layer_prefix

LAYERS = "layers"
LAYERS_OF_2023 = "_layer_checkpoint_dependencies"  # Source: Keras 2.13; Keras 3 still reads it
VARIABLES = "vars"
NAME = "name"  # the attribute of a layer's variables
# How far training is: steps and learning rate. Keras Hub makes an optimiser for every task, and
# warns where a file says nothing of it.
OPTIMIZER = f"optimizer/{VARIABLES}"
OPTIMIZER_NAME = {OPTIMIZER: {NAME: "adam"}}
LEARNING_RATES = {MASKED_LM.name: 5e-5, SEQUENCE_CLASSIFICATION.name: 1e-5}  # Source: compile


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a Keras model.

    kind: its class in snake case. number: how many of that class come before it. name: its own.
    """

    kind: str
    number: int
    name: str

    @property
    def path(self) -> str:
        """Where Keras writes it today."""
        return f"{LAYERS}/{self.kind}" + (f"_{self.number}" if self.number else "")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a layer: its path below it, its parameter, and its layout in the file."""

    below: str
    canonical: str
    layout: Layout = "same"


Find = Callable[[Layer], str]  # the path of a layer


def linear(canonical: str, below: str = "") -> tuple[Variable, Variable]:
    """A Dense layer."""
    return (
        Variable(f"{below}{VARIABLES}/0", f"{canonical}.weight", "transposed"),
        Variable(f"{below}{VARIABLES}/1", f"{canonical}.bias"),
    )


def norm(canonical: str, below: str = "") -> tuple[Variable, Variable]:
    """A LayerNormalization."""
    return (
        Variable(f"{below}{VARIABLES}/0", f"{canonical}.weight"),
        Variable(f"{below}{VARIABLES}/1", f"{canonical}.bias"),
    )


def heads_of(canonical: str, below: str, kernel: Layout, bias: Layout) -> tuple[Variable, Variable]:
    """An EinsumDense of the attention."""
    return (
        Variable(f"{below}{VARIABLES}/0", f"{canonical}.weight", kernel),
        Variable(f"{below}{VARIABLES}/1", f"{canonical}.bias", bias),
    )


def table(canonical: str) -> tuple[Variable]:
    """An embedding."""
    return (Variable(f"{VARIABLES}/0", canonical),)


AROUND: tuple[tuple[Layer, tuple[Variable, ...]], ...] = (
    (Layer("reversible_embedding", 0, "token_embedding"), table(WORD_TABLE)),
    (
        Layer("position_embedding", 0, "position_embedding"),
        table("embeddings.position_embeddings.weight"),
    ),
    (Layer("embedding", 0, "segment_embedding"), table("embeddings.token_type_embeddings.weight")),
    (Layer("layer_normalization", 0, "embeddings_layer_norm"), norm("embeddings.LayerNorm")),
    (Layer("dense", 0, "embedding_projection"), linear("encoder.embedding_hidden_mapping_in")),
    (Layer("dense", 1, "pooled_dense"), linear("pooler")),
)
ATTENTION = "_self_attention_layer/"
ENCODER: tuple[Variable, ...] = (
    *heads_of("attention.query", f"{ATTENTION}query_dense/", "heads_out", "heads_bias"),
    *heads_of("attention.key", f"{ATTENTION}key_dense/", "heads_out", "heads_bias"),
    *heads_of("attention.value", f"{ATTENTION}value_dense/", "heads_out", "heads_bias"),
    *heads_of("attention.dense", f"{ATTENTION}output_dense/", "heads_in", "same"),
    *norm("attention.LayerNorm", "_self_attention_layer_norm/"),
    *linear("ffn", "_feedforward_intermediate_dense/"),
    *linear("ffn_output", "_feedforward_output_dense/"),
    *norm("full_layer_layer_norm", "_feedforward_layer_norm/"),
)
HEAD_LAYERS: dict[str, tuple[Layer, tuple[Variable, ...]]] = {
    MASKED_LM.name: (
        Layer("masked_lm_head", 0, "mlm_head"),
        (
            Variable(f"{VARIABLES}/0", "predictions.bias"),
            *linear("predictions.dense", "_intermediate_dense/"),
            *norm("predictions.LayerNorm", "_intermediate_layer_norm/"),
        ),
    ),
    SEQUENCE_CLASSIFICATION.name: (Layer("dense", 0, "logits"), linear("classifier")),
}


def list_backbone_layers(config: AlbertConfig) -> Iterator[tuple[Layer, tuple[Variable, ...]]]:
    """Every layer with variables."""
    yield from AROUND
    for group in range(config.num_hidden_groups):
        for inner in range(config.inner_group_num):
            number = group * config.inner_group_num + inner
            layer = Layer("transformer_encoder", number, f"group_{group}_inner_layer_{inner}")
            prefix = make_layer_prefix(group, inner)
            yield (
                layer,
                tuple(Variable(v.below, prefix + v.canonical, v.layout) for v in ENCODER),
            )


def list_backbone_rows(config: AlbertConfig, find: Find = lambda layer: layer.path) -> list[Row]:
    """The rows of model.weights.h5."""
    return [
        row
        for layer, variables in list_backbone_layers(config)
        for row in _make_rows(layer, variables, find)
    ]


def list_head_rows(head: str, find: Find = lambda layer: layer.path) -> list[Row]:
    """The rows of task.weights.h5."""
    return _make_rows(*HEAD_LAYERS[head], find)


def name_layers(layers: Iterable[Layer], model: str) -> dict[str, dict[str, str]]:
    """The attributes of a file: what each layer is called, and the model."""
    named = {f"{layer.path}/{VARIABLES}": {NAME: layer.name} for layer in layers}
    return {VARIABLES: {NAME: model}, **named}


def make_optimizer_arrays(head: str) -> dict[str, Array]:
    """The optimiser of a task that was not trained by Keras Hub."""
    return {
        f"{OPTIMIZER}/0": np.zeros((), np.int64),
        f"{OPTIMIZER}/1": np.array(LEARNING_RATES[head], np.float32),
    }


def make_finder(file: Hdf5File) -> Find:
    """Where the layers of a file are: by their names, or by their order where none has this name.

    A layer that isn't there is looked for where Keras writes it today.
    """
    root = LAYERS_OF_2023 if LAYERS_OF_2023 in file.attributes else LAYERS
    filled = {path.split("/")[1] for path in file if path.startswith(f"{root}/")}
    counted = sorted((*_split_number(child), child) for child in filled)

    def find(layer: Layer) -> str:
        same = [f"{root}/{child}" for kind, _, child in counted if kind == layer.kind]
        for path in same:
            if file.attributes[f"{path}/{VARIABLES}"].get(NAME) == layer.name:
                return path
        return same[layer.number] if layer.number < len(same) else layer.path

    return find


def _split_number(child: str) -> tuple[str, int]:
    """dense_1 → dense, 1."""
    match = re.fullmatch(r"(.+?)(?:_(\d{1,9}))?", child)
    kind, number = match.groups() if match else (child, None)
    return kind, int(number or 0)


def _make_rows(layer: Layer, variables: tuple[Variable, ...], find: Find) -> list[Row]:
    path = find(layer)
    return [Row(v.canonical, f"{path}/{v.below}", v.layout) for v in variables]
