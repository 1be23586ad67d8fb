"""The parameters of an ONNX file: which tensors hold them, in float32 or rounded to int8.

Matrices are stored as [in, out], as MatMul needs them. The word embeddings are stored once, as
[V, E], for lookups and for logits. The same rows of names are used to read and to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from albertkit.arrays import FloatArray
from albertkit.checkpoints.names import Row, to_foreign
from albertkit.checkpoints.onnx.pooling_metadata import list_dense_arrays
from albertkit.fileformats.onnx.model_file import Array, Tensor
from albertkit.fileformats.tensors import Tensors
from albertkit.graph.onnx.emitter import name_matrix
from albertkit.graph.onnx.int8_emitter import name_int8, name_scales
from albertkit.graph.quantization import compute_row_scales, quantize_rows
from albertkit.spec import ParameterTable, Weights
from albertkit.spec.pooling_config import PoolingConfig

Fetch = Callable[[], FloatArray]
TABLES = "embeddings."  # matrices of which rows are taken


def list_rows(table: ParameterTable) -> tuple[Row, ...]:
    """The place of each parameter in a file of float32."""
    return tuple(_make_row(row.name, len(row.shape)) for row in table.stored)


class Unrounded(Tensors):
    """The tensors of an int8 file by the names and in the layout that they have in float32."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._shapes = dict(tensors.shapes)
        self._steps: dict[str, str] = {}  # the name in float32 → the matrix's own
        for there, shape in tensors.shapes.items():
            row = _make_row(there.removesuffix(name_int8("")), 2)
            outputs = shape[-1:] if row.layout == "transposed" else shape[:1]
            if (
                there == name_int8(row.canonical)
                and tensors.shapes.get(name_scales(row.canonical)) == outputs
            ):
                self._steps[row.foreign] = row.canonical
                self._shapes[row.foreign] = shape

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each parameter, by its name in the file."""
        return self._shapes

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._steps:
            return self._tensors[name]
        of = self._steps[name]
        whole, worth = self._tensors[name_int8(of)], self._tensors[name_scales(of)]
        return whole * worth if name == name_matrix(of) else whole * worth[:, None]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def make_float_tensors(weights: Weights, plan: PoolingConfig | None) -> Iterator[Tensor]:
    """Every parameter in float32, bit for bit."""
    for name, (shape, fetch) in _list_parameters(weights, plan).items():
        row = _make_row(name, len(shape))
        there = shape if row.layout == "same" else shape[::-1]
        yield Tensor(row.foreign, "float32", there, _fetch_foreign(fetch, row))


def make_int8_tensors(weights: Weights, plan: PoolingConfig | None) -> Iterator[Tensor]:
    """Matrices and tables as int8 with a scale for each row; norms and biases in float32."""
    for name, (shape, fetch) in _list_parameters(weights, plan).items():
        row = _make_row(name, len(shape))
        if len(shape) < 2:
            yield Tensor(name, "float32", shape, fetch)
            continue
        there = shape if row.layout == "same" else shape[::-1]
        yield Tensor(name_int8(name), "int8", there, _fetch_rounded(fetch, row))
        yield Tensor(name_scales(name), "float32", shape[:1], _fetch_scales(fetch))


def _list_parameters(
    weights: Weights, plan: PoolingConfig | None
) -> Mapping[str, tuple[tuple[int, ...], Fetch]]:
    """Name → shape and how to get the array: the model's, then those of the plan's steps."""
    parameters = {
        row.name: (row.shape, _fetch_own(weights, row.name)) for row in weights.table().stored
    }
    for name, array in list_dense_arrays(plan).items() if plan else ():
        parameters[name] = array.shape, _fetch_constant(array)
    return parameters


def _make_row(name: str, axes: int) -> Row:
    if axes < 2 or name.startswith(TABLES):
        return Row(name, name)
    return Row(name, name_matrix(name), "transposed")


def _fetch_own(weights: Weights, name: str) -> Fetch:
    return lambda: weights.arrays[name]


def _fetch_constant(array: FloatArray) -> Fetch:
    return lambda: array


def _fetch_foreign(fetch: Fetch, row: Row) -> Callable[[], Array]:
    return lambda: to_foreign(fetch(), row.layout, 1)


def _fetch_rounded(fetch: Fetch, row: Row) -> Callable[[], Array]:
    def fetch_rounded() -> Array:
        whole = quantize_rows(fetch())
        return whole if row.layout == "same" else whole.T

    return fetch_rounded


def _fetch_scales(fetch: Fetch) -> Callable[[], Array]:
    return lambda: compute_row_scales(fetch())
