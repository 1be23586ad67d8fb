"""Initial weights with which two attention heads already read the previous and the next piece.

A small ALBERT that starts at random learns little more than piece frequencies for millions of
tokens, because attention must find neighbours before anything can be learned from them. Here
positions are written as sines into dimensions of the embedding that words leave free, and the
first two heads compare only these, one shifted a position back, one a position on. Training may
change all of it; the architecture stays ALBERT's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
from torch import nn

from albertkit.arrays import Float64Array
from albertkit.errors import InputError
from albertkit.pretraining.initialization import (
    TABLE_STD,
    compute_principal_directions,
    scale_table,
    set_parameter,
    to_tensor,
)
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import WORD_TABLE, make_layer_prefix

DIMENSIONS = 32  # of E for positions: 16 sines and cosines
FREQUENCIES = math.pi * (np.arange(DIMENSIONS // 2) + 0.5) / (DIMENSIONS // 2)  # narrow peaks
SHARPNESS = 1.8  # of the heads: about nine tenths of their attention is on one position
SHIFTS = (-1, 1)  # what the first heads read: the previous piece, the next piece


def initialize_neighbour_heads(
    parameters: Mapping[str, nn.Parameter],
    config: AlbertConfig,
    piece_vectors: npt.NDArray[np.floating],
    special_ids: Collection[int],
    seed: int = 0,
) -> None:
    """Set embeddings, projection and two heads of each layer.

    Args:
        parameters: by canonical names; changed in place.
        config: of the parameters.
        piece_vectors: [V, D], another model's vectors of the pieces, whose first E - 32
            directions start the word table.
        special_ids: rows of the word table that start at random.
        seed: of the random values.

    Raises:
        InputError: [initialization-impossible] if the heads or the word table are too narrow.
    """
    E, H, D = config.embedding_size, config.hidden_size, config.head_size
    if E <= DIMENSIONS or D < DIMENSIONS or config.num_attention_heads < len(SHIFTS) or H < E:
        raise InputError(
            "initialization-impossible",
            f"embedding_size is {E}, hidden_size {H}, the size of a head {D}",
            why=f"positions take {DIMENSIONS} dimensions of the embedding and of each of two heads",
            fix="Make them wider, or start at random: leave piece_vectors out",
        )
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(H, E)))[0] * math.sqrt(H / E)  # [H, E]
    centred = piece_vectors.astype(np.float64) - piece_vectors.mean(0, dtype=np.float64)
    words = centred @ compute_principal_directions(centred, E - DIMENSIONS)
    words = scale_table(words, special_ids, rng)
    set_parameter(parameters[WORD_TABLE], np.pad(words, ((0, 0), (0, DIMENSIONS))))
    set_parameter(parameters["embeddings.position_embeddings.weight"], _make_position_table(config))
    parameters["embeddings.token_type_embeddings.weight"].data.mul_(0.1)
    set_parameter(parameters["encoder.embedding_hidden_mapping_in.weight"], rotation)
    back = rotation.T[E - DIMENSIONS :] * (E / H)  # [DIMENSIONS, H], token vectors → positions
    for group in range(config.num_hidden_groups):
        for inner in range(config.inner_group_num):
            prefix = make_layer_prefix(group, inner) + "attention."
            query, key = (parameters[f"{prefix}{name}.weight"] for name in ("query", "key"))
            for head, shift in enumerate(SHIFTS):
                _set_head(query, head * D, D, SHARPNESS * back)
                _set_head(key, head * D, D, SHARPNESS * _shift_matrix(shift) @ back)


def _make_position_table(config: AlbertConfig) -> Float64Array:
    """[positions, E]: sine and cosine of each frequency in the last dimensions."""
    angles = np.arange(config.max_position_embeddings)[:, None] * FREQUENCIES
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(len(angles), DIMENSIONS)
    return np.pad(waves * TABLE_STD, ((0, 0), (config.embedding_size - DIMENSIONS, 0)))


def _shift_matrix(shift: int) -> Float64Array:
    """[DIMENSIONS, DIMENSIONS]: from the waves of position p to those of p - shift."""
    matrix = np.zeros((DIMENSIONS, DIMENSIONS))
    for n, angle in enumerate(FREQUENCIES * shift):
        sine, cosine = math.sin(angle), math.cos(angle)
        matrix[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = [[cosine, -sine], [sine, cosine]]
    return matrix


def _set_head(matrix: nn.Parameter, first: int, width: int, rows: Float64Array) -> None:
    """Give the head at row `first` of a [H, H] matrix these rows, and zeros below them."""
    matrix.data[first : first + width] = 0
    matrix.data[first : first + len(rows)] = to_tensor(rows)
