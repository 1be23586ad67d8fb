"""OpenVINO graphs of the encoder: all of it, or its embeddings and its layers separately.

All take any number R of rows and any width W.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.openvino_library import import_openvino
from albertkit.graph.encoder import MASKED_SCORE, emit_embeddings, emit_encoder, emit_layer

if TYPE_CHECKING:
    from openvino import Model, Node

INPUTS = ("ids", "type_ids", "positions", "segment_ids")


def build_encoder_graph(emit: OpenVinoEmitter) -> Model:
    """Build the graph ids, type ids, positions, segment ids (int32 [R, W]) → [R, W, H]."""
    inputs = [_make_slot_input(name) for name in INPUTS]
    return import_openvino().Model([_emit_encoder(emit, inputs)], inputs, "albert")


def build_reading_graph(emit: OpenVinoEmitter) -> Model:
    """Build the graph that also takes numbers of slots (int64 [K]) → vectors [K, H]."""
    op = import_openvino().opset15
    inputs = [_make_slot_input(name) for name in INPUTS]
    numbers = op.parameter([-1], np.int64, name="read")

    def read(vectors: Node) -> Node:
        flat = op.reshape(vectors, np.array([-1, emit.config.hidden_size], np.int64), False)
        return op.gather(flat, numbers, op.constant(np.int32(0)))

    return import_openvino().Model(
        [_emit_encoder(emit, inputs, read)], [*inputs, numbers], "albert"
    )


def build_embeddings_graph(emit: OpenVinoEmitter) -> Model:
    """Build the graph ids, type ids, positions (int32 [R, W]) → the first layer's input."""
    ids, type_ids, positions = map(_make_slot_input, ("ids", "type_ids", "positions"))
    vectors = emit_embeddings(emit, ids, type_ids, positions)
    return import_openvino().Model([vectors], [ids, type_ids, positions], "embeddings")


def build_layer_graph(emit: OpenVinoEmitter, prefix: str) -> Model:
    """Build the graph token vectors [R, W, H], segment ids [R, W] → a layer's output [R, W, H].

    Args:
        emit: The backend.
        prefix: Of the names of the layer's parameters.

    Returns:
        The graph.
    """
    shape = [-1, -1, emit.config.hidden_size]
    before = import_openvino().opset15.parameter(shape, np.float32, name="tokens")
    segment_ids = _make_slot_input("segment_ids")
    after = emit_layer(emit, emit.config, before, text_mask(segment_ids), prefix)
    return import_openvino().Model([after], [before, segment_ids], "layer")


def text_mask(segment_ids: Node) -> Node:
    """Build the mask [R, 1, W, W] of all layers: 0 within a text, MASKED_SCORE between texts.

    Empty slots attend to each other, so that no softmax is over nothing.
    """
    op = import_openvino().opset15
    same = op.equal(op.unsqueeze(segment_ids, np.int64(1)), op.unsqueeze(segment_ids, np.int64(2)))
    return op.unsqueeze(op.select(same, np.float32(0), np.float32(MASKED_SCORE)), np.int64(1))


def _emit_encoder(
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


def _make_slot_input(name: str) -> Node:
    """An input of one number a slot [R, W]."""
    return import_openvino().opset15.parameter([-1, -1], np.int32, name=name)
