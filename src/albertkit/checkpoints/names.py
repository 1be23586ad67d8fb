"""Rows of names: which tensor of a file is which parameter, and in which layout.

A format is a list of such rows; reading and writing use the same list. Arrays are converted between
the file's names and layout, and canonical names in torch's layout, when they are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.checkpoints.agreement import check_shapes
from albertkit.errors import FormatError
from albertkit.spec import AlbertConfig, Weights, parameter_table

# The layout of a tensor in a file. A = attention heads, D = H / A.
#   same        as in torch
#   transposed  [in, out] where torch has [out, in]
#   heads_out   [in, A, D] where torch has [A·D, in]: TensorFlow's query, key and value kernels
#   heads_in    [A, D, out] where torch has [out, A·D]: TensorFlow's attention output kernel
#   heads_bias  [A, D] where torch has [A·D]
Layout = Literal["same", "transposed", "heads_out", "heads_in", "heads_bias"]

PROJECTION = "encoder.embedding_hidden_mapping_in"


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter: its canonical name, its name in the file, and its layout there."""

    canonical: str
    foreign: str
    layout: Layout = "same"


class StoredArrays(Protocol):
    """The arrays of a file by its own names, with shapes that are known before reading."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each array, by its name in the file."""
        ...

    def __getitem__(self, name: str) -> FloatArray: ...


class CanonicalArrays(Mapping[str, FloatArray]):
    """A file's arrays by canonical names in torch's layout, read when they are used."""

    def __init__(
        self, arrays: StoredArrays, rows: Iterable[Row], made: Mapping[str, FloatArray]
    ) -> None:
        """Rename arrays.

        Args:
            arrays: the arrays of the file.
            rows: how they correspond to parameters.
            made: parameters without a tensor in the file, because the format implies them.
        """
        self._arrays = arrays
        self._rows = {row.canonical: row for row in rows}
        self._made = made

    def __getitem__(self, name: str) -> FloatArray:
        if name in self._made:
            return self._made[name]
        row = self._rows[name]
        return to_canonical(self._arrays[row.foreign], row.layout)

    def __contains__(self, name: object) -> bool:
        return name in self._rows or name in self._made  # without reading a tensor

    def __iter__(self) -> Iterator[str]:
        yield from self._rows
        yield from self._made

    def __len__(self) -> int:
        return len(self._rows) + len(self._made)


def read_weights(
    arrays: StoredArrays,
    rows: Iterable[Row],
    config: AlbertConfig,
    heads: tuple[str, ...] = (),
    *,
    pooler: bool = True,
    origin: str = "",
) -> Weights:
    """Return the weights of a file, with checked shapes; no tensor is read yet.

    If E equals H, formats without a projection have no rows for it: it is the identity.

    Args:
        arrays: the arrays of the file.
        rows: the names of the format.
        config: determines the parameters and their shapes.
        heads: the heads, by name.
        pooler: whether there is a pooler.
        origin: the checkpoint's name in messages.

    Raises:
        FormatError: [checkpoint-without-encoder] or [checkpoint-shape-mismatch], with the names
            in the file and the canonical ones.
    """
    rows = tuple(rows)
    table = parameter_table(config, heads, pooler=pooler)
    known = {row.canonical for row in rows}
    made = {} if f"{PROJECTION}.weight" in known else make_identity_projection(config)
    shapes: dict[str, tuple[int, ...]] = {name: array.shape for name, array in made.items()}
    for row in rows:
        shape = arrays.shapes.get(row.foreign)
        wanted = table[row.canonical].shape
        if shape is None:
            raise _missing_tensor_error(row, origin)
        there = compute_foreign_shape(wanted, row.layout, config.num_attention_heads)
        if shape != there:
            raise _shape_error(row, shape, there, origin)
        shapes[row.canonical] = wanted
    check_shapes(table, shapes, origin)
    return Weights(config, table.heads, CanonicalArrays(arrays, rows, made), origin)


def make_identity_projection(config: AlbertConfig) -> dict[str, FloatArray]:
    """Return the identity as projection if E equals H; else nothing."""
    if config.embedding_size != config.hidden_size:
        return {}
    return {
        f"{PROJECTION}.weight": np.eye(config.hidden_size, dtype=np.float32),
        f"{PROJECTION}.bias": np.zeros(config.hidden_size, np.float32),
    }


def to_canonical(array: FloatArray, layout: Layout) -> FloatArray:
    """Return a file's tensor in torch's layout, as a view if possible."""
    if layout == "same":
        return array
    if layout == "heads_bias":
        return array.reshape(-1)
    if layout == "heads_in":
        return array.reshape(-1, array.shape[-1]).T
    return array.reshape(array.shape[0], -1).T


def to_foreign(array: FloatArray, layout: Layout, attention_heads: int) -> FloatArray:
    """Return a parameter in the file's layout: the inverse of `to_canonical`."""
    shape = compute_foreign_shape(array.shape, layout, attention_heads)
    turned = array if layout in {"same", "heads_bias"} else array.T
    return turned.reshape(shape)


def compute_foreign_shape(
    shape: tuple[int, ...], layout: Layout, attention_heads: int
) -> tuple[int, ...]:
    """Return the shape in the file of a parameter with `shape` in torch."""
    A = attention_heads
    match layout:
        case "same":
            return shape
        case "heads_bias":
            return (A, shape[0] // A)
        case "transposed":
            return shape[::-1]
        case "heads_out":
            return (shape[1], A, shape[0] // A)
        case "heads_in":
            return (A, shape[1] // A, shape[0])


class ForeignArrays(Mapping[str, FloatArray]):
    """Weights by a format's names and in its layout, converted when they are used."""

    def __init__(self, weights: Weights, rows: Iterable[Row]) -> None:
        """Rename the arrays of `weights`."""
        self._weights = weights
        self._rows = {row.foreign: row for row in rows}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name in the file → shape there, without reading an array."""
        table, heads = self._weights.table(), self._weights.config.num_attention_heads
        return {
            name: compute_foreign_shape(table[row.canonical].shape, row.layout, heads)
            for name, row in self._rows.items()
        }

    def __getitem__(self, name: str) -> FloatArray:
        row = self._rows[name]
        heads = self._weights.config.num_attention_heads
        return to_foreign(self._weights.arrays[row.canonical], row.layout, heads)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def has_real_projection(weights: Weights) -> bool:
    """Return whether the projection has an effect: E differs from H, or it is not the identity.

    Formats without a projection for E = H can represent only the identity.
    """
    identity = make_identity_projection(weights.config)
    return not identity or any(
        not np.array_equal(weights.arrays[name], array) for name, array in identity.items()
    )


def _missing_tensor_error(row: Row, origin: str) -> FormatError:
    return FormatError(
        "checkpoint-without-encoder",
        f"there is no tensor {row.foreign} ({row.canonical})",
        why="the model cannot be computed without it",
        fix="Give the whole checkpoint, and the configuration that belongs to it",
        where=origin,
    )


def _shape_error(
    row: Row, shape: tuple[int, ...], wanted: tuple[int, ...], origin: str
) -> FormatError:
    return FormatError(
        "checkpoint-shape-mismatch",
        f"{row.foreign} ({row.canonical}) has the shape {list(shape)}",
        why=f"by its configuration it has {list(wanted)}",
        fix="Use the configuration that belongs to these weights",
        where=origin,
    )
