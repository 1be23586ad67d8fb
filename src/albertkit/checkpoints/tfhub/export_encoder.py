"""ALBERT as a TensorFlow module with the API of TF Hub's encoders, version 3.

In: weights. Out: a tree of objects for `tf.saved_model.save`: called with a dict of ids, mask and
types, with 25 trainable variables under their published names, and `.mlm` where there is that head.
The arithmetic is graph/encoder.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

from albertkit.checkpoints.model_garden.names import list_encoder_rows, list_rows
from albertkit.checkpoints.names import ForeignArrays
from albertkit.checkpoints.tfhub.export_emitter import TensorFlowEmitter
from albertkit.graph.encoder import emit_embeddings, emit_layer, emit_masked_lm_head, emit_pooler
from albertkit.spec import Weights
from albertkit.spec.heads import MASKED_LM
from albertkit.spec.parameters import make_layer_prefix

if TYPE_CHECKING:
    from tensorflow import Module, Tensor, TensorSpec, Variable

IDS, MASK, TYPES = "input_word_ids", "input_mask", "input_type_ids"
POSITIONS = "masked_lm_positions"
HIDING = -1e9  # added to the score of an empty slot, as versions 2 and 3 do; version 1 adds -10000

Inputs: TypeAlias = "Mapping[str, Tensor]"  # int32: [B, S] each, positions [B, P]
Outputs: TypeAlias = "dict[str, Tensor | list[Tensor]]"
Call: TypeAlias = Callable[[Inputs, bool], Outputs]


def make_encoder_module(tf: ModuleType, weights: Weights, sentencepiece: Path | None) -> Module:
    """The tree to save. sentencepiece: becomes the asset `sp_model_file`."""
    table = list_rows(weights.config, weights.heads)
    arrays = ForeignArrays(weights, table)
    variables = {row.canonical: tf.Variable(arrays[row.foreign], name=row.foreign) for row in table}
    arithmetic = Arithmetic(tf, weights, variables)
    own = [variables[row.canonical] for row in list_encoder_rows(weights.config)]
    root = make_callable(tf, arithmetic.encode, own, make_input_specs(tf, IDS, MASK, TYPES))
    if MASKED_LM.name in weights.heads:
        specs = make_input_specs(tf, IDS, MASK, TYPES, POSITIONS)
        root.mlm = make_callable(tf, arithmetic.predict, list(variables.values()), specs)
    if sentencepiece is not None:
        root.sp_model_file = tf.saved_model.Asset(str(sentencepiece))
    return root


def make_encoder_signature(tf: ModuleType, encoder: Module) -> dict[str, Callable[..., Outputs]]:
    """The signature that servers call: inputs by name, outputs in a flat dict."""

    def flat(**inputs: Tensor) -> Outputs:
        outputs = encoder.__call__(inputs)  # an instance's own: Python would look for the class's
        layers = outputs.pop("encoder_outputs")
        return {**outputs, **{f"encoder_output_{n}": x for n, x in enumerate(layers)}}

    specs = make_input_specs(tf, IDS, MASK, TYPES)
    return {"serving_default": tf.function(flat, autograph=False).get_concrete_function(**specs)}


def make_input_specs(tf: ModuleType, *names: str) -> dict[str, TensorSpec]:
    """int32 [B, S] each, both open."""
    return {name: tf.TensorSpec([None, None], tf.int32, name) for name in names}


def make_callable(
    tf: ModuleType, call: Call, variables: Sequence[Variable], specs: Mapping[str, TensorSpec]
) -> Module:
    """An object that is called with the inputs of `specs`, and has the attributes hub asks for."""
    # A tf.Module would compute `variables` anew and save none under that name.
    module = tf.__internal__.tracking.AutoTrackable()
    module.variables = list(variables)
    module.trainable_variables = list(variables)
    module.regularization_losses = []

    @tf.function(autograph=False)
    def forward(inputs: Inputs, training: bool = False, mask: None = None) -> Outputs:
        return call(inputs, training)

    for training in (True, False):  # what is not traced now cannot be called when loaded
        forward.get_concrete_function(dict(specs), training=training)
    module.__call__ = forward
    # the default call of Keras 3's TFSMLayer: no signature takes a dict
    module.serve = forward
    return module


class Arithmetic:
    """What the module computes, over the Emitter for TensorFlow."""

    def __init__(self, tf: ModuleType, weights: Weights, variables: Mapping[str, Variable]) -> None:
        self.tf = tf
        self.config = weights.config
        self.variables = variables

    def encode(self, inputs: Inputs, training: bool) -> Outputs:
        """All outputs of the encoder; `default` is what hub's older layers take."""
        tf, config, emit = self.tf, self.config, self._emitter(training)
        length = tf.shape(inputs[IDS])[1]
        tf.debugging.assert_less_equal(
            length,
            config.max_position_embeddings,
            f"the rows are longer than the {config.max_position_embeddings} positions of the model",
        )
        adder = (1 - tf.cast(inputs[MASK], tf.float32)) * HIDING  # [B, S]
        adder = adder[:, None, None, :]
        positions = tf.range(length)[None]  # [1, S]
        x = emit_embeddings(emit, inputs[IDS], inputs[TYPES], positions)  # [B, S, H]
        every: list[Tensor] = []
        for _ in range(config.num_hidden_layers):
            with tf.name_scope("transformer"):
                x = emit_layer(emit, config, x, adder, make_layer_prefix(0, 0))
            every.append(x)
        with tf.name_scope("pooler_transform"):
            pooled = emit_pooler(emit, x[:, 0])  # [B, H]
        return {
            "default": pooled,
            "encoder_outputs": every,
            "pooled_output": pooled,
            "sequence_output": x,
        }

    def predict(self, inputs: Inputs, training: bool) -> Outputs:
        """The encoder's outputs, and the logits [B, P, V] at the given positions."""
        tf, outputs = self.tf, self.encode(inputs, training)
        del outputs["default"]
        places = inputs[POSITIONS]  # [B, P]
        vectors = tf.gather(outputs["sequence_output"], places, batch_dims=1)  # [B, P, H]
        with tf.name_scope("cls/predictions"):
            outputs["mlm_logits"] = emit_masked_lm_head(
                self._emitter(training), self.config, vectors
            )
        return outputs

    def _emitter(self, training: bool) -> TensorFlowEmitter:
        return TensorFlowEmitter(self.tf, self.config, self.variables, training=training)
