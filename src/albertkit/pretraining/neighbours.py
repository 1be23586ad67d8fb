"""A beginning in which two attention heads already see the piece before and the piece after.

A small ALBERT that begins at random learns for millions of tokens little more than how often
pieces are, because attention must find neighbours before anything can be learned from them. Here
places are written as sines into dimensions of the embedding that words leave free, and the first
two heads compare only these, one turned a place back, one a place on. All of it may change in
training; the architecture is ALBERT's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from albertkit.errors import InputError
from albertkit.pretraining.initialization import SPECIALS, SPREAD, directions
from albertkit.spec import AlbertConfig
from albertkit.spec.parameters import WORD_TABLE, layer_prefix

PLACES = 32  # dimensions of E that hold places: 16 sines and cosines
FREQUENCIES = math.pi * (np.arange(PLACES // 2) + 0.5) / (PLACES // 2)  # so that peaks are narrow
SHARPNESS = 1.8  # of the heads: about nine tenths of their attention lie on one place
NEIGHBOURS = (-1, 1)  # what the first heads see: the piece before, the piece after


def begin_with_neighbours(
    parameters: Mapping[str, nn.Parameter],
    config: AlbertConfig,
    pieces: npt.NDArray[np.floating],
    seed: int = 0,
) -> None:
    """Set embeddings, projection and two heads of each layer, in place.

    pieces: another model's vectors of the pieces [V, D], in whose first E - 32 directions the word
    table begins. Raises InputError [initialization-impossible] where the heads or the table are too
    narrow.
    """
    E, H, D = config.embedding_size, config.hidden_size, config.head_size
    if E <= PLACES or D < PLACES or config.num_attention_heads < len(NEIGHBOURS) or H < E:
        raise InputError(
            "initialization-impossible",
            f"embedding_size is {E}, hidden_size {H}, a head has {D}",
            why=f"places take {PLACES} dimensions of the embedding and of each of two heads",
            fix="Make them wider, or begin at random: leave piece_vectors out",
        )
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(H, E)))[0] * math.sqrt(H / E)  # [H, E]
    _set(parameters[WORD_TABLE], _words(pieces, E, rng))
    _set(parameters["embeddings.position_embeddings.weight"], _places(config))
    parameters["embeddings.token_type_embeddings.weight"].data.mul_(0.1)
    _set(parameters["encoder.embedding_hidden_mapping_in.weight"], turn)
    back = turn.T[E - PLACES :] * (E / H)  # [PLACES, H], from token vectors to places
    for group in range(config.num_hidden_groups):
        for inner in range(config.inner_group_num):
            at = layer_prefix(group, inner) + "attention."
            query, key = (parameters[f"{at}{name}.weight"] for name in ("query", "key"))
            for head, step in enumerate(NEIGHBOURS):
                _set_head(query, head * D, D, SHARPNESS * back)
                _set_head(key, head * D, D, SHARPNESS * _turned(step) @ back)


def _words(
    pieces: npt.NDArray[np.floating], width: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """[V, E]: piece vectors in their first directions, the dimensions of places empty."""
    centred = pieces.astype(np.float64) - pieces.mean(0, dtype=np.float64)
    words = centred @ directions(centred, width - PLACES)
    words *= SPREAD / words.std()
    words[:SPECIALS] = rng.normal(0, SPREAD, (SPECIALS, width - PLACES))
    return np.pad(words, ((0, 0), (0, PLACES)))


def _places(config: AlbertConfig) -> npt.NDArray[np.float64]:
    """[positions, E]: sine and cosine of each frequency, side by side, behind the words."""
    angles = np.arange(config.max_position_embeddings)[:, None] * FREQUENCIES
    waves = np.stack([np.sin(angles), np.cos(angles)], -1).reshape(len(angles), PLACES)
    return np.pad(waves * SPREAD, ((0, 0), (config.embedding_size - PLACES, 0)))


def _turned(step: int) -> npt.NDArray[np.float64]:
    """[PLACES, PLACES]: from the waves of place p to those of p - step."""
    turn = np.zeros((PLACES, PLACES))
    for n, angle in enumerate(FREQUENCIES * step):
        sine, cosine = math.sin(angle), math.cos(angle)
        turn[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = [[cosine, -sine], [sine, cosine]]
    return turn


def _set_head(matrix: nn.Parameter, at: int, width: int, rows: npt.NDArray[np.float64]) -> None:
    """Give the head at row `at` of a [H, H] matrix these rows first, and zeros below."""
    matrix.data[at : at + width] = 0
    matrix.data[at : at + len(rows)] = _tensor(rows)


def _set(parameter: nn.Parameter, values: npt.NDArray[np.float64]) -> None:
    parameter.data.copy_(_tensor(values))


def _tensor(values: npt.NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
