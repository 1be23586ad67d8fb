"""Initial weights: another model's vectors of the pieces, or another ALBERT.

A word table that starts at random needs millions of tokens to learn which words are alike. A
sentence model has read far more: its vector of each piece, alone, reduced to E directions, is a
better start. (Static vectors of this kind alone reach 0.735 Spearman on STS-B's dev set at 16,000
pieces and E = 128, their teacher 0.87.)
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from albertkit.arrays import Float64Array, FloatArray
from albertkit.checkpoints.agreement import check_shapes
from albertkit.errors import InputError
from albertkit.spec import AlbertConfig, Weights, parameter_table
from albertkit.spec.parameters import make_layer_prefix

LOGGER = logging.getLogger(__name__)

TABLE_STD = 0.04  # standard deviation of the word table: about that of trained ALBERT tables


def align_to_teacher(
    vectors: npt.NDArray[np.floating],
    width: int,
    special_ids: Collection[int],
    seed: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Make a word table and projection from which token vectors point where a teacher's do.

    Args:
        vectors: [V, H], the teacher's vector of each piece alone.
        width: E.
        special_ids: rows that get random values, since special pieces mean nothing to the teacher.
        seed: of these values.

    Returns:
        The word table [V, E] and the projection [H, E] that turns its rows back to `vectors`.
    """
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    rotation = compute_principal_directions(centred, width)  # [H, E]
    projection = rotation * np.sqrt(len(rotation) / width)  # gives vectors of about unit values
    table = scale_table(centred @ rotation, special_ids, np.random.default_rng(seed))
    return np.asarray(table, np.float32), np.asarray(projection, np.float32)


def compute_principal_directions(vectors: npt.NDArray[np.floating], width: int) -> Float64Array:
    """The `width` directions [D, width] that hold most of vectors [N, D], not centred.

    Cosines between vectors survive this best, because the origin stays in its position.

    Raises:
        InputError: [piece-vectors-too-narrow] if D < width.
    """
    if vectors.ndim != 2 or vectors.shape[1] < width:
        raise InputError(
            "piece-vectors-too-narrow",
            f"the vectors have shape {vectors.shape}",
            why=f"{width} directions are needed",
            fix=f"Give an array with at least {width} columns",
        )
    wide = vectors.astype(np.float64)
    directions = np.linalg.eigh(wide.T @ wide)[1][:, ::-1][:, :width]
    return np.asarray(directions, np.float64)


def scale_table(
    table: Float64Array, special_ids: Collection[int], rng: np.random.Generator
) -> Float64Array:
    """Scale a word table to TABLE_STD, with random rows for the special pieces."""
    scaled = table * (TABLE_STD / table.std())
    rows = sorted(special_ids)
    scaled[rows] = rng.normal(0, TABLE_STD, (len(rows), table.shape[1]))
    return np.asarray(scaled, np.float64)


def initialize_from(
    parameters: Mapping[str, nn.Parameter], config: AlbertConfig, weights: Weights
) -> None:
    """Copy another model's weights into the parameters: the encoder, and all heads both have.

    The depth may differ. So may the number of groups: group g of G takes the weights of group
    g·G' // G of the other model's G', so one shared layer is copied into each group, and the
    first group goes back into one (google's init_from_group0).

    A model without a masked-LM head gives one that points from token vectors back to the word
    table: if the encoder was taught sentence vectors, this head predicts related words at once.

    Args:
        parameters: by canonical names; changed in place.
        config: of the parameters.
        weights: of the other model.

    Raises:
        InputError: [initialization-mismatch] if another size differs.
        FormatError: [checkpoint-shape-mismatch], [checkpoint-without-encoder].
    """
    table = parameter_table(weights.config, weights.heads, pooler=weights.has_pooler)
    check_shapes(table, {n: a.shape for n, a in weights.arrays.items()}, weights.origin)
    _check_inner_layers(weights.config, config, weights.origin)
    arrays = dict(weights.arrays)
    for group in range(config.num_hidden_groups):
        source = group * weights.config.num_hidden_groups // config.num_hidden_groups
        for inner in range(config.inner_group_num):
            old, new = make_layer_prefix(source, inner), make_layer_prefix(group, inner)
            for name, array in weights.arrays.items():
                if name.startswith(old):
                    arrays[new + name.removeprefix(old)] = array
    for name in sorted(parameters.keys() & arrays.keys()):
        _check_shape(name, parameters[name], arrays[name].shape, weights.origin)
        set_parameter(parameters[name], arrays[name])
    missing = sorted(parameters.keys() - arrays.keys())
    if missing:
        LOGGER.info("%d parameters start at random: %s", len(missing), ", ".join(missing))
    if "masked_lm" not in weights.heads and "predictions.dense.weight" in parameters:
        projection = parameters["encoder.embedding_hidden_mapping_in.weight"].detach()  # [H, E]
        parameters["predictions.dense.weight"].data.copy_(torch.linalg.pinv(projection))


def set_parameter(parameter: nn.Parameter, values: npt.NDArray[np.floating]) -> None:
    """Copy an array into a parameter on any device."""
    parameter.data.copy_(to_tensor(values))


def to_tensor(values: npt.NDArray[np.floating]) -> Tensor:
    """A float32 tensor with a copy of the values."""
    return torch.from_numpy(np.array(values, np.float32))


def to_arrays(parameters: Mapping[str, nn.Parameter]) -> dict[str, FloatArray]:
    """Float32 copies of parameters, by the same names."""
    return {name: p.detach().float().cpu().numpy().copy() for name, p in parameters.items()}


def _check_inner_layers(theirs: AlbertConfig, ours: AlbertConfig, origin: str) -> None:
    if theirs.inner_group_num != ours.inner_group_num:
        raise InputError(
            "initialization-mismatch",
            f"inner_group_num is {theirs.inner_group_num} in {origin!r}, "
            f"{ours.inner_group_num} here",
            why="only the depth and the number of groups may differ",
            fix="Give another initialize_from",
        )


def _check_shape(name: str, parameter: Tensor, shape: tuple[int, ...], origin: str) -> None:
    if tuple(parameter.shape) != shape:
        raise InputError(
            "initialization-mismatch",
            f"{name} has the shape {list(shape)} in {origin!r}, {list(parameter.shape)} here",
            why="only the depth and the number of groups may differ",
            fix="Give [model] the sizes of that model, or another initialize_from",
        )
