"""OpenVINO graphs of the encoder: all of it, or its embeddings and its layers apart.

All take rows of any number R and width W.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino_library import openvino
from albertkit.graph.emitter import MASKED_SCORE
from albertkit.graph.encoder import emit_embeddings, emit_encoder, emit_layer

if TYPE_CHECKING:
    from openvino import Model, Node

ROWS = ("ids", "type_ids", "positions", "segment_ids")


def encoder_graph(emit: OpenVinoEmitter) -> Model:
    """ids, type ids, positions, owners (int32 [R, W]) → token vectors [R, W, H]."""
    inputs = [_slots(name) for name in ROWS]
    return openvino().Model([_encoded(emit, inputs)], inputs, "albert")


def reading_graph(emit: OpenVinoEmitter) -> Model:
    """As `encoder_graph`, and numbers of slots (int64 [K]) → the vectors of these [K, H]."""
    op = openvino().opset15
    inputs = [_slots(name) for name in ROWS]
    numbers = op.parameter([-1], np.int64, name="read")

    def read(vectors: Node) -> Node:
        flat = op.reshape(vectors, np.array([-1, emit.config.hidden_size], np.int64), False)
        return op.gather(flat, numbers, op.constant(np.int32(0)))

    return openvino().Model([_encoded(emit, inputs, read)], [*inputs, numbers], "albert")


def embeddings_graph(emit: OpenVinoEmitter) -> Model:
    """ids, type ids, positions (int32 [R, W]) → what enters the first layer [R, W, H]."""
    ids, type_ids, positions = map(_slots, ("ids", "type_ids", "positions"))
    vectors = emit_embeddings(emit, ids, type_ids, positions)
    return openvino().Model([vectors], [ids, type_ids, positions], "embeddings")


def layer_graph(emit: OpenVinoEmitter, at: str) -> Model:
    """Token vectors [R, W, H] and owners → the vectors behind the layer `at`.

    at: the prefix of the layer's parameters.
    """
    shape = [-1, -1, emit.config.hidden_size]
    before = openvino().opset15.parameter(shape, np.float32, name="tokens")
    segment_ids = _slots("segment_ids")
    after = emit_layer(emit, emit.config, before, text_mask(segment_ids), at)
    return openvino().Model([after], [before, segment_ids], "layer")


def _encoded(
    emit: OpenVinoEmitter, inputs: list[Node], read: Callable[[Node], Node] | None = None
) -> Node:
    ids, type_ids, positions, segment_ids = inputs
    return emit_encoder(
        emit,
        emit.config,
        ids=ids,
        type_ids=type_ids,
        positions=positions,
        mask=text_mask(segment_ids),
        read=read,
    )


def text_mask(segment_ids: Node) -> Node:
    """The mask [R, 1, W, W]: 0 between slots of one text, MASKED_SCORE elsewhere.

    Empty slots see each other, so that no softmax is over nothing.
    """
    op = openvino().opset15
    same = op.equal(op.unsqueeze(segment_ids, np.int64(1)), op.unsqueeze(segment_ids, np.int64(2)))
    return op.unsqueeze(op.select(same, np.float32(0), np.float32(MASKED_SCORE)), np.int64(1))


def _slots(name: str) -> Node:
    """An input of one number a slot [R, W]."""
    return openvino().opset15.parameter([-1, -1], np.int32, name=name)
